"""Reading what somebody wants to order, and refusing what makes no sense."""

from dataclasses import dataclass
from typing import Any

from .floor import Floor
from .instruments import Instrument
from .rules import PROTECTION_OPTIONS, PROTECTION_SHARES, SYNC, Rules
from .state import BUY, SELL
from .terms import Refusal
from .units import RUPEE, rupees, units

SIDES = {"BUY": BUY, "SELL": SELL}
VARIETIES = ("regular", "amo", "co", "iceberg", "auction")
ORDER_TYPES = ("MARKET", "LIMIT", "SL", "SL-M")
PRODUCTS = ("CNC", "MIS", "NRML", "MTF")
VALIDITIES = ("DAY", "IOC", "TTL")
SHARE_PRODUCTS = ("CNC", "MIS", "MTF")
CONTRACT_PRODUCTS = ("NRML", "MIS")
MOST_QUANTITY = 10**9

UNPROTECTED = (
    "Market orders without market protection are not allowed via API."
    " Please set market protection or use a Limit order."
)
MIS_CLOSED = (
    "MIS (intraday) are blocked as the markets are not open for trading today."
    " Try placing an AMO order."
)
MIS_OVER = (
    "MIS (intraday) orders are blocked after the square-off time."
    " Use another product, or try on the next trading day."
)


@dataclass(slots=True)
class Ticket:
    """An order being asked for."""

    instrument: Instrument
    side: int
    variety: str
    product: str
    order_type: str
    validity: str
    quantity: int
    price: int = 0
    trigger: int = 0
    disclosed: int = 0
    ttl: int = 0
    protection: int = 0
    tag: str | None = None
    legs: int = 0
    autoslice: bool = False
    wrong_side: str = ""  # a trigger on the wrong side that is only told later

    @property
    def is_market(self) -> bool:
        """Whether it names no price of its own."""
        return self.order_type in ("MARKET", "SL-M")

    @property
    def has_trigger(self) -> bool:
        """Whether it waits for a price first."""
        return self.order_type in ("SL", "SL-M")


def read_ticket(floor: Floor, args: dict[str, Any]) -> Ticket:
    """Turn the parameters of an order into a ticket, or say what is wrong with them."""
    for name in ("tradingsymbol", "exchange", "transaction_type", "order_type", "product"):
        if not args.get(name):
            raise Refusal(f"Missing or empty field `{name}`.")
    variety = choice(args, "variety", VARIETIES, "regular")
    if variety == "auction":
        raise Refusal("Auction orders are not accepted here: no auction is being held.")
    ticket = Ticket(
        instrument=floor.instrument(args["exchange"], args["tradingsymbol"]),
        side=SIDES[choice(args, "transaction_type", tuple(SIDES))],
        variety=variety,
        product=choice(args, "product", PRODUCTS),
        order_type=choice(args, "order_type", ORDER_TYPES),
        validity=choice(args, "validity", VALIDITIES, "DAY"),
        quantity=whole(args, "quantity"),
        price=money(args, "price"),
        trigger=money(args, "trigger_price"),
        disclosed=whole(args, "disclosed_quantity"),
        ttl=whole(args, "validity_ttl"),
        protection=protection(args),
        tag=str(args["tag"]) if args.get("tag") else None,
        autoslice=str(args.get("autoslice", "")).lower() == "true",
    )
    if variety == "iceberg":
        ticket.legs = whole(args, "iceberg_legs")
        _check_legs(ticket, whole(args, "iceberg_quantity"), floor.rules)
    check(floor, ticket)
    return ticket


def choice(
    args: dict[str, Any], name: str, allowed: tuple[str, ...], default: str | None = None
) -> str:
    """A parameter that is one of a few words."""
    given = args.get(name) or default
    if given not in allowed:
        raise Refusal(f"Invalid `{name}`.")
    return str(given)


def whole(args: dict[str, Any], name: str) -> int:
    """A parameter that counts something; 0 when it is left out."""
    given = args.get(name)
    if given is None or given == "":
        return 0
    try:
        number = int(str(given))
    except ValueError:
        raise Refusal(f"Invalid `{name}`.") from None
    if not 0 <= number <= MOST_QUANTITY:
        raise Refusal(f"Invalid `{name}`.")
    return number


def money(args: dict[str, Any], name: str) -> int:
    """A parameter in rupees; 0 when it is left out."""
    given = args.get(name)
    if given is None or given == "":
        return 0
    try:
        amount = units(given)
    except ValueError:
        raise Refusal(f"Invalid `{name}`.") from None
    if amount < 0:
        raise Refusal(f"Invalid `{name}`.")
    return amount


def protection(args: dict[str, Any]) -> int:
    """Market protection in hundredths of a percent, -1 for automatic."""
    given = args.get("market_protection")
    if given is None or given == "":
        return 0
    try:
        percent = units(given)
    except ValueError:
        raise Refusal("Invalid `market_protection`.") from None
    if percent == -RUPEE:
        return -1
    if not 0 <= percent <= 100 * RUPEE:
        raise Refusal("Invalid `market_protection`.")
    return percent // 100


