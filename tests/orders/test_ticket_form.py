"""What traders type becomes a ticket, or a sentence beside the field; nothing they type breaks it."""

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accounts.brokers.words import OrderType, Side, Validity, Variety
from orders.tickets import AUTOMATIC, Severity
from orders.tickets.forms import TicketForm, typed
from orders.tickets.typed import Unreadable, read_number, read_whole
from tests.orders.asking import facts, future, on_future, seen, ticket

TYPED = {
    "instrument": "NSE:INFY", "side": "BUY", "quantity": "10", "order_type": "LIMIT",
    "price": "1,012.50", "product": "CNC",
}  # fmt: skip


def form(**typed):
    return TicketForm(TYPED | typed)


def said(asked):
    return {name: [str(one) for one in errors] for name, errors in asked.errors.items()}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1012.5", "1012.5"), ("1,012.50", "1012.5"), ("12,34,567.05", "1234567.05"), ("1,234,567", "1234567"),
        ("  1,012.50 ", "1012.5"), ("1 012.50", "1012.5"), ("12\N{NO-BREAK SPACE}34\N{NO-BREAK SPACE}567", "1234567"),
        ("₹1,012.50", "1012.5"), ("₹ 95", "95"), (".5", "0.5"), ("0", "0"), ("007", "7"),
    ],
)  # fmt: skip
def test_a_number_is_read_as_it_is_written_in_india_and_elsewhere(text, number):
    assert read_number(text) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,5", "commas"), ("1,50", "commas"), ("1,0125", "commas"), (",500", "commas"), ("1,,000", "commas"),
        ("1.012,50", "commas"), ("10 5", "commas"),
        ("-5", "negative"), ("\N{MINUS SIGN}5", "negative"),
        ("\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}", "digits 0 to 9"), ("१२", "digits 0 to 9"), ("5²", "digits 0 to 9"),
        ("1.5k", "in full"), ("2L", "in full"), ("2 lakh", "in full"), ("1e308", "in full"), ("1e3", "in full"),
        ("NaN", "such as"), ("Infinity", "such as"), ("inf", "such as"), ("+5", "such as"), ("5.", "such as"),
        ("0x10", "such as"), ("1_000", "such as"), ("1.2.3", "such as"), ("ten", "such as"), ("₹", "such as"),
        ("5\x00", "invisible"), ("\u200e5", "invisible"), ("5\n6", "invisible"), ("9" * 33, "too long"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_the_reason(text, why):
    with pytest.raises(Unreadable, match=why):
        read_number(text)


def test_a_number_of_things_is_whole():
    assert read_whole("1,500.00") == 1500
    with pytest.raises(Unreadable, match="whole"):
        read_whole("10.5")


def test_a_filled_form_is_a_ticket():
    asked = form(
        side="sell", order_type="sl-m", price="", trigger_price="1,000", variety="AMO", validity=""
    )

    assert asked.is_valid()
    assert asked.ticket == ticket(
        side=Side.SELL, order_type=OrderType.SL_M, price=None, trigger_price="1000",
        variety=Variety.AMO, validity=Validity.DAY,
    )  # fmt: skip


@pytest.mark.parametrize(("text", "sent"), [("", AUTOMATIC), ("auto", AUTOMATIC), ("-1", AUTOMATIC), ("2.5", Decimal("2.5")), ("3%", 3)])  # fmt: skip
def test_market_protection_is_automatic_or_a_percentage(text, sent):
    asked = form(order_type="MARKET", price="", protection=text)

    assert asked.is_valid()
    assert asked.ticket.market_protection == sent


def test_every_field_that_cannot_be_read_says_so():
    asked = form(
        instrument="INFY", side="HOLD", quantity="10.5", price="1,5", product="CO", validity="GTC"
    )

    assert not asked.is_valid()
    assert said(asked) == {
        "instrument": ["Name an instrument as NSE:INFY."],
        "side": ["Choose BUY or SELL."],
        "quantity": ["It must be a whole number."],
        "price": ["The commas are not where they belong. Write 1,012.50 or 1012.50."],
        "product": ["Choose CNC, MIS, NRML or MTF."],
        "validity": ["Choose DAY, IOC or TTL."],
    }


def test_an_empty_form_asks_for_what_it_needs():
    assert set(TicketForm({}).errors) == {"instrument", "side", "quantity", "order_type", "product"}


def test_a_refusal_stands_beside_its_field_and_can_be_followed():
    asked = form(price="1012.52", quantity="0")

    assert asked.is_valid()
    assert not asked.judge(facts())
    assert said(asked) == {
        "quantity": ["Quantity must be 1 or more. Use 1."],
        "price": ["Price must step by 0.05. Use 1,012.50 or 1,012.55."],
    }
    assert [fix.values for one in asked.problems for fix in one.fixes] == [
        {"quantity": "1"}, {"price": "1012.5"}, {"price": "1012.55"},
    ]  # fmt: skip


def test_a_refused_ticket_can_still_be_looked_at_and_an_unreadable_one_is_none():
    asked = form(price="1012.52")

    assert not asked.judge(facts())
    assert asked.ticket.price == Decimal("1012.52")
    with pytest.raises(ValueError, match="could not be read"):
        _ = form(price="ten").ticket
    with pytest.raises(ValueError, match="could not be read"):
        _ = TicketForm().ticket


def test_an_instrument_that_is_not_there_is_told_beside_the_instrument():
    asked = form(instrument="MCX:GOLD")

    assert asked.is_valid()
    assert not asked.judge(facts(account_exchanges=frozenset({"NSE"})))
    assert "MCX is not enabled for this account. Enable the segment at the broker." in said(asked)["instrument"]  # fmt: skip


def test_a_right_ticket_may_be_sent_whatever_could_not_be_looked_at():
    asked = form(order_type="SL-M", price="", trigger_price="1000")

    assert asked.is_valid()
    assert asked.judge(facts(last=seen(age=60), band=None))
    assert [one.rule for one in asked.warnings] == ["trigger_and_market"]
    assert [one.severity for one in asked.notes] == [Severity.NOTE]


def test_a_ticket_fills_the_form_that_reads_it():
    for made in (
        ticket(),
        on_future(autoslice=True, quantity=130),
        ticket(order_type=OrderType.MARKET, price=None),
    ):
        again = TicketForm(typed(made))

        assert again.is_valid(), again.errors
        assert again.ticket.canonical() == made.canonical()


SIGNS = st.text(max_size=40) | st.sampled_from(
    ["NaN", "-0", "1e308", "1e-308", "٣", "10\x00", "\u202e10", "9" * 5000, "1,0,0", "₹", " ", "1.5k", "∞"]
)  # fmt: skip
NUMBERS = st.decimals(min_value=0, max_value=10**9, places=2).map(str) | st.integers(0, 10**9).map(str)  # fmt: skip
ANYTHING = st.dictionaries(
    st.sampled_from(list(TicketForm.base_fields)), SIGNS | NUMBERS | st.sampled_from(["BUY", "SL", "MIS", "iceberg", "TTL"])
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(ANYTHING)
@example({"disclosed_quantity": "1" + "0" * 28})
@example({"quantity": "1" * 5000})
def test_nothing_that_is_typed_raises(given_terms):
    asked = TicketForm(TYPED | given_terms)

    if asked.is_valid():
        asked.judge(facts(future()))
    assert all(text for texts in said(asked).values() for text in texts)


@given(SIGNS | NUMBERS)
def test_what_is_read_is_what_was_typed(text):
    try:
        number = read_number(text)
    except Unreadable:
        return
    assert number.is_finite()
    digits = "".join(sign for sign in text if sign.isdigit())
    assert int(digits) == int(f"{number:f}".replace(".", ""))
