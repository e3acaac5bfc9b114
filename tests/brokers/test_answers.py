"""What comes back from Kite, in our words: odd shapes, odd words, exact numbers, Indian times."""

import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest

from accounts.brokers.capabilities import IST
from accounts.brokers.errors import (
    AmbiguousOutcome,
    AuthExpired,
    BrokerUnavailable,
    InsufficientFunds,
    InvalidOrder,
    InvalidRequest,
    RateLimited,
    StaticIpRejected,
    TooManyModifications,
)
from accounts.brokers.kite import offers
from accounts.brokers.kite.refusals import field_of
from accounts.brokers.kite.rows import known_gtt_status, order_from, status_of
from accounts.brokers.kite.values import Unreadable, as_number, as_text, day, ist, money, whole
from accounts.brokers.registry import Access, Adapters, kinds
from accounts.brokers.types import OrderChange, OrderStatus, OrderType, Validity, Variety
from tests.brokers.peers import answers, error, good

MARGIN = {
    "code": 400,
    "error_type": "MarginException",
    "message": "Insufficient funds.",
    "data": None,
}
ROW: dict = {
    "order_id": "1953341975595868160",
    "status": "OPEN",
    "status_message": None,
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "instrument_token": 408065,
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "product": "CNC",
    "variety": "regular",
    "validity": "DAY",
    "quantity": 5,
    "filled_quantity": 2,
    "pending_quantity": 3,
    "price": Decimal("0.5999999999999659"),
    "average_price": 0,
    "tag": None,
    "tags": ["mine", "mktp"],
    "order_timestamp": datetime(2026, 11, 23, 10, 0, 1),  # noqa: DTZ001 - as the official client makes it
    "exchange_update_timestamp": "2026-11-23 10:00:02",
    "exchange_timestamp": None,
    "meta": {},
}


# Autoslice ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "order_id", "ids"),
    [
        ({"order_id": "9", "children": [{"order_id": "10"}, {"error": MARGIN}]}, "9", ("10",)),
        ([{"order_id": "10"}, {"order_id": "11"}], "10", ("10", "11")),
        ([{"error": MARGIN}, {"order_id": "11"}], "11", ("11",)),
        ({"order_id": "9"}, "9", ("9",)),
    ],
)
def test_both_shapes_of_a_sliced_order_are_read(kite, peer, order, data, order_id, ids):
    server = peer(answers(good(data)))

    placed = kite(server.root, patience=1.0).place(order(autoslice=True))

    assert (placed.order_id, placed.order_ids) == (order_id, ids)
    assert "autoslice=true" in server.requests[0].body.decode()
    assert placed.is_whole == (not any(one.refusal for one in placed.slices))


@pytest.mark.parametrize(
    "data", [[{"error": MARGIN}], {"order_id": "9", "children": [{"error": MARGIN}]}]
)
def test_a_sliced_order_of_which_nothing_was_taken_is_a_refusal(kite, peer, order, data):
    server = peer(answers(good(data)))

    with pytest.raises(InsufficientFunds):
        kite(server.root, patience=1.0).place(order(autoslice=True))


@pytest.mark.parametrize("data", [[], {}, [{}], {"children": [{"order_id": ""}]}])
def test_a_sliced_order_without_ids_is_unknown(kite, peer, order, data):
    server = peer(answers(good(data)))

    with pytest.raises(AmbiguousOutcome):
        kite(server.root, patience=1.0).place(order(autoslice=True))


# Rows ---------------------------------------------------------------------------------------------


