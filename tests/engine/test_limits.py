"""Each limit one below, at and one above it, and with what it is compared with missing."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import linking
from accounts.brokerage import Membership, Role
from accounts.brokers.words import OrderStatus, OrderType, Side
from orders import front
from orders.datasets import Part
from orders.engine import asking, store
from orders.engine.models import OrderTask
from orders.instruments import import_master
from orders.instruments.models import Instrument
from orders.ledger import Order
from orders.risk import checking
from orders.risk.models import RiskLimits
from tests.engine.desk import again, asked, at_exchange, give, limit, market, work
from tests.engine.risky import holds, limits, read, refusal, stands
from tests.orders.listing import contract, listed
from tests.orders.test_quotes import seen

pytestmark = pytest.mark.django_db


def sent(account, *, seconds_ago=1.0, user=None, **terms):
    """Let an order have been sent, and be over."""
    task = give(account, limit(**terms), user=user)
    at = store.now() - timedelta(seconds=seconds_ago)
    OrderTask.objects.filter(pk=task.pk).update(
        sent_at=at, state="FAILED", reason="refused", window=None
    )


def test_without_limits_an_order_leaves_and_nothing_need_be_known(account):
    assert refusal(account) == ""


@pytest.mark.parametrize(("quantity", "passes"), [(9, True), (10, True), (11, False)])
def test_the_quantity_of_an_order(account, quantity, passes):
    limits(account, order_quantity=10)

    assert (refusal(account, limit(quantity=quantity)) == "") == passes


@pytest.mark.parametrize(
    ("price", "passes"), [("1449.95", True), ("1450", True), ("1450.05", False)]
)
def test_the_value_of_an_order(account, price, passes):
    limits(account, order_value=Decimal(14500))

    assert (refusal(account, limit(price, quantity=10)) == "") == passes


def test_an_order_that_nobody_can_value_is_refused_under_a_cap_of_value(account):
    limits(account, order_value=Decimal(14500))

    assert "Use a limit order." in refusal(account, market())


@pytest.mark.parametrize(("held", "passes"), [(89, True), (90, True), (91, False)])
def test_the_net_position_of_an_instrument(account, held, passes):
    limits(account, instrument_quantity=100)
    read(account)
    holds(account, held)

    why = refusal(account, limit(quantity=10))

    assert (why == "") == passes
    assert passes or "could become 101; at most 100" in why


@pytest.mark.parametrize(("working", "passes"), [(4, True), (5, True), (6, False)])
def test_what_works_and_what_was_filled_since_counts_as_held(account, working, passes):
    limits(account, instrument_quantity=100)
    read(account)
    holds(account, 80)
    stands(account, "1", quantity=working)
    stands(account, "2", quantity=5, filled_quantity=5, status=OrderStatus.COMPLETE, age=0)
    stands(account, "3", quantity=50, filled_quantity=50, status=OrderStatus.COMPLETE)  # in the 80

    assert (refusal(account, limit(quantity=10)) == "") == passes


def test_what_was_sent_and_nobody_knows_of_counts_as_held(account):
    limits(account, instrument_quantity=100)
    read(account)
    task = give(account, limit(quantity=91))
    OrderTask.objects.filter(pk=task.pk).update(state="UNKNOWN", sent_at=store.now())

    assert "101" in refusal(account, limit(quantity=10))
    assert refusal(account, limit(quantity=9)) == ""


def test_what_makes_a_position_smaller_passes_above_the_limit(account):
    limits(account, instrument_quantity=100, exposure=Decimal(1000))
    read(account)
    holds(account, 500)

    assert refusal(account, limit(quantity=10, side=Side.SELL)) == ""
    assert refusal(account, limit(quantity=500, side=Side.SELL)) == ""


@pytest.mark.parametrize("most", [{"instrument_quantity": 100}, {"exposure": Decimal(1000)}])
@pytest.mark.parametrize("held", [500, -500])
def test_what_turns_a_position_round_is_no_exit(account, held, most):
    limits(account, **most)
    read(account)
    holds(account, held)
    side = Side.SELL if held > 0 else Side.BUY

    assert refusal(account, limit(quantity=500, side=side)) == ""
    assert "could become" in refusal(account, limit(quantity=601, side=side))
    assert "could become" in refusal(account, limit(quantity=1000, side=side))


def test_an_exit_beside_another_that_works_is_an_entry_of_the_other_side(account):
    limits(account, instrument_quantity=100, exposure=Decimal(1000))
    read(account)
    holds(account, 500)
    stands(account, "1", side="SELL", quantity=400)

    assert refusal(account, limit(quantity=100, side=Side.SELL)) == ""
    assert "could become" in refusal(account, limit(quantity=601, side=Side.SELL))


@pytest.mark.parametrize(
    ("part", "words"), [(Part.POSITIONS, "positions"), (Part.ORDERS, "orders")]
)
@pytest.mark.parametrize(
    "most",
    [{"instrument_quantity": 10**6}, {"underlying_quantity": 10**6}, {"exposure": Decimal(10**9)}],
    ids=lambda most: next(iter(most)),
)
def test_a_limit_on_positions_refuses_what_it_cannot_tell(account, most, part, words):
    limits(account, **most)
    read(account)
    assert refusal(account) == ""

    read(account, part, age=61)

    why = refusal(account, limit(quantity=2))
    assert f"needs its {words}, and they are 61 seconds old" in why
    assert "send it again in a few seconds" in why


def derivatives():
    infy = {"name": "INFY", "lot_size": 1}
    rows = [
        listed("INFY", name="INFOSYS"),
        contract("INFY26DECFUT", "FUT", "2026-12-29", **infy),
        contract("INFY26DEC1500PE", "PE", "2026-12-29", 1500, **infy),
    ]
    import_master("kite-paper", rows, at=store.now(), accept_shrinkage=True)


@pytest.mark.parametrize(("held", "passes"), [(109, True), (110, True), (111, False)])
def test_the_net_position_of_an_underlying_nets_shares_futures_and_puts(account, held, passes):
    derivatives()
    limits(account, underlying_quantity=100)
    read(account)
    holds(account, held)
    holds(account, 30, symbol="INFY26DECFUT", exchange="NFO")
    holds(account, 50, symbol="INFY26DEC1500PE", exchange="NFO")  # 50 short of the share

    assert (refusal(account, limit(quantity=10)) == "") == passes


def test_an_underlying_that_is_not_known_refuses(account):
    limits(account, underlying_quantity=100)
    read(account)
    holds(account, 5, symbol="GHOST")

    assert "does not have GHOST" in refusal(account)


@pytest.mark.parametrize(
    ("price", "passes"), [("1449.95", True), ("1450", True), ("1450.05", False)]
)
def test_the_gross_exposure(account, price, passes):
    limits(account, exposure=Decimal(46_000))
    read(account)
    holds(account, -10, symbol="TCS", price="3000")  # ₹30,000, long or short
    stands(account, "1", quantity=1, price="1450", symbol="TCS", side="SELL")  # at 3,000: ₹3,000

    why = refusal(account, limit(price, quantity=10))  # 13,000 are left
    assert "₹47," in why

    RiskLimits.objects.update(exposure=Decimal(33_000) + 14_500)
    assert (refusal(account, limit(price, quantity=10), confirms=again_of(account)) == "") == passes


def again_of(account):
    return OrderTask.objects.filter(account=account).latest("pk").pk


def test_an_exposure_without_a_price_is_refused(account):
    limits(account, exposure=Decimal(10**9))
    read(account)

    assert "no price of INFY is known" in refusal(account, market())
    holds(account, 1)
    assert refusal(account, market(quantity=2)) == ""


@pytest.mark.parametrize(
    ("price", "passes"), [("1449.95", True), ("1450", True), ("1450.05", False)]
)
def test_the_turnover_of_a_day(account, price, passes):
    limits(account, turnover=Decimal(50_000))
    read(account)
    stands(
        account, "1", quantity=10, filled_quantity=10, status=OrderStatus.COMPLETE,
        average_price=Decimal(2000),
    )  # fmt: skip
    stands(account, "2", quantity=10, filled_quantity=5, price="1000", average_price=Decimal(2100))

    assert (refusal(account, limit(price, quantity=10)) == "") == passes


@pytest.mark.parametrize(("side", "passes"), [(Side.BUY, True), (Side.SELL, False)])
def test_an_offer_below_the_market_turns_over_what_the_market_pays(account, side, passes):
    limits(account, turnover=Decimal(14_500))
    read(account)
    seen(account, price="1450.05")

    assert (refusal(account, limit("1400", quantity=10, side=side)) == "") == passes


def test_a_turnover_needs_the_orders_of_the_day(account):
    limits(account, turnover=Decimal(10**9))

    assert "needs its orders, and they are not known" in refusal(account)


@pytest.mark.parametrize(
    ("lost", "passes"), [("999.99", True), ("1000", False), ("1000.01", False)]
)
def test_entries_stop_when_the_days_loss_is_reached(account, lost, passes):
    limits(account, loss=Decimal(1000))
    read(account)
    holds(account, 1, m2m=-Decimal(lost) - 500)
    holds(account, 0, symbol="TCS", price="0", m2m=Decimal(500))

    why = refusal(account)
    assert (why == "") == passes
    assert passes or "entries stop at ₹1,000.00" in why


def test_a_loss_that_cannot_be_told_refuses(account):
    limits(account, loss=Decimal(1000))
    assert "not known" in refusal(account)
    read(account)
    holds(account, 1, price="0")

    assert "no price of INFY" in refusal(account, limit(quantity=2))


@pytest.mark.parametrize(("working", "passes"), [(1, True), (2, True), (3, False)])
def test_open_orders(account, working, passes):
    limits(account, open_orders=3)
    read(account)
    for number in range(working):
        stands(account, str(number))
    stands(account, "over", status=OrderStatus.CANCELLED)

    assert (refusal(account, limit(quantity=7)) == "") == passes


def test_open_orders_need_the_book(account):
    limits(account, open_orders=3)

    assert "needs its orders" in refusal(account)


@pytest.mark.parametrize(("made", "passes"), [(1, True), (2, True), (3, False)])
def test_orders_a_minute(account, made, passes):
    limits(account, orders_a_minute=3)
    for number in range(made):
        sent(account, quantity=number + 1)
    sent(account, quantity=50, seconds_ago=61)

    why = refusal(account, limit(quantity=9))
    assert (why == "") == passes
    assert passes or "Send it again in a minute." in why


@pytest.mark.parametrize(("made", "passes"), [(0, True), (1, True), (2, False)])
def test_the_same_side_of_an_instrument_again_and_again(account, made, passes):
    limits(account, repeats=2)
    for number in range(made):
        sent(account, quantity=number + 1)
    sent(account, quantity=3, symbol="TCS")
    sent(account, quantity=3, side=Side.SELL)
    sent(account, quantity=4, seconds_ago=61)

    assert (refusal(account, limit(quantity=9)) == "") == passes


@pytest.mark.parametrize(
    ("price", "passes"), [("1459.95", True), ("1460", False), ("1460.05", False)]
)
def test_an_order_does_not_meet_ones_own(account, price, passes):
    stands(account, "77", side="SELL", price="1460")
    stands(account, "78", side="BUY", price="1400")

    why = refusal(account, limit(price))
    assert (why == "") == passes
    assert passes or "this account's own order 77" in why


def test_selling_meets_ones_own_from_above_and_a_market_order_always(account):
    stands(account, "77", price="1400")

    assert "own order 77" in refusal(account, limit("1400", side=Side.SELL))
    assert refusal(account, limit("1400.05", side=Side.SELL)) == ""
    assert "own order 77" in refusal(account, market(side=Side.SELL))


def test_a_stop_meets_nothing_until_it_is_triggered(account):
    stop = {
        "status": OrderStatus.TRIGGER_PENDING,
        "order_type": "SL",
        "trigger_price": Decimal(1400),
    }
    stands(account, "77", side="SELL", price="1390", **stop)
    stop_to_sell = limit(
        "1450", order_type=OrderType.SL, side=Side.SELL, trigger_price=Decimal(1451)
    )

    assert refusal(account) == ""
    stands(account, "78", side="BUY", price="1455")
    assert refusal(account, stop_to_sell) == ""


def test_an_order_that_may_stand_counts_for_crosses(account):
    task = give(account, limit("1440", side=Side.SELL))
    OrderTask.objects.filter(pk=task.pk).update(state="UNKNOWN", sent_at=store.now())

    assert f"own {task.code}" in refusal(account)


def test_what_is_not_in_the_book_yet_is_read_before_the_book(account):
    """What comes into the book between the two counts twice, and never not at all."""
    limits(account, open_orders=5)
    read(account)
    asked: list[str] = []

    def listen(execute, sql, params, many, context):
        asked.append(sql)
        return execute(sql, params, many, context)

    task = give(account)
    with connection.execute_wrapper(listen):
        assert checking.why_not(task, account, store.now()) == ""

    whole = [index for index, sql in enumerate(asked) if "ORDER BY sequence" in sql]
    book = [index for index, sql in enumerate(asked) if 'FROM "orders_order"' in sql]
    assert (len(whole), len(book)) == (1, 1)
    assert whole[0] < book[0]


def test_self_crosses_are_allowed_when_somebody_says_so_and_nobody_forbids_it(account, asha):
    stands(account, "77", side="SELL", price="1400")
    row = limits(account, refuses_self_cross=False)
    assert refusal(account, user=asha) == ""
    limits(user=asha, refuses_self_cross=True)
    assert "own order 77" in refusal(account, limit(quantity=2), user=asha)
    row.refuses_self_cross = None
    row.save()
    assert "own order 77" in refusal(account, limit(quantity=3))


# Of a person ---------------------------------------------------------------------------------


def test_the_tighter_limit_holds(account, asha):
    limits(account, order_quantity=10, order_value=Decimal(5000), loss=Decimal(1))
    limits(user=asha, order_quantity=20, order_value=Decimal(4000), distance=Decimal(3))

    caps = front.caps_of(account, asha)
    assert [caps.quantity, caps.value, caps.distance] == [10, Decimal(4000), Decimal(3)]
    assert front.caps_of(account).value == 5000
    assert (front.caps_of(linking.link_paper(owner=asha)).quantity) is None


def test_what_a_person_sent_is_counted_over_all_accounts_and_by_person(account, asha, stranger):
    other = linking.link_paper(owner=asha)
    Membership.objects.create(account=account, user=stranger, role=Role.TRADER)
    limits(user=asha, orders_a_minute=2)
    sent(other, user=asha)
    sent(account, user=stranger, quantity=3)
    assert refusal(account, limit(quantity=4), user=asha) == ""
    sent(account, user=asha, quantity=5)

    assert "by you; at most 2" in refusal(account, limit(quantity=6), user=asha)
    assert refusal(account, limit(quantity=7), user=stranger) == ""


def test_a_persons_open_orders_are_those_they_gave(account, asha, stranger):
    Membership.objects.create(account=account, user=stranger, role=Role.TRADER)
    limits(user=asha, open_orders=1)
    read(account)
    stands(account, "1")
    assert refusal(account, user=asha) == ""
    OrderTask.objects.filter(user=asha).update(
        order_id="1", order_ids=["1"], state="COMPLETED", window=None
    )

    assert "your orders are open" in refusal(account, limit(quantity=2), user=asha)
    assert refusal(account, limit(quantity=3), user=stranger) == ""


@pytest.mark.parametrize("most", [{"open_orders": 3}, {"turnover": Decimal(59_000)}])
def test_a_persons_orders_are_all_their_slices(account, asha, stranger, most):
    Membership.objects.create(account=account, user=stranger, role=Role.TRADER)
    limits(user=asha, **most)
    read(account)
    for one in "123":
        stands(account, one, quantity=10)
    task = give(account, limit(quantity=30), user=asha)
    OrderTask.objects.filter(pk=task.pk).update(
        order_id="1", order_ids=["1", "2", "3"], state="COMPLETED", window=None, sent_at=store.now()
    )

    assert " your " in " " + refusal(account, limit(quantity=11), user=asha)
    assert refusal(account, limit(quantity=12), user=stranger) == ""


@pytest.mark.parametrize("whose", ["nobody", "both"])
def test_limits_are_of_one_account_or_of_one_person(account, asha, whose):
    owners = {"account": account, "user": asha} if whose == "both" else {}
    with pytest.raises(IntegrityError), transaction.atomic():
        limits(**owners)


# In the engine -------------------------------------------------------------------------------


def test_the_engine_looks_again_when_the_order_leaves(account, exchange, sender):
    task = give(account, limit(quantity=11))
    limits(account, order_quantity=10)

    work(sender, account)

    done = again(task)
    assert (done.state, done.reason, done.attempts) == ("FAILED", "limit", 0)
    assert "10, the most that this account allows" in done.message
    assert at_exchange(exchange, account) == []


@pytest.mark.parametrize("lost", ["delisted", "unknown", "lot"])
def test_a_ticket_that_broke_a_rule_meanwhile_does_not_leave(account, exchange, sender, lost):
    task = give(account)
    rows = Instrument.objects.filter(symbol="INFY")
    changes: dict[str, dict[str, object]] = {
        "delisted": {"is_active": False},
        "unknown": {"symbol": "OTHER"},
        "lot": {"lot_size": 5},
    }
    rows.update(**changes[lost])

    work(sender, account)

    assert again(task).reason == "limit"
    assert at_exchange(exchange, account) == []


def test_exits_changes_and_cancels_pass_every_limit(account, exchange, sender):
    first = give(account)
    work(sender, account)
    limits(account, order_quantity=0, orders_a_minute=0, loss=Decimal(0), open_orders=0)
    exit_order = asking.place(asked(account), limit(quantity=2), is_exit=True).task
    cancel = asking.cancel(asked(account), Order.objects.get()).task
    work(sender, account)

    assert [again(one).state for one in (first, exit_order, cancel)] == ["COMPLETED"] * 3
    assert checking.why_not(first, account, store.now()) != ""
