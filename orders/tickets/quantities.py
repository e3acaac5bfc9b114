"""Rules about how much: lots, what the exchange takes in one order, caps, and hidden parts."""

from collections.abc import Iterator
from decimal import Decimal

from accounts.brokers.words import Side, Validity, Variety
from orders.tickets.facts import CASH, CONTRACTS, Caps, Facts, Listing
from orders.tickets.problems import EMPTY, Fix, Problem, listed, noted, refused
from orders.tickets.ticket import Ticket
from tradedesk.money import quantity as shown
from tradedesk.money import rupees

MOST_SHARES = 100_000  # Kite's own caps of one order
MOST_VALUE = Decimal(10) ** 8  # ten crore rupees
SLICEABLE = frozenset({Variety.REGULAR, Variety.AMO})


def lot(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """The quantity is a whole number of lots."""
    size = lot_of(facts)
    if size is None:
        yield refused(
            "lot", "quantity", f"The lot size of {ticket.key} is not known.",
            how="Fetch the instruments again.",
        )  # fmt: skip
    elif ticket.quantity < 1:
        yield refused("lot", "quantity", "Quantity must be 1 or more.", amounts([size]))
    elif ticket.quantity % size:
        low = ticket.quantity // size * size
        near = [one for one in (low, low + size) if one]
        cause = f"Quantity must be a multiple of the lot of {shown(size)}."
        yield refused("lot", "quantity", cause, amounts(near))


def freeze(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """No single order is above the freeze quantity: the exchange would not take it."""
    listing = facts.listing
    if listing is None:
        return
    if listing.freeze_quantity is None:
        # No broker's list tells it, so it cannot be asked of every contract.
        if ticket.exchange in CONTRACTS:
            yield noted(
                "freeze", "quantity",
                f"The freeze quantity of {ticket.symbol} is not known: the broker will check it.",
            )  # fmt: skip
        return
    most = listing.freeze_quantity // (lot_of(facts) or 1) * (lot_of(facts) or 1)
    if most and ticket.variety != Variety.ICEBERG and ticket.quantity > most:
        yield from too_large(ticket, facts, listing, most)


def too_large(ticket: Ticket, facts: Facts, listing: Listing, most: int) -> Iterator[Problem]:
    count = -(-ticket.quantity // most)
    limit = facts.capabilities.most_slices or count
    can_slice = facts.capabilities.has_autoslice and ticket.variety in SLICEABLE
    if ticket.autoslice and can_slice and count <= limit:
        return
    cause = f"The exchange takes at most {shown(most)} of {listing.symbol} in one order."
    fixes = amounts([most])
    if can_slice and count > limit:
        sliced = most * limit
        cause += f" At most {limit} slices are allowed, {count} would be needed."
        change: dict[str, object] = {"quantity": sliced, "autoslice": True}
        fixes.append(Fix(text=f"{shown(sliced)} in {limit} slices", changes=change))
    elif can_slice:
        text = f"{count} slices ({sizes(ticket.quantity, most)})"
        fixes.insert(0, Fix(text=text, changes={"autoslice": True}))
    yield refused("freeze", "quantity", cause, fixes)


def slices(quantity: int, most: int) -> list[int]:
    """Cut a quantity into orders of at most so much."""
    whole, rest = divmod(quantity, most)
    return [most] * whole + [rest] * bool(rest)


def sizes(quantity: int, most: int) -> str:
    """Write slices for people: 2 of 1,800 and 1 of 900."""
    whole, rest = divmod(quantity, most)
    parts = [f"{whole} of {shown(most)}"] + ([f"1 of {shown(rest)}"] if rest else [])
    return listed(parts, "and")


def slicing(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """Slices are cut where the broker cuts them."""
    if not ticket.autoslice:
        return
    if not facts.capabilities.has_autoslice:
        cause = "This broker does not slice orders."
    elif ticket.variety not in SLICEABLE:
        cause = f"An order of the variety {ticket.variety} is not sliced."
    else:
        return
    fix = Fix(text="one order", changes={"autoslice": False})
    yield refused("slicing", "autoslice", cause, [fix], how="Send it as one order.")


def caps(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """The order is within the account's caps and the broker's."""
    if facts.is_exit:
        return
    if facts.caps is None:
        cause = "The limits of this account could not be read."
        yield refused("caps", "quantity", cause, how="Try again.")
        return
    bounds = list(bounds_of(ticket, facts, facts.caps))
    tightest, cause = min(bounds, default=(ticket.quantity, ""))
    if ticket.quantity > tightest:
        size = lot_of(facts) or 1
        near = tightest // size * size
        yield refused("caps", "quantity", cause, amounts([near] if near else []))


def value(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """A cap of value that is set is kept: an order that nobody can value could be any size."""
    if facts.is_exit or facts.caps is None or facts.caps.value is None:
        return
    if likely_price(ticket, facts) is None:
        missing, how = f"no price of {ticket.symbol}", "Use a limit order."
    elif facts.listing and facts.listing.multiplier is None:
        missing, how = f"no worth of one {ticket.symbol}", "Ask the operator to take the cap away."
    else:
        return
    cause = f"This account allows {rupees(facts.caps.value)} in one order, and {missing} is known."
    yield refused("value", "quantity", cause, how=how)


def bounds_of(ticket: Ticket, facts: Facts, own: Caps) -> Iterator[tuple[int, str]]:
    """Tell the quantity that each cap leaves, and what to say of more."""
    allows, takes = "this account allows", "the broker takes"
    quantities = [(own.quantity, allows)]
    if ticket.exchange in CASH:
        quantities.append((MOST_SHARES, takes))
    for quantity, who in quantities:
        if quantity is not None:
            yield (
                quantity,
                f"Quantity is above {shown(quantity)}, the most that {who} in one order.",
            )
    price = likely_price(ticket, facts)
    multiplier = facts.listing.multiplier if facts.listing else None
    if price is None or multiplier is None:
        return
    each = price * multiplier
    worth = rupees(each * ticket.quantity)
    for most, who in ((own.value, allows), (MOST_VALUE, takes)):
        if most is not None:
            cause = f"The order is worth {worth}; {who} {rupees(most)} in one order."
            yield int(most // each), cause


def likely_price(ticket: Ticket, facts: Facts) -> Decimal | None:
    """Tell at what it would be done. An old price is better than none to tell a size by."""
    last = facts.last.price if facts.last else None
    for price in (ticket.price, ticket.trigger_price, last):
        if price is not None and price > 0:
            # Offered below the market, it is done at the market.
            is_offer = ticket.side == Side.SELL and not ticket.trigger_price
            return max(price, last) if is_offer and last else price
    return None


def disclosed(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """The part that others see is a part, in whole lots, of an order that stays."""
    part = ticket.disclosed_quantity
    if part is None:
        return
    size = lot_of(facts) or 1
    fixes = [Fix(text="no disclosed quantity", changes={"disclosed_quantity": None})]
    how = EMPTY
    if ticket.validity == Validity.IOC:
        cause = "An IOC order does not stay in the book, so there is nothing to hide."
    elif ticket.variety == Variety.ICEBERG:
        cause = "An iceberg hides its quantity by its legs."
    elif not 0 < part <= ticket.quantity:
        cause = "Disclosed quantity must be above zero and at most the quantity."
    elif part % size:
        cause = f"Disclosed quantity must be a multiple of the lot of {shown(size)}."
        near = min(-(-part // size) * size, ticket.quantity)
        if near % size == 0:
            fixes.insert(0, Fix(text=shown(near), changes={"disclosed_quantity": near}))
            how = f"Use {shown(near)}, or leave it empty."
    else:
        return
    yield refused("disclosed", "disclosed_quantity", cause, fixes, how=how)


def lot_of(facts: Facts) -> int | None:
    """Tell the lot; None where it is not known."""
    return facts.listing.lot_size if facts.listing and facts.listing.lot_size > 0 else None


def amounts(quantities: list[int]) -> list[Fix]:
    return [Fix(text=shown(one), changes={"quantity": one}) for one in quantities]