def test_an_order_row_is_read_exactly():
    order = order_from(ROW)

    assert order.order_id == "1953341975595868160"
    assert order.price == Decimal("0.5999999999999659")
    assert order.ordered_at == datetime(2026, 11, 23, 10, 0, 1, tzinfo=IST)
    assert order.updated_at == datetime(2026, 11, 23, 4, 30, 2, tzinfo=UTC)
    assert order.exchange_at is None
    assert order.is_tagged("mine")
    assert not order.is_tagged("mktp2")
    assert order.pending_quantity == 3
    assert order.raw["order_timestamp"] == "2026-11-23 10:00:01"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("COMPLETE", OrderStatus.COMPLETE),
        ("CANCELLED", OrderStatus.CANCELLED),
        ("REJECTED", OrderStatus.REJECTED),
        ("OPEN", OrderStatus.OPEN),
        ("UPDATE", OrderStatus.OPEN),
        ("TRIGGER PENDING", OrderStatus.TRIGGER_PENDING),
        ("PUT ORDER REQ RECEIVED", OrderStatus.RECEIVED),
        ("OPEN PENDING", OrderStatus.RECEIVED),
        ("AMO REQ RECEIVED", OrderStatus.RECEIVED),
        ("MODIFY VALIDATION PENDING", OrderStatus.MODIFYING),
        ("CANCEL PENDING", OrderStatus.CANCELLING),
        ("CANCELLED AMO", OrderStatus.CANCELLING),
        ("A WORD OF NEXT YEAR", OrderStatus.RECEIVED),
    ],
)
def test_only_the_three_end_states_end_an_order(word, status):
    assert status_of(word) is status
    assert status.is_final == (word in {"COMPLETE", "CANCELLED", "REJECTED"})


def test_new_words_of_the_broker_do_not_spoil_the_answer():
    order = order_from({**ROW, "product": "BO", "variety": "novel", "exchange": "MOON"})

    assert (order.product, order.variety, order.exchange) == ("BO", "novel", "MOON")
    assert known_gtt_status("novel") == "novel"


@pytest.mark.parametrize("read", ["orders", "trades", "holdings", "gtts", "alerts", "fund_orders"])
def test_null_in_place_of_a_list_is_an_empty_list(kite, peer, read):
    server = peer(answers(good(None)))

    assert getattr(kite(server.root, patience=1.0), read)() == []


@pytest.mark.parametrize(
    "data", [None, 5, "text", [], {}, {"net": None}, {"net": [{"quantity": "x"}], "day": []}]
)
def test_an_answer_of_another_shape_is_no_answer(kite, peer, data):
    server = peer(answers(good(data)))

    with pytest.raises(BrokerUnavailable):
        kite(server.root, patience=1.0).positions()


def test_quotes_are_asked_for_in_portions(kite, peer):
    from dataclasses import replace

    server = peer(answers(good({})))
    few = replace(offers.PAPER, quotes_per_call=2)

    kite(server.root, capabilities=few, patience=1.0).quote(["NSE:A", "NSE:M&M", "NSE:NIFTY 50"])

    assert [one.target for one in server.requests] == [
        "/quote?i=NSE%3AA&i=NSE%3AM%26M",
        "/quote?i=NSE%3ANIFTY+50",
    ]


FUND = {"fund": "Flexi Cap", "tradingsymbol": "INF879O01027", "tag": None}


def test_mutual_funds_are_read(kite, peer):
    order = {
        **FUND, "order_id": "u-1", "status": "COMPLETE", "transaction_type": "BUY", "folio": None,
        "amount": 5000, "quantity": Decimal("56.021"), "average_price": Decimal("89.2519"),
        "order_timestamp": "2026-11-20 10:00:00", "exchange_timestamp": "2026-11-20",
    }  # fmt: skip
    plan = {
        **FUND, "sip_id": "s-1", "status": "ACTIVE", "transaction_type": "BUY", "tag": "sip",
        "frequency": "monthly", "instalment_amount": 1000, "instalments": -1, "instalment_day": 5,
        "next_instalment": "2026-12-05", "last_instalment": "2026-11-05 09:30:00",
        "created": "2026-01-02 10:00:00", "completed_instalments": 11, "pending_instalments": -1,
    }  # fmt: skip
    holding = {
        **FUND, "folio": "123", "quantity": Decimal("56.021"), "average_price": Decimal("89.25"),
        "last_price": Decimal("90.1"), "last_price_date": "2026-11-19", "pnl": 0,
    }  # fmt: skip
    server = peer(answers(*[good(json_ready(rows)) for rows in ([order], [plan], [holding])]))
    broker = kite(server.root, patience=1.0)

    (bought,), (planned,), (held,) = (
        broker.fund_orders(), broker.fund_plans(), broker.fund_holdings(),
    )  # fmt: skip

    assert (bought.amount, bought.quantity) == (Decimal(5000), Decimal("56.021"))
    assert bought.ordered_at == datetime(2026, 11, 20, 10, 0, tzinfo=IST)
    assert (planned.instalments, planned.next_on) == (-1, date(2026, 12, 5))
    assert planned.last_at == datetime(2026, 11, 5, 9, 30, tzinfo=IST)
    assert (held.folio, held.priced_on) == ("123", date(2026, 11, 19))


