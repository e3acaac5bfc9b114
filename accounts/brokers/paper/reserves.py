"""Setting aside what an open order may need, and giving it back."""

from .floor import Floor
from .instruments import Instrument
from .margins import family_legs, need
from .positions import available, closable, closing_key, sellable
from .rules import SYNC
from .state import BUY, Account, Order
from .terms import Refusal
from .units import rupees


class Unreserved(Exception):
    """The account cannot carry the order."""

    def __init__(self, message: str, more: str, raw: str, error_type: str, channel: str) -> None:
        super().__init__(message)
        self.message, self.more, self.raw = message, more, raw
        self.error_type, self.channel = error_type, channel

    def as_refusal(self) -> Refusal:
        """The same, told at once."""
        return Refusal(self.message, error_type=self.error_type)


def reserve(floor: Floor, order: Order, price: int) -> None:
    """Hold the margin an order needs, or raise Unreserved."""
    account = floor.state.accounts[order.user]
    instrument = floor.market.by_token[order.token]
    closing = min(closable(account, instrument, order.product, order.side), order.pending)
    if order.product in ("CNC", "MTF") and order.side != BUY and closing < order.pending:
        raise _no_holdings(floor, account, instrument)
    blocked = _needed(floor, account, instrument, order, order.pending - closing, price)
    if blocked > account.net and blocked:
        raise _no_funds(floor, account, blocked)
    restore(floor, order, blocked, closing)


def restore(floor: Floor, order: Order, blocked: int, closing: int) -> None:
    """Hold so much for an order that holds nothing."""
    account = floor.state.accounts[order.user]
    order.blocked, order.closing = blocked, closing
    account.blocked += blocked
    _count_exits(account, floor.market.by_token[order.token], order, closing)


def _needed(
    floor: Floor, account: Account, instrument: Instrument, order: Order, opening: int, price: int
) -> int:
    if not opening:
        return 0
    beside = family_legs(floor, account, instrument) if instrument.expiry else []
    return need(floor, instrument, order.product, order.side, opening, price, beside).total


def _no_funds(floor: Floor, account: Account, needed: int) -> Unreserved:
    required, free = f"{rupees(needed):.2f}", f"{rupees(account.net):.2f}"
    return Unreserved(
        f"Insufficient funds. Required margin is {required} but available margin is {free}.",
        " Check the orderbook for open orders.",
        f"RMS:Margin Exceeds,Required:{required}, Available:{free} for entity"
        f" account-{account.user_id} across exchange across segment across product ",
        "MarginException",
        floor.rules.no_funds,
    )


def funds_refusal(account: Account, needed: int) -> Refusal:
    """Told at once that the money is not there."""
    return Refusal(
        f"Insufficient funds. Required margin is {rupees(needed):.2f}"
        f" but available margin is {rupees(account.net):.2f}.",
        error_type="MarginException",
    )


def _no_holdings(floor: Floor, account: Account, instrument: Instrument) -> Unreserved:
    return Unreserved(
        "Insufficient stock holding or there are pending sell orders for this stock.",
        " Check the orderbook for open orders.",
        f"RMS:Rule: Check holdings including BTST for entity account-{account.user_id}"
        f" across exchange {instrument.exchange} across segment across product CNC ",
        "HoldingException",
        floor.rules.no_holdings,
    )


def check_authorised(account: Account, instrument: Instrument, quantity: int) -> None:
    """Without a power of attorney, shares leave the depository only when authorised."""
    holding = account.holdings.get(instrument.isin)
    if account.poa or holding is None:
        return
    bought = sellable(account, instrument) - available(holding)
    wanted = quantity - max(bought, 0)
    if wanted > holding.authorised - holding.used:
        raise Refusal(
            f"{wanted} quantity needs authorisation at depository.",
            status=428,
            error_type="HoldingException",
        )


def _count_exits(account: Account, instrument: Instrument, order: Order, change: int) -> None:
    if not change:
        return
    key = closing_key(instrument, order.product)
    counts = account.closing.setdefault(key, [0, 0])
    counts[order.side != BUY] += change
    if counts == [0, 0]:
        del account.closing[key]


def use(floor: Floor, order: Order, filled: int, pending_before: int) -> None:
    """Give back what a fill no longer needs held."""
    account = floor.state.accounts[order.user]
    closed = min(filled, order.closing)
    opened, opening = filled - closed, pending_before - order.closing
    if opened:
        freed = order.blocked * opened // opening
        order.blocked -= freed
        account.blocked -= freed
    if closed:
        order.closing -= closed
        _count_exits(account, floor.market.by_token[order.token], order, -closed)


def release(floor: Floor, order: Order) -> None:
    """Give back everything an order still holds."""
    account = floor.state.accounts[order.user]
    account.blocked -= order.blocked
    if order.closing:
        _count_exits(account, floor.market.by_token[order.token], order, -order.closing)
    order.blocked = order.closing = 0


def is_told_at_once(problem: Unreserved) -> bool:
    """Whether the answer to the request already says so."""
    return problem.channel == SYNC
