"""Rules about what kind of order an instrument, a broker and an account take."""

from collections.abc import Collection, Iterable, Iterator

from accounts.brokers.words import Exchange, OrderType, Product, Validity, Variety
from orders.tickets.facts import CASH, CONTRACTS, Facts, Only
from orders.tickets.problems import EMPTY, Fix, Problem, listed, refused
from orders.tickets.ticket import Ticket

CASH_PRODUCTS = (Product.CNC, Product.MIS, Product.MTF)
CONTRACT_PRODUCTS = (Product.NRML, Product.MIS)
TO_KEEP = frozenset({Product.CNC, Product.NRML})
LONGEST_TTL = 1440  # minutes
INDEX = "INDEX"


def tradable(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """There is such an instrument today, and it is one to trade."""
    listing = facts.listing
    if listing is None:
        cause = f"{ticket.key} is not in the list of instruments."
        yield refused("tradable", "symbol", cause, how="Choose it from the search.")
    elif listing.kind == INDEX:
        cause = f"{listing.symbol} is an index and cannot be traded."
        yield refused("tradable", "symbol", cause, how="Choose one of its futures or options.")
    elif listing.expiry is not None and listing.expiry < facts.today:
        day = f"{listing.expiry.day} {listing.expiry:%b %Y}"
        yield refused(
            "tradable",
            "symbol",
            f"{listing.symbol} expired on {day}.",
            how="Choose a later expiry.",
        )
    elif not listing.is_active:
        cause = f"{listing.symbol} is not listed any more."
        yield refused("tradable", "symbol", cause, how="Choose it anew from the search.")
    known = CASH | CONTRACTS
    if ticket.exchange not in known or ticket.exchange not in facts.capabilities.exchanges:
        cause = f"This broker does not trade on {ticket.exchange}."
        yield refused("tradable", "exchange", cause, how="Choose the instrument elsewhere.")
    elif facts.account_exchanges is not None and ticket.exchange not in facts.account_exchanges:
        cause = f"{ticket.exchange} is not enabled for this account."
        yield refused("tradable", "exchange", cause, how="Enable the segment at the broker.")


def product(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """The product belongs to the segment, the broker, the account and the instrument."""
    if facts.restrictions is None:
        yield refused(
            "product", "product", "The lists of restricted instruments could not be read.",
            how="Try again.",
        )  # fmt: skip
        return
    fixes = choices(allowed(ticket, facts))
    for cause, some in products(ticket, facts):
        if ticket.product not in some:
            how = "" if fixes else "It cannot be ordered in this way."
            yield refused("product", "product", cause, fixes, how=how)
            return


def allowed(ticket: Ticket, facts: Facts) -> list[str]:
    """Tell the products that nothing stands against."""
    first, *others = [some for _, some in products(ticket, facts)]
    return [one for one in first if all(one in some for some in others)]


def choices(names: Iterable[str]) -> list[Fix]:
    return [Fix(text=one, changes={"product": one}) for one in names]


def products(ticket: Ticket, facts: Facts) -> Iterator[tuple[str, Collection[str]]]:
    """Tell, step by step, which products are left, and what to say of those that are not."""
    name, symbol = ticket.product, ticket.symbol
    segment = CASH_PRODUCTS if ticket.exchange in CASH else CONTRACT_PRODUCTS
    yield f"{ticket.exchange} takes {listed(segment, 'and')}, not {name}.", segment
    yield f"This broker does not offer {name}.", facts.capabilities.products
    if facts.account_products is not None:
        yield f"{name} is not enabled for this account.", facts.account_products
    if ticket.variety == Variety.COVER:
        yield "A cover order is for today only.", {Product.MIS}
    if facts.is_exit:
        return
    for one in facts.restrictions or ():
        why = f": {one.why.strip().rstrip('.')}" if one.why.strip() else ""
        if one.only == Only.INTRADAY:
            yield f"{symbol} can be traded intraday only{why}.", {Product.MIS}
        else:
            yield f"{symbol} can be traded for delivery only{why}.", TO_KEEP


def offered(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """The broker offers this variety and this type."""
    can = facts.capabilities
    if ticket.variety not in can.varieties:
        cause = f"This broker does not offer the variety {ticket.variety}."
        fixes = [
            Fix(text=one, changes={"variety": one}) for one in plain(can.varieties, Variety.REGULAR)
        ]
        yield refused("offered", "variety", cause, fixes)
    types = can.order_types
    if ticket.variety == Variety.COVER:
        types &= {OrderType.LIMIT, OrderType.MARKET}
    if ticket.order_type not in types:
        who = "A cover order" if ticket.order_type in can.order_types else "This broker"
        cause = f"{who} does not take the type {ticket.order_type}."
        fixes = [
            Fix(text=one, changes={"order_type": one}) for one in plain(types, OrderType.LIMIT)
        ]
        yield refused("offered", "order_type", cause, fixes)
    in_auction = ticket.variety == Variety.AUCTION
    if in_auction and not ticket.auction_number:
        cause = "An auction order needs the number of its auction."
        yield refused("offered", "auction_number", cause, how="Choose it from the auctions.")
    if ticket.auction_number and not in_auction:
        fixes = [Fix(text="no auction number", changes={"auction_number": None})]
        yield refused(
            "offered", "auction_number", "Only an auction order has one.", fixes, how=EMPTY
        )


def plain[T](offered: frozenset[T], usual: T) -> list[T]:
    """Offer the usual one where it is there."""
    return [usual] if usual in offered else []


def validity(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """How long it stands is something that the segment and the broker know."""
    day = Fix(text="DAY", changes={"validity": Validity.DAY, "validity_minutes": None})
    minutes = ticket.validity_minutes
    if ticket.validity not in facts.capabilities.validities:
        cause = f"This broker does not offer the validity {ticket.validity}."
        fixes = [day] if Validity.DAY in facts.capabilities.validities else []
        yield refused("validity", "validity", cause, fixes)
    elif ticket.validity == Validity.IOC and ticket.exchange == Exchange.MCX:
        yield refused("validity", "validity", "MCX takes no IOC orders from programs.", [day])
    elif ticket.variety == Variety.COVER and ticket.validity != Validity.DAY:
        yield refused("validity", "validity", "A cover order stands for the day.", [day])
    elif ticket.validity != Validity.TTL and minutes is not None:
        fixes = [Fix(text="no minutes", changes={"validity_minutes": None})]
        yield refused("validity", "validity_minutes", "Only TTL has minutes.", fixes, how=EMPTY)
    elif ticket.validity == Validity.TTL and not 1 <= (minutes or 0) <= LONGEST_TTL:
        cause = f"TTL needs its minutes, from 1 to {LONGEST_TTL:,}."
        fixes = [Fix(text=f"{one} minutes", changes={"validity_minutes": one}) for one in (5, 30)]
        yield refused("validity", "validity_minutes", cause, fixes)