def json_ready(rows):
    return [
        {name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()}
        for row in rows
    ]


def test_every_term_of_an_order_is_sent_by_its_name(kite, peer, order):
    server = peer(answers(good({"order_id": "1"})))
    broker = kite(server.root, patience=1.0)

    broker.place(
        order(
            variety=Variety.ICEBERG, order_type=OrderType.SL, trigger_price=Decimal("1449.5"),
            validity=Validity.TTL, validity_minutes=5, disclosed_quantity=1, iceberg_legs=2,
            iceberg_quantity=5, market_protection=Decimal(-1), algo_id="A1", quantity=10,
        )
    )  # fmt: skip
    broker.modify(
        OrderChange(
            order_id="1", variety=Variety.COVER, parent_order_id="2", price=Decimal("1.5"),
            order_type=OrderType.LIMIT, validity=Validity.DAY, trigger_price=Decimal("1.4"),
        )
    )  # fmt: skip
    broker.cancel("1", variety=Variety.COVER, parent_order_id="2")

    placed, modified, cancelled = server.requests
    assert dict(parse_qsl(placed.body.decode())) == {
        "variety": "iceberg", "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY",
        "quantity": "10", "product": "CNC", "order_type": "SL", "price": "1450.0",
        "trigger_price": "1449.5", "validity": "TTL", "validity_ttl": "5",
        "disclosed_quantity": "1", "iceberg_legs": "2", "iceberg_quantity": "5",
        "market_protection": "-1", "algo_id": "A1", "tag": "TEST1",
    }  # fmt: skip
    assert (modified.method, modified.target) == ("PUT", "/orders/co/1")
    assert dict(parse_qsl(modified.body.decode())) == {
        "variety": "co", "order_id": "1", "parent_order_id": "2", "price": "1.5",
        "order_type": "LIMIT", "validity": "DAY", "trigger_price": "1.4",
    }  # fmt: skip
    assert (cancelled.method, cancelled.target) == ("DELETE", "/orders/co/1?parent_order_id=2")


# Values -------------------------------------------------------------------------------------------


def test_values_are_read_exactly_or_not_at_all():
    assert money(72) == Decimal(72)
    assert money(None) == money("") == 0
    assert whole(Decimal("5.0")) == whole("5") == 5
    assert ist("0001-01-01 00:00:00") is ist("") is ist(None) is None
    assert ist("2026-11-23T09:15:00+0530") == datetime(2026, 11, 23, 9, 15, tzinfo=IST)
    assert day("2026-11-24") == day("2026-11-24 00:00:00") == date(2026, 11, 24)
    for read, bad in [(money, 1.5), (money, "NaN"), (whole, "1.5"), (ist, "today"), (day, "x")]:
        with pytest.raises(Unreadable):
            read(bad)


def test_numbers_are_written_as_they_are():
    assert as_text(Decimal("1E+3")) == "1000"
    assert as_text(value=True) == "true"
    assert repr(as_number(Decimal("1499.05"))) == "1499.05"
    assert as_number(Decimal("1500.00")) == 1500
    with pytest.raises(InvalidRequest):
        as_number(Decimal("1.00000000000000000001"))


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("Tick size for this script is 0.10. Kindly enter price in the multiple", "price"),
        ("Quantity must be in multiples of lot size 20", "quantity"),
        ("Trigger price for stoploss sell orders should be lower", "trigger_price"),
        ("Trading in NSE is not allowed using NRML product type.", "product"),
        ("Invalid `tradingsymbol`.", "symbol"),
        ("Invalid `tag`.", "tag"),
        ("Something else.", ""),
    ],
)
def test_the_wrong_term_is_named_where_the_text_tells(text, field):
    assert field_of(text) == field


