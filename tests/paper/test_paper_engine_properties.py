"""What holds after any history whatever."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.brokers.paper.engine import Command, Exchange
from accounts.brokers.paper.state import FINAL
from accounts.brokers.paper.units import moment
from tests.paper.engine_cast import examples, try_to
from tests.paper.engine_histories import CHECKS, Story, histories


@settings(max_examples=examples(60), deadline=None)
@given(histories, st.sampled_from(("walk", "external")), st.sampled_from(("kite", "compat2019")))
def test_quantity_money_and_positions_balance_after_any_history(history, prices, profile):
    story = Story(prices=prices, profile=profile)

    for action in history:
        story.run([action])
        for account in story.accounts():
            for check in CHECKS:
                check(story, account)


@settings(max_examples=examples(8), deadline=None)
@given(histories)
def test_every_order_has_ended_when_the_day_rolls_and_holds_nothing(history):
    story = Story()
    story.run(history)

    story.exchange.advance(moment("2026-11-21 06:00:00"))

    for order in story.exchange.floor.state.orders.values():
        assert order.status in FINAL or order.status == "AMO REQ RECEIVED"
    for account in story.accounts():
        live = [order for order in story.orders_of(account) if order.status not in FINAL]
        assert account.blocked == sum(order.blocked for order in live)
        assert account.held_back == 0


@settings(max_examples=examples(15), deadline=None)
@given(histories)
def test_the_same_commands_give_the_same_state_and_the_same_events(history):
    story = Story()
    story.run(history)

    twin, events = Exchange(seed=11, start=story.commands[0].at), []
    for command in story.commands:
        try_to(twin, command)
        events += twin.drain()

    assert twin.digest() == story.exchange.digest()
    assert repr(events) == repr(story.events)


@settings(max_examples=examples(15), deadline=None)
@given(histories, histories)
def test_a_snapshot_goes_on_exactly_like_the_original(before, after):
    story = Story()
    story.run(before)

    copy = Exchange.restore(json.loads(json.dumps(story.exchange.snapshot())))
    assert copy.digest() == story.exchange.digest()
    begun = len(story.commands)
    story.run(after)
    for command in story.commands[begun:]:
        try_to(copy, command)

    assert copy.digest() == story.exchange.digest()


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("modify", "cancel", "price", "wait")), st.integers(0, 120)),
        max_size=8,
    )
)
def test_any_interleaving_of_change_cancel_and_fill_ends_in_a_documented_outcome(steps):
    story = Story(prices="external")
    story._place("PA0001", {
        "key": "NSE:SBIN", "side": "BUY", "order_type": "LIMIT", "product": "MIS",
        "variety": "regular", "validity": "DAY", "quantity": 9, "away": -5,
    })  # fmt: skip
    order = next(iter(story.exchange.floor.state.orders.values()))

    for kind, amount in steps:
        if kind == "wait":
            story._wait(amount, None)
        elif kind == "price":
            story._price("NSE:SBIN", amount % 20 - 10)
        else:
            story._modify(kind, 0, {"quantity": amount % 12 + 1, "away": amount % 20 - 15})
    story._wait(5_000, None)

    assert order.status in {"OPEN", "COMPLETE", "CANCELLED"}
    assert order.filled + order.cancelled + order.pending == order.quantity
    assert story.exchange.query("order.history", "PA0001", order_id=order.order_id)[-1]["status"] == order.status  # fmt: skip


@settings(max_examples=examples(150), deadline=None)
@given(
    st.sampled_from((
        "order.place", "order.modify", "order.cancel", "position.convert", "gtt.place",
        "gtt.modify", "gtt.delete", "account.open", "session.request_token", "session.create",
        "session.grant", "session.invalidate", "session.renew", "prices.set", "clock.set",
        "holdings.seed", "alert.create", "alert.modify", "alert.delete", "mf.order.place",
        "mf.order.cancel", "mf.sip.place", "mf.sip.modify", "mf.sip.cancel",
        "holdings.authorise", "holdings.authorised", "tokens.expire", "no.such",
    )),
    st.dictionaries(
        st.sampled_from((
            "exchange", "tradingsymbol", "transaction_type", "order_type", "product", "quantity",
            "price", "trigger_price", "variety", "validity", "order_id", "condition", "orders",
            "type", "trigger_id", "uuid", "prices", "now", "speed", "holdings", "positions",
            "amount", "isin", "name", "basket", "operator", "lhs_attribute", "rhs_type", "cash",
            "market_protection", "iceberg_legs", "tag", "user_id", "api_key", "request_id",
        )),
        st.one_of(
            st.text(max_size=8), st.integers(-5, 2**40), st.none(), st.booleans(),
            st.sampled_from((
                "INFY", "NSE", "BUY", "LIMIT", "MIS", "CNC", "10", "1500", "NaN", "Infinity",
                "1e99", "-1", "single", '{"exchange":"NSE","tradingsymbol":"INFY","trigger_values":[1400],"last_price":1}',
                "[{}]", "regular", "PA0001", "simple", "LastTradedPrice", ">=",
            )),
            st.lists(st.one_of(st.integers(), st.text(max_size=4), st.dictionaries(st.text(max_size=9), st.text(max_size=4), max_size=2)), max_size=3),
            st.dictionaries(st.sampled_from(("NSE:INFY", "x", "exchange", "items")), st.one_of(st.text(max_size=4), st.integers(), st.none(), st.lists(st.none(), max_size=2)), max_size=3),
        ),
    ),
)  # fmt: skip
def test_nonsense_is_refused_and_never_breaks_anything(op, args):
    story = Story(prices="external")
    command = Command(op, args, story.exchange.now, "PA0001")

    refusal = try_to(story.exchange, command)
    assert refusal is None or 400 <= refusal.status < 500
    story.exchange.digest()

    for account in story.accounts():
        assert account.net == account.cash - account.blocked - account.held_back - account.margin


@settings(max_examples=examples(6), deadline=None)
@given(
    histories,
    st.lists(st.integers(1, 5_000_000), max_size=6),
    st.integers(0, 40),
    st.sampled_from(("walk", "external")),
    st.sampled_from(("open", "real")),
)
def test_what_happens_does_not_depend_on_how_time_is_cut(history, cuts, nth, prices, clock):
    story, twin = Story(prices=prices, clock=clock), Story(prices=prices, clock=clock)
    for each in (story, twin):
        each.run(history)
        _leave_triggers(each)
        each.run(history[nth : nth + 10])
    begun = story.exchange.now
    end = begun + sum(cuts)

    story.exchange.advance(end)
    at = begun
    for cut in cuts:
        for step in range(1, 31):  # small steps first, as a server that wakes every second
            twin.exchange.advance(min(at + step * 1_000, at + cut))
        at += cut
        twin.exchange.advance(at)

    assert twin.exchange.digest() == story.exchange.digest()


def _leave_triggers(story):
    last = story.exchange.floor.last_price(408065)
    for away in (9_985, 10_020):
        trigger = last * away // 10_000 // 1_000 * 1_000 / 10_000
        condition = {"exchange": "NSE", "tradingsymbol": "INFY", "last_price": 1}
        row = {
            "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY",
            "quantity": 1, "order_type": "LIMIT", "product": "CNC", "price": trigger,
        }  # fmt: skip
        story.do("gtt.place", "PA0001", {
            "type": "single", "orders": [row],
            "condition": condition | {"trigger_values": [trigger]},
        })  # fmt: skip
        for operator in ("<=", ">", "=="):
            story.do("alert.create", "PA0002", {
                "name": "near", "type": "simple", "lhs_exchange": "NSE",
                "lhs_tradingsymbol": "INFY", "lhs_attribute": "LastTradedPrice",
                "operator": operator, "rhs_type": "constant", "rhs_constant": str(trigger),
            })  # fmt: skip
