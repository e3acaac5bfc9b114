"""What orders would need and cost: margins, baskets and the contract note."""

from collections.abc import Callable
from typing import Any

from .charges import Charges, charges
from .floor import Floor
from .instruments import Instrument
from .margins import Leg, Need, exposure, family, family_legs, need, span
from .state import BUY
from .terms import Refusal
from .tickets import ORDER_TYPES, PRODUCTS, SIDES, VARIETIES, choice, money, whole
from .units import ordinal, rupees

MOST_ORDERS = 200
NOTHING = Need()


class _Wanted:
    """One order of a list to be worked out."""

    def __init__(self, floor: Floor, row: Any) -> None:
        if not isinstance(row, dict):
            raise Refusal("Invalid JSON: every order has to be an object.")
        self.instrument: Instrument = floor.instrument(
            row.get("exchange"), row.get("tradingsymbol")
        )
        self.side = SIDES[choice(row, "transaction_type", tuple(SIDES))]
        self.variety = choice(row, "variety", VARIETIES, "regular")
        self.product = choice(row, "product", (*PRODUCTS, "CO"))
        self.order_type = choice(row, "order_type", ORDER_TYPES)
        self.quantity = whole(row, "quantity")
        if not self.quantity:
            raise Refusal("Invalid `quantity`.")
        last = floor.last_price(self.instrument.token)
        self.price = money(row, "price") or money(row, "trigger_price") or last
        self.average = money(row, "average_price")

    @property
    def leg(self) -> Leg:
        return Leg(self.instrument, self.side * self.quantity)

    def need(self, floor: Floor, beside: list[Leg]) -> Need:
        instrument, product = self.instrument, self.product
        if instrument.is_share and product == "CNC" and self.side != BUY:
            return NOTHING
        return need(floor, instrument, product, self.side, self.quantity, self.price, beside)

    def charges(self, floor: Floor, price: int) -> Charges:
        value = price * self.quantity * self.instrument.multiplier
        day = ordinal(floor.now)
        return charges(self.instrument, self.product, self.side, value, day)


def _read(floor: Floor, orders: Any) -> list[_Wanted]:
    if not floor.rules.margin_calculators:
        raise Refusal("The margin calculators are not available in the sandbox.")
    if not isinstance(orders, list) or not 0 < len(orders) <= MOST_ORDERS:
        raise Refusal("Invalid JSON: a list of orders is expected.")
    return [_Wanted(floor, row) for row in orders]


def margin_row(wanted: _Wanted | None, parts: Need, cost: Charges) -> dict[str, Any]:
    """A margin as Kite shows it."""
    instrument = wanted.instrument if wanted else None
    commodity = instrument is not None and instrument.exchange == "MCX"
    return {
        "type": ("commodity" if commodity else "equity") if wanted else "",
        "tradingsymbol": instrument.symbol if instrument else "",
        "exchange": instrument.exchange if instrument else "",
        "span": rupees(parts.span),
        "exposure": rupees(parts.exposure),
        "option_premium": rupees(parts.premium),
        "additional": 0.0,
        "bo": 0.0,
        "cash": 0.0,
        "var": rupees(parts.value),
        "pnl": {"realised": 0.0, "unrealised": 0.0},
        "leverage": parts.leverage,
        "charges": cost.row(),
        "total": rupees(parts.total),
    }


def _shorten(row: dict[str, Any], mode: str | None) -> dict[str, Any]:
    if mode != "compact":
        return row
    names = ("type", "tradingsymbol", "exchange", "total")
    return {name: row[name] for name in names} | {"charges": row["charges"]}


def order_margins(floor: Floor, user: str, *, orders: Any, mode: str | None = None) -> Any:
    """What each order would need by itself."""
    floor.account(user)
    return [
        _shorten(margin_row(each, each.need(floor, []), each.charges(floor, each.price)), mode)
        for each in _read(floor, orders)
    ]


def basket_margins(
    floor: Floor, user: str, *, orders: Any, consider_positions: bool = True,
    mode: str | None = None,
) -> Any:  # fmt: skip
    """What orders would need one after the other, and in the end all together."""
    account = floor.account(user)
    wanted = _read(floor, orders)
    alone = [each.need(floor, []) for each in wanted]
    cost = sum((each.charges(floor, each.price) for each in wanted), Charges())
    final = NOTHING
    groups: dict[str, list[_Wanted]] = {}
    for each, parts in zip(wanted, alone, strict=True):
        if each.instrument.expiry:
            groups.setdefault(family(each.instrument), []).append(each)
        else:
            final = _sum(final, parts)
    for members in groups.values():
        beside = family_legs(floor, account, members[0].instrument) if consider_positions else []
        final = _sum(final, _together(floor, members, beside))
    initial = NOTHING
    for parts in alone:
        initial = _sum(initial, parts)
    rows = [
        margin_row(each, parts, each.charges(floor, each.price))
        for each, parts in zip(wanted, alone, strict=True)
    ]
    return {
        "initial": _shorten(margin_row(None, initial, Charges()), mode),
        "final": _shorten(margin_row(None, final, Charges()), mode),
        "orders": [_shorten(each, mode) for each in rows],
        "charges": cost.row(),
    }


def _together(floor: Floor, members: list[_Wanted], beside: list[Leg]) -> Need:
    """The benefit of spreads and hedges: one span over everything of a family."""
    legs = [each.leg for each in members]
    premium = sum(
        each.price * each.quantity * each.instrument.multiplier
        for each in members
        if each.instrument.is_option and each.side == BUY
    )
    more = span(floor, beside + legs) - span(floor, beside)
    sold = any(not each.instrument.is_option or each.side != BUY for each in members)
    return Need(
        span=max(more, 0) if sold else 0,
        exposure=sum(exposure(floor, leg) for leg in legs),
        premium=premium,
    )


def _sum(one: Need, other: Need) -> Need:
    return Need(
        one.span + other.span,
        one.exposure + other.exposure,
        one.premium + other.premium,
        one.value + other.value,
    )


def contract_note(floor: Floor, user: str, *, orders: Any) -> Any:
    """What executed orders cost."""
    floor.account(user)
    rows = []
    for each in _read(floor, orders):
        if not each.average:
            raise Refusal("Invalid `average_price`.")
        rows.append({
            "transaction_type": "BUY" if each.side == BUY else "SELL",
            "tradingsymbol": each.instrument.symbol,
            "exchange": each.instrument.exchange,
            "variety": each.variety,
            "product": each.product,
            "order_type": each.order_type,
            "quantity": each.quantity,
            "price": rupees(each.average),
            "charges": each.charges(floor, each.average).row(),
        })  # fmt: skip
    return rows


QUERIES: dict[str, Callable[..., Any]] = {
    "order.margins": order_margins,
    "basket.margins": basket_margins,
    "charges": contract_note,
    "contract_note": contract_note,
}