def test_market_protection_is_asked_for(kite, peer, order):
    text = "Market orders without market protection are not allowed via API."
    server = peer(answers(error(400, "InputException", text)))

    with pytest.raises(InvalidOrder) as caught:
        kite(server.root, patience=1.0).place(order(order_type=OrderType.MARKET, price=None))

    assert type(caught.value).__name__ == "MarketProtectionRequired"
    assert caught.value.field == "market_protection"


def test_the_modifications_of_an_order_are_limited(kite, peer):
    text = "Maximum allowed order modifications exceeded."
    server = peer(answers(error(429, "NetworkException", text)))

    with pytest.raises(TooManyModifications, match="changed too often") as caught:
        kite(server.root, patience=1.0).modify(
            OrderChange(order_id="1", variety=Variety.REGULAR, quantity=1)
        )

    assert caught.value.outcome == "REJECTED"


def test_errors_survive_the_way_between_processes():
    for failure in (
        RateLimited("place the order", retry_after=3, status=429),
        StaticIpRejected("place the order", address="203.0.113.7", text="no"),
        InvalidOrder("place the order", field="price", status=400),
    ):
        again = pickle.loads(pickle.dumps(failure))  # noqa: S301

        assert str(again) == str(failure)
        assert vars(again) == vars(failure)


# The registry -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("login", "end"),
    [
        (datetime(2026, 11, 23, 9, 0, tzinfo=IST), datetime(2026, 11, 24, 6, 0, tzinfo=IST)),
        (datetime(2026, 11, 23, 5, 59, tzinfo=IST), datetime(2026, 11, 23, 6, 0, tzinfo=IST)),
        (datetime(2026, 11, 23, 6, 0, tzinfo=IST), datetime(2026, 11, 24, 6, 0, tzinfo=IST)),
        (datetime(2026, 11, 22, 19, 0, tzinfo=UTC), datetime(2026, 11, 23, 6, 0, tzinfo=IST)),
    ],
)
def test_a_session_ends_at_six_in_the_morning_in_india(login, end):
    assert offers.LIVE.session.expires_at(login) == end


def test_an_account_keeps_its_adapter_through_new_sessions(peer):
    server = peer(answers(good({"user_id": "A", "user_name": "A"})))
    kept = Adapters()

    def of(token, generation, api_key="k"):
        facts = {"environment": "paper", "api_key": api_key, "root": server.root}
        return kept.of("7", "kite", Access(**facts, access_token=token, generation=generation))

    first = of("one", 1)
    same = of("two", 2)
    first.profile()
    late = of("one", 1)  # a worker that read the account before the last log-in
    first.profile()
    other = of("two", 2, api_key="another")

    assert first is same is late
    assert other is not first
    sent = [one.headers["authorization"] for one in server.requests]
    assert sent == ["token k:two", "token k:two"]
    first.close()


def test_whoever_asked_hears_which_session_is_over(peer, kite):
    over: list = []
    server = peer(answers(error(403, "TokenException", "Incorrect `api_key` or `access_token`.")))
    broker = kite(server.root, patience=1.0, generation=4, on_session_over=over.append)

    for call in (broker.profile, lambda: broker.cancel("1", variety=Variety.REGULAR)):
        with pytest.raises(AuthExpired):
            call()
    broker.use("new", 5)
    broker.session_over("token")  # the late answer to a call under the old session
    with pytest.raises(AuthExpired):
        broker.orders()

    assert over == [4, 4, 5]


def test_what_opens_an_account_does_not_show():
    shown = repr(Access(environment="paper", api_key="thekey", access_token="thetoken"))

    assert "thekey" not in shown
    assert "thetoken" not in shown


def test_every_kind_of_broker_says_what_it_wants_to_know():
    for one in kinds():
        assert one.title
        assert {field.name for field in one.fields if field.is_secret} >= {"api_secret"}
        for environment in one.environments:
            assert one.capabilities(environment).limits
