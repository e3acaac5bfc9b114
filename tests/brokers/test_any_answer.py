"""Whatever a peer answers, callers meet our own errors only."""

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.brokers.errors import BrokerError
from accounts.brokers.types import OrderChange, Outcome, Variety
from tests.brokers.peers import Peer, http

NAMES = st.sampled_from(
    [
        "order_id", "children", "error", "status", "error_type", "message", "net", "day", "equity",
        "available", "utilised", "condition", "orders", "trigger_values", "quantity", "ohlc",
        "depth", "buy", "last_price", "instrument_token", "candles", "initial", "final", "charges",
        "user_id", "access_token", "login_time", "exchange", "tradingsymbol", "transaction_type",
        "trigger_id", "uuid", "order_timestamp", "timestamp", "tags", "average_price", "trade_id",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=19)
    | st.sampled_from(["BUY", "OPEN", "2026-11-23 10:00:00", "NSE", "9"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)
ENVELOPES = st.fixed_dictionaries(
    {}, optional={"status": st.sampled_from(["success", "error"]), "data": VALUES}
) | st.fixed_dictionaries({"data": VALUES})
ANSWERS = st.builds(
    http,
    st.sampled_from([200, 200, 200, 201, 302, 400, 403, 404, 429, 500, 503]),
    ENVELOPES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200),
    st.sampled_from(["application/json", "text/html", "text/csv", None]),
)
calm = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def parrot():
    """A peer that says whatever it was told to say next."""

    def behave(peer, connection):
        while peer.read(connection):
            connection.sendall(peer.next)

    peer = Peer(behave)
    yield peer
    peer.stop()


@pytest.fixture
def broker(kite, parrot):
    return kite(parrot.root, patience=1.0)


def failure_of(call):
    try:
        call()
    except BrokerError as failure:
        return failure
    return None


@pytest.mark.parametrize(
    "write",
    [
        lambda broker, order: broker.place(order()),
        lambda broker, order: broker.place(order(autoslice=True)),
        lambda broker, order: broker.modify(OrderChange(order_id="1", price=Decimal(1))),
        lambda broker, order: broker.cancel("1", variety=Variety.REGULAR),
        lambda broker, order: broker.exchange("token", "secret"),
        lambda broker, order: broker.delete_gtt("1"),
    ],
    ids=["place", "autoslice", "modify", "cancel", "exchange", "delete_gtt"],
)
@calm
@given(answer=ANSWERS)
def test_a_write_ends_in_one_of_the_outcomes_and_leaves_once(broker, parrot, order, write, answer):
    parrot.next = answer
    parrot.requests.clear()
    broker.use("token")

    failure = failure_of(lambda: write(broker, order))

    assert failure is None or failure.outcome in set(Outcome) - {Outcome.ACCEPTED}
    assert len(parrot.requests) == 1


@pytest.mark.parametrize(
    "read",
    [
        "profile", "orders", "trades", "positions", "holdings", "funds", "gtts", "alerts",
        "fund_orders", "fund_plans", "fund_holdings", "fund_instruments", "auction_lots",
    ],
)  # fmt: skip
@settings(calm, max_examples=25)
@given(value=VALUES)
def test_a_read_of_anything_succeeds_or_is_refused_by_name(broker, parrot, read, value):
    parrot.next = http(200, json.dumps({"status": "success", "data": value}).encode())

    failure = failure_of(getattr(broker, read))

    assert failure is None or str(failure)


@pytest.mark.parametrize("read", ["orders", "trades", "holdings", "gtts"])
@pytest.mark.parametrize("value", ["", {}, 0, False, "[]"], ids=repr)
def test_what_is_no_list_is_no_empty_one(broker, parrot, read, value):
    parrot.next = http(200, json.dumps({"status": "success", "data": value}).encode())

    assert failure_of(getattr(broker, read)) is not None


@pytest.mark.parametrize("value", [None, []], ids=repr)
def test_nothing_and_an_empty_list_are_an_empty_book(broker, parrot, value):
    parrot.next = http(200, json.dumps({"status": "success", "data": value}).encode())

    assert list(broker.orders()) == []
