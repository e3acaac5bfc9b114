"""A ticket: an order as it is asked for, before anybody has looked at it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from accounts.brokers.types import OrderRequest
from accounts.brokers.words import OrderType, Product, Side, Validity, Variety

AUTOMATIC = Decimal(-1)  # the broker chooses how far a market order may go
AT_ANY_PRICE = frozenset({OrderType.MARKET, OrderType.SL_M})
YES = "yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a trader asks for. Quantities are units, also where the exchange counts lots."""

    exchange: str
    symbol: str
    side: Side
    quantity: int
    order_type: OrderType
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    product: Product
    validity: Validity = Validity.DAY
    validity_minutes: int | None = None
    variety: Variety = Variety.REGULAR
    protection: Decimal | None = None  # per cent; on an order at any price, None is AUTOMATIC
    disclosed_quantity: int | None = None
    iceberg_legs: int | None = None
    iceberg_quantity: int | None = None
    autoslice: bool = False
    auction_number: str | None = None

    @property
    def key(self) -> str:
        """EXCHANGE:SYMBOL, as instruments are named."""
        return f"{self.exchange}:{self.symbol}"

    @property
    def is_at_any_price(self) -> bool:
        return self.order_type in AT_ANY_PRICE

    @property
    def market_protection(self) -> Decimal | None:
        """Tell how far a market order may go. The exchange takes none without, so there is always one."""
        return AUTOMATIC if self.is_at_any_price and self.protection is None else self.protection

    @property
    def has_trigger(self) -> bool:
        """A cover order has one beside whatever type its first leg is of."""
        return self.order_type.has_trigger or self.variety == Variety.COVER

    def canonical(self) -> dict[str, str]:
        """Write it so that tickets which ask for the same read the same, key by key in this order."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        given["protection"] = self.market_protection
        return {name: written(value) for name, value in given.items()}

    @classmethod
    def read(cls, form: Mapping[str, str]) -> "Ticket":
        """Make the ticket that was written so; a ValueError tells that it was not."""
        made: dict[str, Any] = {
            name: how(text) for name, how in READERS.items() if (text := form.get(name, ""))
        }
        missing = [name for name in REQUIRED if name not in made]
        if missing:
            raise ValueError(f"a ticket needs {', '.join(missing)}")
        return cls(**made)

    def request(self, *, tag: str | None = None, algo_id: str | None = None) -> OrderRequest:
        """Say the same to a broker. Only what check() has nothing against may be sent."""
        return OrderRequest(
            exchange=self.exchange,
            symbol=self.symbol,
            side=self.side,
            quantity=self.quantity,
            product=self.product,
            order_type=self.order_type,
            variety=self.variety,
            price=self.price,
            trigger_price=self.trigger_price,
            validity=self.validity,
            validity_minutes=self.validity_minutes,
            disclosed_quantity=self.disclosed_quantity,
            iceberg_legs=self.iceberg_legs,
            iceberg_quantity=self.iceberg_quantity,
            auction_number=self.auction_number,
            market_protection=self.market_protection,
            tag=tag,
            algo_id=algo_id,
            autoslice=self.autoslice,
        )


REQUIRED = ("exchange", "symbol", "side", "quantity", "order_type", "product")


def written(value: object) -> str:
    """Write one value; 1012.5 and 1012.50 are the same price and read the same."""
    match value:
        case None | False:
            return ""
        case True:
            return YES
        case Decimal():
            return plainly(value)
        case _:
            return str(value)


def plainly(number: Decimal) -> str:
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").removesuffix(".")
    return "0" if text == "-0" else text


def exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError(f"{text!r} is no number") from None


READERS: dict[str, Any] = {
    "exchange": str,
    "symbol": str,
    "side": Side,
    "quantity": int,
    "order_type": OrderType,
    "price": exact,
    "trigger_price": exact,
    "product": Product,
    "validity": Validity,
    "validity_minutes": int,
    "variety": Variety,
    "protection": exact,
    "disclosed_quantity": int,
    "iceberg_legs": int,
    "iceberg_quantity": int,
    "autoslice": YES.__eq__,
    "auction_number": str,
}
