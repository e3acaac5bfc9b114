"""Tell what a basket of orders would block; nothing is placed."""

import re
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.brokers.errors import BrokerError
from accounts.brokers.types import BasketMargin, OrderRequest
from accounts.brokers.words import Exchange, OrderType, Product, Side
from accounts.lines import line_to
from accounts.management.commands.login_account import linked
from tradedesk.commands import JsonCommand
from tradedesk.money import rupees

FORM = "EXCHANGE:SYMBOL:SIDE:QUANTITY:PRODUCT:TYPE[:PRICE]"
EXAMPLE = "NFO:NIFTY26NOVFUT:BUY:75:NRML:MARKET or NSE:INFY:SELL:10:CNC:LIMIT:1510.50"


class Command(JsonCommand):
    help = (
        "Asks the broker what these orders would block together: in sum, and once held together. "
        f"Each order is {FORM}, such as {EXAMPLE}. Nothing is placed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--account", required=True, metavar="CODE", help="who asks")
        parser.add_argument("orders", nargs="+", metavar=FORM)
        parser.add_argument(
            "--alone", action="store_true", help="as if the account held no positions"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        orders = [order_of(text) for text in options["orders"]]  # before anybody is asked
        account = linked(options["account"])
        try:
            with line_to(account) as broker:
                basket = broker.basket_margin(orders, with_positions=not options["alone"])
        except BrokerError as error:
            raise CommandError(str(error)) from error
        found = figures(basket)
        width = max(map(len, found)) + 2
        text = "\n".join(
            f"{name.replace('_', ' '):{width}}{rupees(value):>18}" for name, value in found.items()
        )
        self.answer(found, text=text, as_json=options["json"])


def figures(basket: BasketMargin) -> dict[str, Decimal]:
    """Tell the orders' sum and its parts, and what is left of it once they are held together."""
    initial = basket.initial
    return {
        "total": initial.total,
        "span": initial.span,
        "exposure": initial.exposure,
        "premium": initial.option_premium,
        "final_total": basket.final.total,
        "benefit": basket.benefit,
    }


def order_of(text: str) -> OrderRequest:
    """Read one order; what cannot be read is named."""
    parts = text.strip().split(":")
    if len(parts) not in {6, 7}:
        raise wrong(text, f"it has {len(parts)} parts, not 6 or 7")
    exchange, symbol, side, quantity, product, kind = parts[:6]
    order_type = word_of(OrderType, kind, "type", text)
    price = price_of(parts[6], text) if len(parts) == 7 else None
    if order_type.has_price and price is None:
        raise wrong(text, f"the price is missing, which {order_type} needs")
    if price is not None and not order_type.has_price:
        raise wrong(text, f"{order_type} takes no price")
    if not symbol:
        raise wrong(text, "the symbol is missing")
    return OrderRequest(
        exchange=word_of(Exchange, exchange, "exchange", text).value,
        symbol=symbol.upper(),
        side=word_of(Side, side, "side", text),
        quantity=quantity_of(quantity, text),
        product=word_of(Product, product, "product", text),
        order_type=order_type,
        price=price,
    )


def word_of[Word: StrEnum](words: type[Word], given: str, part: str, text: str) -> Word:
    try:
        return words(given.upper())
    except ValueError:
        known = ", ".join(words)
        raise wrong(text, f"the {part} {given!r} is none of {known}") from None


def quantity_of(given: str, text: str) -> int:
    if re.fullmatch(r"[1-9][0-9]{0,8}", given):
        return int(given)
    raise wrong(text, f"the quantity {given!r} is no whole number above zero")


def price_of(given: str, text: str) -> Decimal:
    try:
        price = Decimal(given)
    except InvalidOperation:
        price = Decimal(0)
    if price.is_finite() and 0 < price < 10**9:
        return price
    raise wrong(text, f"the price {given!r} is no amount above zero")


def wrong(text: str, why: str) -> CommandError:
    return CommandError(f"{text!r}: {why}. Write each order as {FORM}, such as {EXAMPLE}")
