"""The form of a trigger as a page shows it: what stands in its fields, the last price, what holds it back."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounts.access import why_no_trading
from accounts.brokerage import BrokerAccount
from accounts.brokers.types import GttKind, GttStatus
from accounts.brokers.words import Product, Side
from accounts.models import User
from orders import gtts
from orders.ledger import GttTrigger
from orders.quotes import last_price
from orders.ticket_shown import act_of, fitting, instrument_of, instruments_like, list_trouble
from orders.tickets.facts import CASH
from orders.tickets.gtt_form import GttForm
from orders.tickets.products import CASH_PRODUCTS, CONTRACT_PRODUCTS

KINDS: dict[str, str] = {GttKind.SINGLE: "Single", GttKind.OCO: "Stop and target"}
STARTS = {"side": Side.SELL, "kind": GttKind.SINGLE}
DIFFERENT = "Its two orders differ in more than their price. Change it at the broker, or delete it."


def gtt_href(account: BrokerAccount, **terms: object) -> str:
    """Name the address of the form, filled in; nothing where the broker keeps no triggers."""
    if not gtts.has_gtt(account):
        return ""
    return f"{reverse('new_gtt', args=[account.code])}?{urlencode(terms)}"


def closing_href(account: BrokerAccount, *, key: str, product: str, net: int) -> str:
    """Name the form of a trigger that closes so much; what is for today only cannot wait for one."""
    if not net or product not in {Product.CNC, Product.NRML, Product.MTF}:
        return ""
    side = Side.SELL if net > 0 else Side.BUY
    return gtt_href(account, instrument=key, product=product, side=side, quantity=abs(net))


def starting_gtt(asked: Mapping[str, str]) -> dict[str, str]:
    """Give what stands in the fields of a form that an address prefills."""
    given = {name: str(asked[name])[:80] for name in GttForm.base_fields if asked.get(name)}
    values = {**{name: str(value) for name, value in STARTS.items()}, **given}
    values["side"] = values["side"].upper()
    product = values.get("product", "")
    values["product"] = fitting(
        values.get("instrument", ""), "" if product == Product.MIS else product
    )
    return values


def gtt_facts(
    form: GttForm, account: BrokerAccount, user: User, gtt: GttTrigger | None
) -> dict[str, Any]:
    """Give what the template needs to know beside its form."""
    text = str(form["instrument"].value() or "")
    chosen = instrument_of(account, text)
    side = str(form["side"].value() or Side.SELL).upper()
    row = chosen.row if chosen else None
    return {
        "form": form,
        "gtt": gtt,
        "chosen": chosen,
        "found": [] if chosen else instruments_like(account, text),
        "trouble": "" if chosen else list_trouble(account),
        "last": last_price(account, row.exchange, row.symbol, user=user) if row else None,
        "tick": row.tick_size if row else None,
        "is_sell": side == Side.SELL,
        "sides": list(Side),
        "kinds": KINDS.items(),
        "is_two": form["kind"].value() == GttKind.OCO,
        "products": [(one, one) for one in products_of(row.exchange if row else "")],
        "why_not": why_not(account, user, gtt),
        "act": "Change the GTT" if gtt else f"GTT: {act_of(form, chosen, side)}",
    }


def products_of(exchange: str) -> list[Product]:
    """Tell the products that wait beyond the day."""
    segment = CASH_PRODUCTS if exchange in CASH else CONTRACT_PRODUCTS
    offered = segment if exchange else (Product.CNC, Product.NRML)
    return [one for one in offered if one != Product.MIS]


def why_not(account: BrokerAccount, user: User, gtt: GttTrigger | None) -> str:
    """Say what holds the form back before anything is entered."""
    if why := why_no_trading(user.pk, account.pk):
        return why
    if not gtts.has_gtt(account):
        return gtts.NOT_KEPT
    if gtt and not may_change(gtt):
        return f"The GTT is {gtt.status} already."
    return DIFFERENT if gtt and gtts.request_of(gtt) is None else ""


def may_change(gtt: GttTrigger) -> bool:
    return gtt.is_listed and gtt.status == GttStatus.ACTIVE
