"""The limits, one function each: nothing if the order keeps it, else what is wrong and what to do."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Q

from orders.engine.models import OrderTask
from orders.ledger import Order
from orders.risk import measures
from orders.risk.case import Case
from orders.risk.measures import MINUTE, Leg, Missing
from tradedesk.money import quantity as shown
from tradedesk.money import rupees

AT_ANY_PRICE = {"MARKET", "SL-M"}
BEARISH = "PE"  # whoever holds a put holds its underlying short


def reach(net: int, legs: list[Leg]) -> tuple[int, int]:
    """Tell the longest and the shortest that a position may become."""
    return (
        net + sum(leg.quantity for leg in legs if leg.quantity > 0),
        net + sum(leg.quantity for leg in legs if leg.quantity < 0),
    )


def instrument(case: Case) -> str:
    most = case.limits.tightest("instrument_quantity")
    if most is None:
        return ""
    legs = [leg for leg in case.to_come if leg.key == case.leg.key]
    return net_words(case, case.net[case.leg.key], legs, most, case.leg.symbol)


def underlying(case: Case) -> str:
    most = case.limits.tightest("underlying_quantity")
    if most is None:
        return ""
    open_keys = {key for key, quantity in case.net.items() if quantity}
    keys = open_keys | {leg.key for leg in case.to_come} | {case.leg.key}
    known = measures.listings(case.account, keys)
    if lost := sorted(symbol for exchange, symbol in keys - known.keys()):
        raise Missing(
            f"A limit by underlying is set and the desk's list does not have {', '.join(lost)}. Ask "
            "the operator to bring the instruments up to date."
        )
    name = known[case.leg.key].underlying

    def turned(key: tuple[str, str], quantity: int) -> int:
        return -quantity if known[key].kind == BEARISH else quantity

    same = {key for key in keys if known[key].underlying == name}
    net = sum(turned(key, case.net.get(key, 0)) for key in same)
    legs = [
        Leg(exchange=leg.exchange, symbol=leg.symbol, quantity=turned(leg.key, leg.quantity))
        for leg in case.to_come
        if leg.key in same
    ]
    own = turned(case.leg.key, case.leg.quantity)
    return net_words(case, net, legs, most, f"{name} with its contracts", own=own)


def net_words(
    case: Case, net: int, legs: list[Leg], most: int, of: str, *, own: int | None = None
) -> str:
    """Refuse what makes a position larger than allowed; what makes it smaller passes."""
    quantity = case.leg.quantity if own is None else own
    longest, shortest = reach(net, legs)
    after = longest + quantity if quantity > 0 else shortest + quantity
    if abs(after) <= most or only_closes(net, after):
        return ""
    return (
        f"With this order and those at work the net position in {of} could become {shown(after)}; at "
        f"most {shown(most)} are allowed. Use a smaller quantity, or close something first."
    )


def only_closes(net: int, after: int) -> bool:
    """Tell whether what is left lies between nothing and what there was."""
    return min(0, net) <= after <= max(0, net)


def exposure(case: Case) -> str:
    most = case.limits.tightest("exposure")
    if most is None:
        return ""
    legs = [*case.to_come, case.leg]
    net = case.net[case.leg.key]
    longest, shortest = reach(net, [leg for leg in legs if leg.key == case.leg.key])
    after = gross(case, legs)
    if after <= most or only_closes(net, longest if case.leg.quantity > 0 else shortest):
        return ""
    return (
        f"With this order the gross exposure could become {rupees(after)}; at most {rupees(most)} is "
        "allowed. Use a smaller quantity, or close something first."
    )


def gross(case: Case, legs: list[Leg]) -> Decimal:
    """Add up what every instrument may come to, in whichever direction it is more."""
    total = Decimal(0)
    for key in set(case.net) | {leg.key for leg in legs}:
        mine = [leg for leg in legs if leg.key == key]
        most = max(map(abs, reach(case.net.get(key, 0), mine)))
        if most:
            price = case.prices.get(key)
            total += case.worth(Leg(exchange=key[0], symbol=key[1], quantity=most, price=price))
    return total


def turnover(case: Case) -> str:
    for whose, most in (
        ("account", case.limits.account.turnover),
        ("user", case.limits.user.turnover),
    ):
        if most is None:
            continue
        orders, unseen = mine(case, whose)
        done = sum((worth_of_order(case, one) for one in orders), Decimal(0))
        done += sum((case.worth(measures.leg_of(one)) for one in unseen), Decimal(0))
        after = done + case.worth(case.leg)
        if after > most:
            return (
                f"With this order {subject(whose)} turnover could become {rupees(after)} today; at most "
                f"{rupees(most)} is allowed. Use a smaller quantity, or wait for tomorrow."
            )
    return ""


def worth_of_order(case: Case, order: Order) -> Decimal:
    """What was done of an order, and what still may be."""
    told = {"exchange": order.exchange, "symbol": order.symbol}
    done, rest = order.filled_quantity, order.coming_quantity
    price = order.price or order.trigger_price or None
    filled = Leg(**told, quantity=done, price=order.average_price or None)
    left = Leg(**told, quantity=rest, price=price)
    return sum((case.worth(leg) for leg in (filled, left) if leg.quantity), Decimal(0))


def mine(case: Case, whose: str) -> tuple[list[Order], list[OrderTask]]:
    """Give the day's orders of the account, or those of the person in it."""
    if whose == "account":
        return case.todays_orders, case.unseen
    unseen = [one for one in case.unseen if one.user_id == case.task.user_id]
    return measures.orders_of(case.user, case.todays_orders), unseen


