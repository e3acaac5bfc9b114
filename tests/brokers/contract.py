"""What every adapter must show, against the simulator of its broker.

A subclass gives `desk`: the adapter under test, the simulator's own truth, and its faults.
"""

import dataclasses
import time
from datetime import UTC, date, datetime, timedelta
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
    AlertRequest,
    ChargedOrder,
    Conversion,
    GttKind,
    GttLeg,
    GttRequest,
    GttStatus,
    Interval,
    Line,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderType,
    Outcome,
    Product,
    Side,
    Variety,
)

KEY = "NSE:INFY"


def plain(value, path="answer"):
    """Walk through an answer: no float, no naive time, nothing but our own types."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            plain(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, dict):
        for name, one in value.items():
            plain(one, f"{path}[{name}]")
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            plain(one, f"{path}[{index}]")
    elif isinstance(value, datetime):
        assert value.utcoffset() == timedelta(hours=5, minutes=30), f"{path} is {value}"
    else:
        allowed = str | int | Decimal | bool | date | None
        assert isinstance(value, allowed), f"{path} is a {type(value)}"
    return value


def eventually(look, seconds=5.0):
    """Look again until it is so."""
    ends = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.05)
    return found


class BrokerContract:
    """Run by each adapter's own test class."""

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

    def order(self, desk, tag="", **more):
        terms = {
            "exchange": "NSE",
            "symbol": "INFY",
            "side": Side.BUY,
            "quantity": 2,
            "product": Product.CNC,
            "order_type": OrderType.LIMIT,
            "price": desk.far_below,
            "tag": tag or desk.new_tag(),
        }
        return OrderRequest(**{**terms, **more})

    def placed(self, desk, **more):
        order = self.order(desk, **more)
        placed = desk.broker.place(order)
        return eventually(
            lambda: next(
                (
                    one
                    for one in desk.broker.find_by_tag(order.tag)
                    if one.order_id == placed.order_id and one.status is OrderStatus.OPEN
                ),
                None,
            )
        )

    def market(self, desk, **more):
        protection = desk.broker.capabilities.automatic_protection
        more = {
            "order_type": OrderType.MARKET,
            "price": None,
            "market_protection": protection,
            **more,
        }
        order = self.order(desk, **more)
        placed = desk.broker.place(order)
        return eventually(lambda: self.complete(desk, placed.order_id))

    def complete(self, desk, order_id):
        last = desk.broker.order_history(order_id)[-1]
        return last if last.status is OrderStatus.COMPLETE else None

    def instrument(self, desk, symbol="INFY"):
        with desk.broker.instruments("NSE") as found:
            return next(one for one in found if one.symbol == symbol)

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
        changed = eventually(
            lambda: next((o for o in desk.broker.find_by_tag(order.tag) if o.quantity == 3), None)
        )
        assert changed.price == order.price - 1
        eventually(lambda: self.cancelled(desk, order))

        found = eventually(
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
        after = eventually(
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

    # What the account holds

    def test_funds_and_holdings_are_read(self, desk):
        desk.hold("TCS", 10)

        funds = plain(desk.broker.funds())
        holding = next(one for one in plain(desk.broker.holdings()) if one.symbol == "TCS")

        assert funds.equity.is_enabled
        assert funds.equity.net > 0
        assert holding.quantity == 10
        assert holding.isin
        plain(desk.broker.auction_lots())

    def test_mutual_funds_are_read(self, desk):
        if not desk.broker.capabilities.has_funds:
            pytest.skip("no mutual funds at this broker")
        for read in (
            desk.broker.fund_orders,
            desk.broker.fund_plans,
            desk.broker.fund_holdings,
            desk.broker.fund_instruments,
        ):
            plain(read())

    # Triggers

    def test_a_trigger_is_kept_changed_and_deleted(self, desk):
        if GttKind.OCO not in desk.broker.capabilities.gtt:
            pytest.skip("no such triggers at this broker")
        last = desk.last
        stop, target = desk.near(last * Decimal("0.93")), desk.near(last * Decimal("1.07"))
        legs = tuple(
            GttLeg(side=Side.SELL, quantity=1, product=Product.CNC, price=price)
            for price in (stop, target)
        )
        request = GttRequest(
            kind=GttKind.OCO,
            exchange="NSE",
            symbol="INFY",
            triggers=(stop, target),
            last_price=last,
            legs=legs,
        )

        gtt_id = desk.broker.place_gtt(request)
        kept = plain(desk.broker.gtt(gtt_id))
        desk.broker.modify_gtt(gtt_id, dataclasses.replace(request, triggers=(stop - 1, target)))
        changed = next(one for one in desk.broker.gtts() if one.gtt_id == gtt_id)
        desk.broker.delete_gtt(gtt_id)

        assert kept.status == GttStatus.ACTIVE
        assert kept.triggers == (stop, target)
        assert [(leg.side, leg.price, leg.succeeded) for leg in kept.legs] == [
            (Side.SELL, stop, None),
            (Side.SELL, target, None),
        ]
        assert changed.triggers == (stop - 1, target)
        left = {one.gtt_id: one.status for one in desk.broker.gtts()}
        assert left.get(gtt_id) != GttStatus.ACTIVE

    def test_an_alert_is_kept_changed_and_deleted(self, desk):
        if not desk.broker.capabilities.has_alerts:
            pytest.skip("no alerts at this broker")
        request = AlertRequest(
            name="INFY high", exchange="NSE", symbol="INFY", operator=">=", constant=desk.last * 2
        )

        alert = plain(desk.broker.create_alert(request))
        desk.broker.modify_alert(alert.alert_id, dataclasses.replace(request, name="higher"))
        again = plain(desk.broker.alert(alert.alert_id))
        plain(desk.broker.alert_history(alert.alert_id))
        listed = [one.alert_id for one in desk.broker.alerts()]
        desk.broker.delete_alerts(alert.alert_id)

        assert alert.constant == desk.last * 2
        assert again.name == "higher"
        assert alert.alert_id in listed
        assert alert.alert_id not in [
            one.alert_id for one in desk.broker.alerts() if one.status != "deleted"
        ]

    # The market

    def test_prices_are_read(self, desk):
        last = plain(desk.broker.ltp([KEY, "NSE:NOSUCHSHARE"]))
        day = plain(desk.broker.ohlc([KEY]))[KEY]
        quote = plain(desk.broker.quote([KEY, "NSE:NIFTY 50"]))

        assert list(last) == [KEY]
        assert last[KEY] > 0
        assert day.low <= day.last_price <= day.high
        assert len(quote[KEY].bids) == len(quote[KEY].offers) == 5
        assert quote[KEY].bids[0].price < quote[KEY].offers[0].price
        assert quote[KEY].quoted_at is not None
        assert quote["NSE:NIFTY 50"].last_price > 0

    def test_the_master_is_read_row_by_row(self, desk):
        with desk.broker.instruments() as found:
            rows = plain(list(found))

        keys = {(one.exchange, one.symbol) for one in rows}
        assert len(keys) == len(rows) > 100
        infy = self.instrument(desk)
        assert infy in rows
        assert infy.tick_size > 0
        assert {one.kind for one in rows} >= {"EQ", "FUT", "CE", "PE"}
        assert all(one.expiry and one.strike for one in rows if one.kind in {"CE", "PE"})

    def test_candles_are_read(self, desk):
        infy = self.instrument(desk)
        until = datetime.now(UTC)

        candles = plain(
            desk.broker.candles(
                infy.instrument_token, Interval.DAY, until - timedelta(days=20), until, with_oi=True
            )
        )

        assert candles
        assert [one.at for one in candles] == sorted(one.at for one in candles)
        assert all(one.low <= one.open <= one.high for one in candles)
        assert candles[0].oi is not None

    def test_costs_are_calculated(self, desk):
        order = self.order(desk)
        (margin,) = plain(desk.broker.margins([order]))
        basket = plain(desk.broker.basket_margin([order, self.order(desk, quantity=1)]))
        (charges,) = plain(
            desk.broker.charges(
                [
                    ChargedOrder(
                        order_id="1",
                        exchange="NSE",
                        symbol="INFY",
                        side=Side.SELL,
                        quantity=10,
                        average_price=desk.last,
                        product=Product.CNC,
                        order_type=OrderType.LIMIT,
                        variety=Variety.REGULAR,
                    )
                ]
            )
        )

        assert margin.total == 2 * desk.far_below
        assert len(basket.orders) == 2
        assert basket.final.total <= basket.initial.total
        assert charges.total >= charges.transaction_tax > 0
