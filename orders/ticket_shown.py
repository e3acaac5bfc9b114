"""A ticket as a page shows it: what stands in its fields, what is wrong, and the ways out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from accounts.brokers.words import OrderType, Product, Side, Variety
from orders.instruments.labels import label_of
from orders.instruments.models import Instrument, find, master_of
from orders.instruments.searching import search
from orders.instruments.standing import NoMaster, standing
from orders.ledger import trading_day
from orders.tickets.facts import CASH
from orders.tickets.forms import ASKED, JudgedForm, TicketForm, shown_at
from orders.tickets.problems import Fix, Problem, refusals
from orders.tickets.typed import Unreadable, read_whole
from tradedesk.money import quantity

STARTS = {"side": Side.BUY, "order_type": OrderType.LIMIT, "protection": "auto"}
VARIETIES = {
    Variety.REGULAR: "Regular",
    Variety.AMO: "AMO",
    Variety.ICEBERG: "Iceberg",
    Variety.COVER: "Cover",
    Variety.AUCTION: "Auction",
}
CASH_PRODUCTS = {Product.CNC, Product.MIS, Product.MTF}
# What an order at any price becomes when a price is put into it.
WITH_PRICE = {"LIMIT": OrderType.LIMIT, "SL": OrderType.SL, "SL-M": OrderType.SL}
FOUND = 8  # instruments that a search offers
NOT_YET = {"required", "needs", "unnamed"}  # no reproach to somebody who is still typing


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A button that fills in what helps."""

    text: str
    fill: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What is said beside a field."""

    text: str
    ways: list[Way] = field(default_factory=list)


def way_of(fix: Fix) -> Way:
    values = {shown_at_name(name): value for name, value in fix.values.items()}
    return Way(text=f"Use {fix.text}", fill=urlencode(values))


def shown_at_name(name: str) -> str:
    return "instrument" if name in {"exchange", "symbol"} else name


def remark_of(problem: Problem) -> Remark:
    return Remark(text=problem.text, ways=[way_of(fix) for fix in problem.fixes])


def remarks_of(form: JudgedForm, *, is_typing: bool = False) -> dict[str, list[Remark]]:
    """Give what is wrong, by field; one who types hears nothing of what is still missing."""
    by_rule = {(shown_at(one), one.text): one for one in refusals(form.problems)}
    found: dict[str, list[Remark]] = {}
    for name, errors in form.errors.as_data().items():
        for error in errors:
            if is_typing and error.code in NOT_YET:
                continue
            text = " ".join(map(str, error.messages))
            known = by_rule.get((name, text))
            found.setdefault(name, []).append(remark_of(known) if known else Remark(text=text))
    return found


def ticket_href(code: str, **terms: str) -> str:
    """Name the address of a ticket that is filled in already."""
    return f"{reverse('new_order', args=[code])}?{urlencode(terms)}"


def starting(asked: Mapping[str, str]) -> dict[str, str]:
    """Give what stands in the fields of a ticket that an address prefills."""
    names = TicketForm.base_fields
    given = {name: str(asked[name])[:80] for name in names if asked.get(name)}
    values = {**{name: str(value) for name, value in STARTS.items()}, **given}
    exchange = values.get("instrument", "").partition(":")[0]
    values.setdefault("product", Product.CNC if exchange in {"", *CASH} else Product.NRML)
    values["side"] = values["side"].upper()
    return values


def filled(data: QueryDict, fill: str, form: type[JudgedForm] = TicketForm) -> QueryDict:
    """Put into a form what the button that was pressed fills in."""
    changed = data.copy()
    for name, value in parse_qsl(fill, keep_blank_values=True):
        if name in form.base_fields:
            changed[name] = value
            if name == "price" and value:
                changed["order_type"] = WITH_PRICE.get(
                    changed.get("order_type", ""), OrderType.LIMIT
                )
            if name == "instrument":
                changed["product"] = fitting(value, changed.get("product", ""))
    return changed


def fitting(instrument: str, product: str) -> str:
    """Keep the product if the segment has it: shares are not carried, contracts not delivered."""
    is_cash = instrument.partition(":")[0] in CASH
    if is_cash:
        return product if product in CASH_PRODUCTS else Product.CNC
    return product if product in {Product.NRML, Product.MIS} else Product.NRML


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An instrument of the search, or the one of the ticket."""

    row: Instrument
    name: str
    contract: str

    @property
    def fill(self) -> str:
        return urlencode({"instrument": self.row.key})

    @property
    def measure(self) -> str:
        """Tell in what steps it is ordered."""
        tick = f"price steps by {self.row.tick_size.normalize():f}"
        lot = f"lot of {quantity(self.row.lot_size)}, " if self.row.lot_size > 1 else ""
        return lot + tick


def listed(row: Instrument) -> Listed:
    label = label_of(row, trading_day(None))
    return Listed(row=row, name=label.name, contract=label.contract)


def instrument_of(account: BrokerAccount, text: str) -> Listed | None:
    """Find what EXCHANGE:SYMBOL names in the list of the account's broker."""
    exchange, _, symbol = text.strip().upper().partition(":")
    row = find(master_of(account.broker, account.environment), exchange, symbol)
    return listed(row) if row else None


def instruments_like(account: BrokerAccount, text: str) -> list[Listed]:
    """Find what a trader may mean by these words; no index, for it cannot be traded."""
    if not text.strip():
        return []
    master = master_of(account.broker, account.environment)
    try:
        rows = search(text[:60], master=master, limit=2 * FOUND)
    except NoMaster:
        return []  # list_trouble() says so
    return [listed(row) for row in rows if row.kind != "INDEX"][:FOUND]


def list_trouble(account: BrokerAccount) -> str:
    """Say that the broker's list of instruments has not come yet, where that is so."""
    try:
        standing(master_of(account.broker, account.environment), at=timezone.now()).ensure()
    except NoMaster:
        return "The broker's list of instruments has not come yet. It is fetched every five minutes until it is there."
    return ""


def ticket_facts(form: TicketForm, account: BrokerAccount) -> dict[str, Any]:
    """Give what the template of a ticket needs to know beside its form."""
    text = str(form["instrument"].value() or "")
    chosen = instrument_of(account, text)
    side = str(form["side"].value() or Side.BUY).upper()
    return {
        "form": form,
        "chosen": chosen,
        "found": [] if chosen else instruments_like(account, text),
        "trouble": "" if chosen else list_trouble(account),
        "is_sell": side == Side.SELL,
        "sides": list(Side),
        "types": [(one, one) for one in OrderType],
        "products": [(one, one) for one in ASKED],
        "varieties": [(str(one), word) for one, word in VARIETIES.items()],
        "act": act_of(form, chosen, side),
    }


def act_of(form: JudgedForm, chosen: Listed | None, side: str) -> str:
    """Say on the button what it does: Buy 1,500 INFY."""
    try:
        amount = read_whole(str(form["quantity"].value() or ""))
    except Unreadable:
        amount = 0  # its field says what is wrong
    words = [side.title(), quantity(amount) if amount else ""]
    words.append(f"{chosen.name} {chosen.contract}".strip() if chosen else "")
    return " ".join(filter(None, words))
