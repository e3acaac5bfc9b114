"""Numbers keep their digits, their commas are Indian, their signs are honest, floats are refused."""

import re
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradedesk import money

INDIAN = re.compile(r"\d{1,3}|\d{1,2}(?:,\d{2})*,\d{3}")
WRITERS = [
    money.money,
    money.rupees,
    money.signed,
    money.percent,
    money.price,
    money.quantity,
    money.signed_quantity,
    money.short,
]
amounts = st.decimals(
    min_value=-(10**15), max_value=10**15, places=4, allow_nan=False, allow_infinity=False
)
counts = st.integers(min_value=-(10**12), max_value=10**12)


def read(text):
    """Turn what is shown back into a number."""
    return Decimal(re.sub(r"[₹,%+ ]", "", text).replace(money.MINUS, "-"))


def to_paisa(amount):
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.mark.parametrize("write", [money.money, money.rupees, money.signed, money.percent])
@given(amount=amounts)
def test_digits_survive_to_the_paisa(write, amount):
    assert read(write(amount)) == to_paisa(amount)


@given(count=counts)
def test_quantities_survive_whole(count):
    assert read(money.quantity(count)) == count
    assert read(money.signed_quantity(count)) == count


@pytest.mark.parametrize("write", WRITERS)
@given(amount=amounts)
def test_commas_are_indian(write, amount):
    text = re.sub(rf"[₹%+{money.MINUS}]| (?:K|L|Cr)$", "", write(amount))
    whole = text.partition(".")[0]

    assert INDIAN.fullmatch(whole)


@pytest.mark.parametrize("write", WRITERS)
@given(amount=amounts)
def test_a_minus_is_a_minus_sign_and_stands_first(write, amount):
    text = write(amount)

    assert "-" not in text
    assert text.startswith(money.MINUS) == (read_short(text) < 0)


def read_short(text):
    return read(re.sub(r" (?:K|L|Cr)$", "", text))


@pytest.mark.parametrize("write", [money.signed, money.percent])
@given(amount=amounts)
def test_a_result_always_has_its_sign_but_nought_has_none(write, amount):
    shown = to_paisa(amount)

    first = write(amount)[0]

    assert first == ("+" if shown > 0 else money.MINUS if shown < 0 else "0")


@given(amount=amounts)
def test_amounts_without_a_sign_never_show_a_plus(amount):
    assert "+" not in money.money(amount) + money.rupees(amount) + money.price(amount)


@pytest.mark.parametrize("write", WRITERS)
@given(number=st.floats())
def test_a_float_is_refused(write, number):
    with pytest.raises(TypeError):
        write(number)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("wrong", ["1.50", None, True, b"1"])
def test_whatever_is_no_number_is_refused(write, wrong):
    with pytest.raises(TypeError):
        write(wrong)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("wrong", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_refused(write, wrong):
    with pytest.raises(ValueError, match="not a number that can be shown"):
        write(Decimal(wrong))


@given(amount=amounts, places=st.integers(min_value=0, max_value=6))
def test_a_price_has_the_decimals_of_its_tick_and_at_least_two(amount, places):
    tick = Decimal(5).scaleb(-places)

    text = money.price(amount, tick)

    assert len(text.partition(".")[2]) == max(2, places)
    assert abs(read(text) - amount) <= Decimal("0.005")


@given(amount=amounts)
def test_a_short_amount_is_right_within_its_last_digit(amount):
    text = money.short(amount)
    unit = text.partition(" ")[2]
    size = money.UNITS.get(unit, Decimal(1))

    assert abs(read_short(text) * size - amount) <= size * (Decimal("0.05") if unit else 1)


@pytest.mark.parametrize(
    ("write", "number", "text"),
    [
        (money.signed, "129371.50", "+1,29,371.50"),
        (money.signed, "-14592.50", "−14,592.50"),
        (money.signed, "-0.004", "0.00"),
        (money.rupees, "303750", "₹3,03,750.00"),
        (money.rupees, "-0.005", "−₹0.01"),
        (money.money, "0.005", "0.01"),
        (money.money, "1234567890.12", "1,23,45,67,890.12"),
        (money.percent, "0.84", "+0.84%"),
        (money.price, "1013.75", "1,013.75"),
        (money.quantity, "-650", "−650"),
        (money.signed_quantity, "1500", "+1,500"),
        (money.short, "1240000", "12.4 L"),
        (money.short, "31000000", "3.1 Cr"),
        (money.short, "99999", "1.0 L"),
        (money.short, "-4500", "−4.5 K"),
        (money.short, "950", "950"),
    ],
)
def test_examples_of_the_design(write, number, text):
    assert write(Decimal(number)) == text


def test_a_currency_price_shows_four_decimals():
    assert money.price(Decimal("84.2125"), Decimal("0.0025")) == "84.2125"


@pytest.mark.parametrize("tick", [Decimal(0), Decimal("-0.05")])
def test_a_tick_is_above_zero(tick):
    with pytest.raises(ValueError, match="above zero"):
        money.price(Decimal(1), tick)