def subject(whose: str) -> str:
    return "this account's" if whose == "account" else "your"


def open_orders(case: Case) -> str:
    for whose, most in (
        ("account", case.limits.account.open_orders),
        ("user", case.limits.user.open_orders),
    ):
        if most is None:
            continue
        orders, unseen = mine(case, whose)
        working = sum(one.is_working for one in orders) + len(unseen)
        if working + 1 > most:
            return (
                f"{shown(working)} of {subject(whose)} orders are open; at most {shown(most)} are allowed. "
                "Cancel one first."
            )
    return ""


def loss(case: Case) -> str:
    most = case.limits.tightest("loss")
    if most is None:
        return ""
    lost = day_loss(case.positions)
    if lost < most:
        return ""
    return (
        f"The day's loss of this account is {rupees(lost)}; entries stop at {rupees(most)}. Positions can "
        "still be closed."
    )


def day_loss(positions: list[Any]) -> Decimal:
    """Tell what the day cost so far, as the broker marks it to market."""
    for row in positions:
        if row.quantity and not row.last_price:
            raise Missing(
                f"A day-loss limit is set and the broker tells no price of {row.symbol}. Positions can "
                "still be closed; for new orders ask the operator to take the limit away."
            )
    return -sum((row.m2m for row in positions), Decimal(0))


def orders_a_minute(case: Case) -> str:
    return rate(case, "orders_a_minute", "new orders")


def repeats(case: Case) -> str:
    side = case.terms["side"]
    of_trigger = Q(params__legs__contains=[{"side": side}])
    same = Q(exchange=case.task.exchange, symbol=case.task.symbol)
    words = f"orders to {side.lower()} {case.task.symbol}"
    return rate(case, "repeats", words, same & (Q(params__side=side) | of_trigger))


def rate(case: Case, name: str, words: str, which: Q | None = None) -> str:
    """Count what was sent in the last minute, of the account and of the person."""
    for whose in ("account", "user"):
        most = getattr(getattr(case.limits, whose), name)
        if most is None:
            continue
        owner = {"account": case.account, "user": None} if whose == "account" else {"account": None, "user": case.user}  # fmt: skip
        sent = measures.sent_since(case.at - MINUTE, **owner).filter(which or Q())
        made = sent.exclude(pk=case.task.pk).count()
        if made + 1 > most:
            return (
                f"{shown(made)} {words} were sent in the last minute by "
                f"{'this account' if whose == 'account' else 'you'}; at most {shown(most)} are "
                "allowed. Send it again in a minute."
            )
    return ""


def self_cross(case: Case) -> str:
    """An order must not be filled by one's own: exchanges punish it, and it is for nothing."""
    if not case.limits.refuses_self_cross:
        return ""
    terms = case.terms
    if terms.get("trigger_price"):
        return ""  # it waits for its trigger and meets nothing now
    price = None if terms["order_type"] in AT_ANY_PRICE else Decimal(terms["price"])
    for other in measures.opposite(case.account, case.leg, case.at):
        if meets(terms["side"], price, other.price):
            return (
                f"It would be filled by this account's own {other.name}. Cancel that one first, or "
                "change the price."
            )
    return ""


def meets(side: str, price: Decimal | None, other: Decimal | None) -> bool:
    if price is None or other is None:
        return True
    return price >= other if side == "BUY" else price <= other


RULES: tuple[Callable[[Case], str], ...] = (
    self_cross,
    orders_a_minute,
    repeats,
    open_orders,
    loss,
    instrument,
    underlying,
    turnover,
    exposure,
)


# These count new orders, and a change is none. How often an order is changed, the broker counts.
OF_NEW_ORDERS = {orders_a_minute, repeats, open_orders}


def broken(case: Case) -> Iterator[str]:
    """Give what each rule has against it; a rule that cannot tell is against it."""
    for rule in RULES:
        if case.task.kind not in measures.NEW and rule in OF_NEW_ORDERS:
            continue
        try:
            if why := rule(case):
                yield why
        except Missing as missing:
            yield str(missing)
