"""What the calendar does: square-off, closing, the roll of the day at 06:00 IST, expiry, T+1."""

from collections.abc import Callable
from decimal import Decimal
from heapq import heapify

from . import alerts, funds, gtt
from .calendar import book_day, is_trading_day, next_roll
from .charges import day_charges, square_off_fee
from .floor import Floor
from .instruments import Instrument
from .intake import receive
from .lifecycle import cancelled
from .margins import hold_margin
from .positions import book
from .state import AMO_RECEIVED, BUY, FINAL, SELL, Account, Holding, Position
from .terms import Refusal
from .tickets import Ticket
from .units import DAY, stamp, to_paisa
from .users import forget_expired

MARKETS = ("equity", "equity-cas", "derivatives", "currency", "commodity")


def begin(floor: Floor) -> None:
    """Open the books of the first day."""
    floor.state.day = book_day(floor.now)
    floor.market.list_day(floor.state.day)
    floor.later(next_roll(floor.now), "roll")
    _plan(floor)


def _plan(floor: Floor) -> None:
    """Set the day's timers of every market."""
    planned = {"square_off": floor.calendar.square_off}
    if floor.state.edition > 1:
        planned["close"] = floor.calendar.closing
    for kind, time in planned.items():
        for market in MARKETS:
            at = time(market, floor.state.day)
            if at is not None and at > floor.now:
                floor.later(at, kind, market)


def plan_afresh(floor: Floor) -> None:
    """Set the day's timers by another clock, or in the ways of another edition."""
    timers = floor.state.timers
    timers[:] = [timer for timer in timers if timer[2] not in ("square_off", "close")]
    heapify(timers)
    _plan(floor)


def close(floor: Floor, market: str) -> None:
    """Cancel what is left of the orders for this day.

    One that waits for a session never reached the exchange, one on its way there is turned
    down on arrival, and one with a time of its own keeps that.
    """
    for account in floor.state.accounts.values():
        for order_id in account.orders:
            order = floor.state.orders[order_id]
            if (
                order.validity == "DAY"
                and order.exchange_id
                and order.status not in FINAL
                and floor.market.by_token[order.token].market == market
            ):
                cancelled(floor, order)


def square_off(floor: Floor, market: str) -> None:
    """Close intraday positions of a market by force, for a fee."""
    for account in floor.state.accounts.values():
        for order_id in list(account.orders):
            order = floor.state.orders[order_id]
            if (
                order.status not in FINAL
                and order.product in ("MIS", "CO")
                and order.status != AMO_RECEIVED
                and floor.market.by_token[order.token].market == market
            ):
                cancelled(floor, order)
        for position in list(account.positions.values()):
            instrument = floor.market.by_token[position.token]
            if (
                position.quantity
                and position.product in ("MIS", "CO")
                and instrument.market == market
            ):
                _force_out(floor, account, position, instrument)


def _force_out(floor: Floor, account: Account, position: Position, instrument: Instrument) -> None:
    side = SELL if position.quantity > 0 else BUY
    ticket = Ticket(instrument, side, "regular", "MIS", "MARKET", "DAY", abs(position.quantity))
    try:
        order = receive(floor, ticket, account.user_id, tags=("square_off",))
    except Refusal as refusal:
        floor.tell("message", account.user_id, {"text": refusal.message})
        return
    order.product = position.product
    post(floor, account, -square_off_fee(floor.rules.square_off_fee), "Square-off fee")


def post(floor: Floor, account: Account, amount: int, why: str) -> None:
    """Move cash for a reason that is kept."""
    account.cash += amount
    account.postings.append([floor.now, amount, why])


def roll(floor: Floor, _: str = "") -> None:
    """Turn over to the next day: books are closed, trades settle, contracts roll."""
    for account in floor.state.accounts.values():
        _close_orders(floor, account)
        _charge(floor, account)
        for position in list(account.positions.values()):
            _settle(floor, account, position)
        if floor.calendar.never_closes or is_trading_day(floor.state.day):
            _deliver(account)
        _forget_old(floor, account)
        account.opening, account.pay_in, account.held_back = account.cash, 0, 0
    floor.state.day = book_day(floor.now)
    floor.state.bands.clear()
    floor.state.taken.clear()
    floor.books.clear()
    floor.market.list_day(floor.state.day)
    floor.market.forget_marks()
    for account in floor.state.accounts.values():
        account.margins.clear()
        for position in account.positions.values():
            hold_margin(floor, account, position)
    gtt.expire(floor)
    alerts.roll(floor)
    funds.roll(floor)
    forget_expired(floor)
    floor.later(next_roll(floor.now), "roll")
    _plan(floor)
    floor.tell("message", "", {"text": f"The exchange day {stamp(floor.now)[:10]} began."})


