"""How numbers read in India: pure functions from Decimal to text. A float raises TypeError."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

MINUS = "\N{MINUS SIGN}"
RUPEE = "\N{INDIAN RUPEE SIGN}"
UNITS = {"K": Decimal(10**3), "L": Decimal(10**5), "Cr": Decimal(10**7)}

Number = Decimal | int


def exact(value: Number) -> Decimal:
    """Accept a Decimal or an int, and nothing that has already lost digits."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise TypeError(f"a number on the page is a Decimal or an int, not {type(value).__name__}")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"{number} is not a number that can be shown")
    return number


def rounded(value: Number, places: int = 2) -> Decimal:
    """Round half away from zero; what rounds to nought is nought, never minus nought."""
    number = exact(value)
    with localcontext(prec=max(28, number.adjusted() + places + 3)):
        result = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return result if result else result.copy_abs()


def grouped(number: Decimal) -> str:
    """Write the size of a number with Indian commas: 12,34,567.50."""
    whole, dot, part = f"{number.copy_abs():f}".partition(".")
    pairs, rest = [whole[-3:]], whole[:-3]
    while rest:
        pairs.append(rest[-2:])
        rest = rest[:-2]
    return ",".join(reversed(pairs)) + dot + part


def plain(number: Decimal) -> str:
    """Write a number with a minus where one is due."""
    return (MINUS if number < 0 else "") + grouped(number)


def with_sign(number: Decimal) -> str:
    """Write a number with its plus or minus; nought alone has neither."""
    return ("+" if number > 0 else "") + plain(number)


def money(value: Number) -> str:
    """1,29,371.50: an amount in a column whose caption says "in ₹"."""
    return plain(rounded(value))


def rupees(value: Number) -> str:
    """₹1,29,371.50: an amount in a headline, a form or a sentence."""
    number = rounded(value)
    return (MINUS if number < 0 else "") + RUPEE + grouped(number)


def signed(value: Number) -> str:
    """+1,29,371.50: a result or a change, always with its sign."""
    return with_sign(rounded(value))


def percent(value: Number) -> str:
    """+0.84%: a change in per cent."""
    return with_sign(rounded(value)) + "%"


def price(value: Number, tick: Decimal = Decimal("0.05")) -> str:
    """1,013.75 or 84.2125: a price, with the decimals of its tick and never fewer than two."""
    step = exact(tick)
    if step <= 0:
        raise ValueError("a tick size is above zero")
    places = -int(step.normalize().as_tuple().exponent)
    return plain(rounded(value, max(2, places)))


def quantity(value: Number) -> str:
    """-650: how many, grouped; a fraction (mutual fund units) keeps its digits."""
    return plain(exact(value))


def signed_quantity(value: Number) -> str:
    """+1,500: how many of a position, long or short."""
    return with_sign(exact(value))


def short(value: Number) -> str:
    """12.4 L: an amount on an axis or a narrow tab, in thousands, lakhs or crores."""
    number, name, size = rounded(value, 0), "", Decimal(1)
    for larger, larger_size in UNITS.items():
        # By what is shown, not by what it was: 99,999 is 1.0 L, never 100.0 K.
        if number.copy_abs() * size < larger_size:
            break
        number, name, size = rounded(exact(value) / larger_size, 1), f" {larger}", larger_size
    return plain(number) + name