def _check_legs(ticket: Ticket, leg_quantity: int, rules: Rules) -> None:
    if not rules.fewest_legs <= ticket.legs <= rules.most_legs:
        raise Refusal(f"Iceberg legs should be between {rules.fewest_legs} and {rules.most_legs}.")
    expected = -(-ticket.quantity // ticket.legs)
    if leg_quantity and leg_quantity != expected:
        raise Refusal("Iceberg quantity should be the quantity divided by the legs.")
    if ticket.validity == "IOC" or ticket.order_type not in ("LIMIT", "MARKET"):
        raise Refusal("Iceberg orders have to be limit or market orders for the day.")


def check(floor: Floor, ticket: Ticket) -> None:
    """Refuse at once what can be told without looking at funds."""
    _check_product(ticket)
    _check_quantity(floor.rules, ticket)
    _check_kind(floor.rules, ticket)
    _check_prices(ticket)
    if ticket.has_trigger:
        _check_trigger(floor, ticket)
    if ticket.tag and len(ticket.tag) > floor.rules.longest_tag:
        raise Refusal(f"Invalid `tag`. It can have {floor.rules.longest_tag} characters at most.")
    if ticket.product == "MIS" and ticket.variety != "amo":
        session = floor.calendar.session(ticket.instrument.market, floor.now)
        if not session.accepts:
            raise Refusal(MIS_CLOSED)


def _check_product(ticket: Ticket) -> None:
    allowed = SHARE_PRODUCTS if ticket.instrument.is_share else CONTRACT_PRODUCTS
    if ticket.product not in allowed:
        exchange = ticket.instrument.exchange
        raise Refusal(f"Trading in {exchange} is not allowed using {ticket.product} product type.")
    if ticket.variety == "co" and ticket.product != "MIS":
        raise Refusal("Cover orders are only allowed using MIS product type.")


def _check_quantity(rules: Rules, ticket: Ticket) -> None:
    instrument, quantity = ticket.instrument, ticket.quantity
    if quantity <= 0:
        raise Refusal("Invalid `quantity`.")
    if quantity % instrument.lot:
        raise Refusal(f"Quantity must be in multiples of lot size {instrument.lot}")
    if ticket.disclosed > quantity:
        raise Refusal("Disclosed quantity cannot be more than the quantity.")
    sliced = ticket.autoslice or ticket.legs
    if too_large(ticket) and not sliced and rules.above_freeze == SYNC:
        raise Refusal(freeze_text(instrument))


def too_large(ticket: Ticket) -> bool:
    """Whether the exchange would freeze an order of this size."""
    return 0 < ticket.instrument.freeze < ticket.quantity


def freeze_text(instrument: Instrument) -> str:
    """Our words: Kite's own are not known."""
    return f"Quantity exceeds the freeze limit of {instrument.freeze}. Use autoslice or iceberg."


def _check_kind(rules: Rules, ticket: Ticket) -> None:
    if rules.limit_orders_only and ticket.order_type != "LIMIT":
        raise Refusal("Only LIMIT orders are allowed in the sandbox.")
    if ticket.is_market and rules.protection_required and not ticket.protection:
        raise Refusal(UNPROTECTED)
    if ticket.validity == "TTL" and ticket.ttl <= 0:
        raise Refusal("Invalid `validity_ttl`.")
    if ticket.validity == "IOC" and ticket.instrument.exchange == "MCX" and not rules.mcx_ioc:
        raise Refusal("IOC orders are not allowed in MCX.")
    if ticket.variety == "co" and not ticket.trigger:
        raise Refusal("Missing or empty field `trigger_price`.")


def _check_prices(ticket: Ticket) -> None:
    tick = ticket.instrument.tick
    if not ticket.is_market and not ticket.price:
        raise Refusal("Invalid `price`.")
    if ticket.has_trigger and not ticket.trigger:
        raise Refusal("Invalid `trigger_price`.")
    for name, given in (("price", ticket.price), ("trigger price", ticket.trigger)):
        if given % tick:
            raise Refusal(
                f"Tick size for this script is {rupees_text(tick)}."
                f" Kindly enter {name} in the multiple of tick size for this script"
            )


def _check_trigger(floor: Floor, ticket: Ticket) -> None:
    instrument, side, trigger = ticket.instrument, ticket.side, ticket.trigger
    last = floor.market.price(instrument, floor.now)
    word, should = ("buy", "higher") if side == BUY else ("sell", "lower")
    if ticket.order_type == "SL" and (ticket.price - trigger) * side < 0:
        raise Refusal(
            f"Trigger price for stoploss {word} orders cannot be"
            f" {should} than the limit price. Please change the trigger price or the price."
        )
    if ticket.order_type == "SL-M" and side == BUY:
        _, high = floor.market.band(instrument, floor.now)
        if high and trigger > high:
            raise Refusal(
                "Trigger price for stoploss buy orders cannot be above the upper circuit price."
                f" Please try placing the order with trigger price below {rupees_text(high)}."
            )
    if (trigger - last) * side <= 0:
        text = (
            f"Trigger price for stoploss {word} orders should be {should}"
            f" than the last traded price ({rupees_text(last)})."
        )
        if floor.rules.wrong_side_trigger == SYNC:
            raise Refusal(text)
        ticket.wrong_side = text


def rupees_text(amount: int) -> str:
    """An amount as rejection texts print it."""
    return f"{rupees(amount):.2f}" if amount % 100 == 0 else f"{rupees(amount):.4f}"


def protected_price(
    rules: Rules,
    instrument: Instrument,
    ticket_protection: int,
    side: int,
    last: int,
    band: tuple[int, int],
) -> tuple[int, int]:
    """How far a market order may go: its price, and the hundredths of a percent used."""
    part = ticket_protection
    if part < 0:
        steps = PROTECTION_OPTIONS if instrument.is_option else PROTECTION_SHARES
        part = next(part for below, part in steps if last < below * RUPEE)
    tick = instrument.tick
    price = last + side * (last * part // 10_000)
    price = price // tick * tick if side == BUY else -(-price // tick) * tick
    low, high = band
    return max(min(price, high), low, tick), part