def _close_orders(floor: Floor, account: Account) -> None:
    """Nothing lives beyond the roll but what waits for a session."""
    kept: dict[str, None] = {}
    for order_id in account.orders:
        order = floor.state.orders[order_id]
        if order.status == AMO_RECEIVED and not _is_over(floor, order.token):
            kept[order_id] = None
            continue
        if order.status not in FINAL:
            cancelled(floor, order)
        account.past_orders.append(order_id)
    account.orders = kept


def _is_over(floor: Floor, token: int) -> bool:
    """Whether yesterday was the last day of a contract."""
    expiry = floor.market.by_token[token].expiry
    return 0 < expiry < book_day(floor.now)


def _charge(floor: Floor, account: Account) -> None:
    due = day_charges(floor, account.trades)
    if due:
        post(floor, account, -due, f"Charges of {len(account.trades)} trades")
    account.past_trades += account.trades
    account.trades = []


def _settle(floor: Floor, account: Account, position: Position) -> None:
    """Carry a position over the night, or end it."""
    instrument = floor.market.by_token[position.token]
    key = f"{position.token}:{position.product}"
    if _is_over(floor, position.token):
        _expire(floor, account, position, instrument)
    if instrument.kind == "FUT" and position.quantity:
        _mark_to_market(floor, account, position, instrument)
    if position.product == "CNC" or not position.quantity:
        if position.product == "CNC" and position.quantity > 0:
            _take_delivery(account, position, instrument)
        del account.positions[key]
        return
    _carry(position)


def _mark_to_market(
    floor: Floor, account: Account, position: Position, instrument: Instrument
) -> None:
    """Futures settle in cash every day."""
    worth = (
        abs(position.quantity) * floor.market.price(instrument, floor.now - 1)
        * position.multiplier
    )  # fmt: skip
    gained = worth - position.cost if position.quantity > 0 else position.cost - worth
    if gained:
        post(floor, account, gained, f"Mark to market {position.key}")
    position.cost = worth


def _expire(floor: Floor, account: Account, position: Position, instrument: Instrument) -> None:
    """A contract ends in cash, at what it was worth in its last moment.

    Shares are not delivered: contracts on shares end in cash here as well.
    """
    if not position.quantity:
        return
    price = floor.market.settlement_price(instrument, floor.now - 1)
    side = SELL if position.quantity > 0 else BUY
    quantity = abs(position.quantity)
    value = price * quantity * instrument.multiplier
    cash = book(position, side, quantity, value)
    if cash:
        post(floor, account, cash, f"Expiry of {position.key}")
    exercised = instrument.is_option and side == SELL and value
    if exercised:
        tax = to_paisa(Decimal(value) * Decimal("0.0015"))
        post(floor, account, -tax, f"Tax on the exercise of {position.key}")


def _carry(position: Position) -> None:
    """Yesterday's position is today's overnight one, at its original price."""
    quantity = position.quantity
    buys = position.day_buy_value + position.carried_buy
    bought = position.day_buy_quantity + max(position.overnight, 0)
    sells = position.day_sell_value + position.carried_sell
    sold = position.day_sell_quantity + max(-position.overnight, 0)
    position.carried_buy = buys * quantity // bought if quantity > 0 else 0
    position.carried_sell = sells * -quantity // sold if quantity < 0 else 0
    position.overnight = quantity
    position.day_buy_quantity = position.day_buy_value = 0
    position.day_sell_quantity = position.day_sell_value = 0
    position.realised = 0


def _take_delivery(account: Account, position: Position, instrument: Instrument) -> None:
    """Bought shares are on their way."""
    holding = account.holdings.get(instrument.isin)
    if holding is None:
        holding = account.holdings[instrument.isin] = Holding(instrument.isin, instrument.token)
    holding.arriving += position.quantity
    holding.arriving_cost += position.cost


def _deliver(account: Account) -> None:
    """What was T1 is settled, what was sold leaves, what was bought is T1 for a day."""
    for isin, holding in list(account.holdings.items()):
        before = holding.quantity + holding.t1
        holding.cost -= holding.cost * holding.used // max(before, 1)
        holding.cost += holding.arriving_cost
        holding.quantity = holding.opening = before - holding.used
        holding.t1 = holding.arriving
        holding.used = holding.authorised = holding.arriving = holding.arriving_cost = 0
        if not (holding.quantity or holding.t1 or holding.mtf_quantity):
            del account.holdings[isin]


def _forget_old(floor: Floor, account: Account) -> None:
    """Old orders leave the ledger after some days."""
    oldest = floor.now - floor.rules.ledger_days * DAY
    kept = []
    for order_id in account.past_orders:
        if floor.state.orders[order_id].placed_at >= oldest:
            kept.append(order_id)
        else:
            del floor.state.orders[order_id]
    account.past_orders = kept
    account.past_trades = [each for each in account.past_trades if each.at >= oldest]


STEPS: dict[str, Callable[[Floor, str], None]] = {
    "roll": roll,
    "square_off": square_off,
    "close": close,
}
