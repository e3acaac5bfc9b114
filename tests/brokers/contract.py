"""What every adapter must show of sessions and orders, against the simulator of its broker.

A subclass gives `desk`: the adapter under test, the simulator's own truth, and its faults.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.errors import (
    AmbiguousOutcome,
    AuthExpired,
    AuthFailed,
    BrokerError,
    BrokerUnavailable,
    InsufficientFunds,
    InvalidOrder,
    NotFound,
    OrderBusy,
    OrderRejected,
    RateLimited,
)
from accounts.brokers.types import (
    Conversion,
    Line,
    OrderChange,
    OrderStatus,
    Outcome,
    Product,
    Side,
    Variety,
)
from tests.brokers.contract_base import Contract, plain
from tests.patience import until


class OrdersContract(Contract):
    """Log-ins, orders, refusals and faults."""

    # What must be true of every kind of fault on the way to an order: what the caller learns, and
    # how many orders the broker then has.
    LOST = {
        "dropped before": (0, Outcome.UNKNOWN),
        "dropped after": (1, Outcome.UNKNOWN),
        "closed after": (1, Outcome.UNKNOWN),
        "half an answer": (1, Outcome.UNKNOWN),
        "late": (1, Outcome.UNKNOWN),
        "drip": (1, Outcome.UNKNOWN),
        "redirect before": (0, Outcome.UNKNOWN),
        "redirect after": (1, Outcome.UNKNOWN),
        "500 json before": (0, Outcome.UNKNOWN),
        "502 html before": (0, Outcome.UNKNOWN),
        "503 empty before": (0, Outcome.UNKNOWN),
        "500 json after": (1, Outcome.UNKNOWN),
        "502 html after": (1, Outcome.UNKNOWN),
        "504 empty after": (1, Outcome.UNKNOWN),
        "too many": (0, Outcome.NOT_SENT),
        "refused": (0, Outcome.REJECTED),
    }

    # The session

    def test_the_profile_tells_whose_account_it_is(self, desk):
        profile = plain(desk.broker.profile())

        assert profile.user_id == desk.user_id
        assert profile.name
        assert "NSE" in profile.exchanges

    def test_the_environment_is_fixed(self, desk):
        assert desk.broker.environment == desk.environment
        with pytest.raises(AttributeError):
            desk.broker.environment = "live"

    def test_a_person_logs_in_and_out(self, desk):
        broker = desk.stranger()
        request_token, state = desk.log_in(broker.login_url("st-4.2~x"))

        session = broker.exchange(request_token, desk.api_secret)

        assert state == "st-4.2~x"
        assert session.user_id == desk.user_id
        assert session.logged_in_at.utcoffset() is not None
        assert session.logged_in_at < session.expires_at
        assert session.expires_at - session.logged_in_at <= timedelta(days=1)
        assert session.access_token not in repr(session)
        assert broker.profile().user_id == desk.user_id
        broker.logout()
        with pytest.raises(AuthExpired):
            broker.profile()

    def test_a_log_in_works_once_and_with_the_right_secret(self, desk):
        broker = desk.stranger()
        request_token, _ = desk.log_in(broker.login_url("x"))

        with pytest.raises(AuthFailed):
            broker.exchange(request_token, "wrong")
        with pytest.raises(AuthFailed):
            broker.exchange("old", desk.api_secret)

    def test_a_program_logs_in_where_that_is_possible(self, desk):
        broker = desk.stranger()
        if not broker.capabilities.session.can_log_in_alone:
            pytest.skip("only a person logs in at this broker")
        with pytest.raises(AuthFailed):
            broker.log_in_alone(desk.user_id, "wrong", desk.code())

        request_token = broker.log_in_alone(desk.user_id, desk.password, desk.code())

        assert broker.exchange(request_token, desk.api_secret).user_id == desk.user_id

    def test_a_dead_session_is_told_by_every_call_and_ends_with_the_next(self, desk):
        desk.end_sessions()

        for call in (desk.broker.profile, desk.broker.orders, desk.broker.funds):
            with pytest.raises(AuthExpired) as caught:
                call()
            assert caught.value.line is Line.NEUTRAL
        with pytest.raises(AuthExpired) as caught:
            desk.broker.place(self.order(desk))
        assert caught.value.outcome is Outcome.NOT_SENT
        desk.broker.use(desk.new_session())
        assert desk.broker.profile().user_id == desk.user_id

    def test_the_clocks_are_compared(self, desk):
        desk.broker.profile()

        skew = desk.broker.clock_skew
        assert abs(skew.seconds) < 2
        assert datetime.now(UTC) - skew.measured_at < timedelta(seconds=5)

    # Orders

    def test_an_order_lives_in_the_book(self, desk):
        order = self.placed(desk)

        assert (order.symbol, order.side, order.quantity) == ("INFY", Side.BUY, 2)
        assert order.price == desk.far_below
        assert order.pending_quantity == 2
        assert order.ordered_at is not None
        plain(desk.broker.orders())
        history = plain(desk.broker.order_history(order.order_id))
        assert history[-1].status is OrderStatus.OPEN
        assert not any(step.status.is_final for step in history)

    def test_an_order_is_changed_and_cancelled(self, desk):
        order = self.placed(desk)
        change = OrderChange(order_id=order.order_id, quantity=3, price=order.price - 1)

        assert desk.broker.modify(change) == order.order_id
        changed = until(
            lambda: next((o for o in desk.broker.find_by_tag(order.tag) if o.quantity == 3), None)
        )
        assert changed.price == order.price - 1
        until(lambda: self.cancelled(desk, order))

        found = until(
            lambda: next((o for o in desk.broker.find_by_tag(order.tag) if o.status.is_final), None)
        )
        assert found.status is OrderStatus.CANCELLED
        assert found.pending_quantity == 0

    def cancelled(self, desk, order):
        """Cancel, again where the broker was still busy with the order."""
        try:
            return desk.broker.cancel(order.order_id, variety=Variety.REGULAR)
        except OrderBusy:
            return None

    def test_a_market_order_is_filled_and_makes_a_position(self, desk):
        order = self.market(desk)

        (fill,) = plain(desk.broker.order_trades(order.order_id))
        assert fill.order_id == order.order_id
        assert fill.quantity == 2
        assert fill.price == order.average_price > 0
        assert fill.filled_at is not None
        assert fill in desk.broker.trades()
        net = plain(desk.broker.positions()).net
        position = next(one for one in net if one.symbol == "INFY")
        assert position.quantity == 2
        assert position.buy_value == 2 * fill.price

    def test_a_position_changes_its_product(self, desk):
        self.market(desk)

        desk.broker.convert(
            Conversion(
                exchange="NSE",
                symbol="INFY",
                side=Side.BUY,
                quantity=2,
                old_product=Product.CNC,
                new_product=Product.MIS,
            )
        )

        held = {one.product: one.quantity for one in desk.broker.positions().net}
        assert held.get(Product.MIS) == 2

    def test_a_large_order_comes_back_in_slices(self, desk):
        if not desk.broker.capabilities.has_autoslice:
            pytest.skip("no slices at this broker")
        future = desk.future()
        placed = desk.broker.place(
            self.order(
                desk,
                exchange=future.exchange,
                symbol=future.symbol,
                product=Product.NRML,
                quantity=future.lot_size * 60,
                price=desk.price_of(future),
                autoslice=True,
            )
        )

        assert placed.order_id
        assert len(placed.slices) > 1
        assert all(one.order_id or one.refusal for one in placed.slices)

    # Refusals

    def refusal(self, desk, **more):
        order = self.order(desk, **more)
        with pytest.raises(OrderRejected) as caught:
            desk.broker.place(order)
        assert caught.value.outcome is Outcome.REJECTED
        assert caught.value.line is Line.ALIVE
        assert caught.value.text
        assert caught.value.status == 400
        assert desk.truth(order.tag) == 0
        return caught.value

    def test_too_little_money_is_told(self, desk):
        refused = self.refusal(desk, quantity=100_000)

        assert isinstance(refused, InsufficientFunds)

    def test_a_wrong_term_is_named(self, desk):
        refused = self.refusal(desk, price=desk.far_below + Decimal("0.01"))

        assert isinstance(refused, InvalidOrder)
        assert refused.field == "price"

    def test_an_unknown_instrument_is_told(self, desk):
        refused = self.refusal(desk, symbol="NOSUCHSHARE")

        assert isinstance(refused, InvalidOrder)
        assert refused.field == "symbol"

    @pytest.mark.parametrize("tag", ["t" * 21, "with space", "ümlaut"])
    def test_a_tag_that_would_be_lost_is_not_sent(self, desk, tag):
        with pytest.raises(InvalidOrder) as caught:
            desk.broker.place(self.order(desk, tag=tag))

        assert caught.value.field == "tag"
        assert desk.truth(tag) == 0

    def test_an_order_that_is_not_there_is_not_found(self, desk):
        with pytest.raises(NotFound):
            desk.broker.cancel("99999999", variety=Variety.REGULAR)
        with pytest.raises(NotFound):
            desk.broker.order_history("99999999")

    # Faults

    @pytest.mark.parametrize(("fault", "proof"), LOST.items(), ids=list(LOST))
    def test_what_a_failed_order_proves(self, desk, fault, proof):
        taken, outcome = proof
        order = self.order(desk)
        desk.break_call("place", fault)

        with pytest.raises(BrokerError) as caught:
            desk.impatient.place(order)

        assert caught.value.outcome is outcome
        assert isinstance(caught.value, AmbiguousOutcome) == (outcome is Outcome.UNKNOWN)
        desk.whole()
        assert desk.truth(order.tag) == taken
        assert len(desk.broker.find_by_tag(order.tag)) == taken

    def test_too_many_calls_tell_how_long_to_wait(self, desk):
        desk.break_call("place", "too many", retry_after="5")

        with pytest.raises(RateLimited) as caught:
            desk.broker.place(self.order(desk))

        assert caught.value.retry_after == 5

    @pytest.mark.parametrize("call", ["cancel", "modify"])
    def test_a_change_without_an_answer_is_unknown(self, desk, call):
        order = self.placed(desk)
        desk.break_call(call, "dropped after")

        changes = {
            "cancel": lambda: desk.broker.cancel(order.order_id, variety=Variety.REGULAR),
            "modify": lambda: desk.broker.modify(OrderChange(order_id=order.order_id, quantity=5)),
        }
        with pytest.raises(AmbiguousOutcome):
            changes[call]()

        desk.whole()
        after = until(
            lambda: next(
                (
                    one
                    for one in desk.broker.find_by_tag(order.tag)
                    if one.status is OrderStatus.CANCELLED or one.quantity == 5
                ),
                None,
            )
        )
        assert after.order_id == order.order_id

    @pytest.mark.parametrize("fault", ["dropped before", "500 json before", "502 html before"])
    def test_a_read_survives_two_failures_and_not_three(self, desk, fault):
        desk.break_call("profile", fault, count=2)
        assert desk.broker.profile().user_id == desk.user_id

        desk.break_call("profile", fault, count=3)
        with pytest.raises(BrokerUnavailable) as caught:
            desk.broker.profile()
        assert caught.value.line is Line.BROKEN
