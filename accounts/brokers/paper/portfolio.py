"""Positions, holdings and funds as Kite shows them."""

from collections.abc import Callable, Iterable
from typing import Any

from .floor import Floor
from .instruments import Instrument
from .state import Account, Holding, Position
from .terms import Refusal
from .units import ratio, rupees, stamp

NEVER = "0001-01-01 00:00:00"


def position_row(floor: Floor, position: Position, *, day_only: bool) -> dict[str, Any] | None:
    """One row of positions: everything, or only what happened today."""
    listed = floor.market.by_token.get(position.token)
    last = floor.market.price(listed, floor.now) if listed else 0
    close = floor.market.carried_close(listed) if listed else 0
    times, overnight = position.multiplier, 0 if day_only else position.overnight
    carried_buy = 0 if day_only else position.carried_buy
    carried_sell = 0 if day_only else position.carried_sell
    bought = position.day_buy_quantity + max(overnight, 0)
    sold = position.day_sell_quantity + max(-overnight, 0)
    if not bought and not sold:
        return None
    quantity = bought - sold
    buy_value = position.day_buy_value + carried_buy
    sell_value = position.day_sell_value + carried_sell
    pnl = sell_value - buy_value + quantity * last * times
    buy_m2m = position.day_buy_value + max(overnight, 0) * close * times
    sell_m2m = position.day_sell_value + max(-overnight, 0) * close * times
    buy_price = ratio(buy_value, bought * times)
    sell_price = ratio(sell_value, sold * times)
    exchange, _, symbol = position.key.partition(":")
    return {
        "tradingsymbol": symbol,
        "exchange": exchange,
        "instrument_token": position.token,
        "product": position.product,
        "quantity": quantity,
        "overnight_quantity": overnight,
        "multiplier": times,
        "average_price": (buy_price if quantity > 0 else sell_price) if quantity else 0.0,
        "close_price": rupees(close) if overnight else 0.0,
        "last_price": rupees(last),
        "value": rupees(sell_value - buy_value),
        "pnl": rupees(pnl),
        "m2m": rupees(sell_m2m - buy_m2m + quantity * last * times),
        "unrealised": rupees(pnl),
        "realised": 0.0,
        "buy_quantity": bought,
        "buy_price": buy_price,
        "buy_value": rupees(buy_value),
        "buy_m2m": rupees(buy_m2m),
        "sell_quantity": sold,
        "sell_price": sell_price,
        "sell_value": rupees(sell_value),
        "sell_m2m": rupees(sell_m2m),
        "day_buy_quantity": position.day_buy_quantity,
        "day_buy_price": ratio(position.day_buy_value, position.day_buy_quantity * times),
        "day_buy_value": rupees(position.day_buy_value),
        "day_sell_quantity": position.day_sell_quantity,
        "day_sell_price": ratio(position.day_sell_value, position.day_sell_quantity * times),
        "day_sell_value": rupees(position.day_sell_value),
    }


def positions(floor: Floor, user: str) -> Any:
    """Net positions, and what today's trades alone make."""
    held = floor.account(user).positions.values()
    return {
        "net": _rows(position_row(floor, each, day_only=False) for each in held),
        "day": _rows(position_row(floor, each, day_only=True) for each in held),
    }


def _rows(rows: Iterable[dict[str, Any] | None]) -> list[dict[str, Any]]:
    return [row for row in rows if row is not None]


def _holding_values(floor: Floor, holding: Holding) -> tuple[Instrument, int, int, int]:
    """The share, its last price and close, and how many there are."""
    share = floor.market.by_token[holding.token]
    last = floor.market.price(share, floor.now)
    close = floor.market.previous_close(share, floor.now)
    return share, last, close, holding.quantity + holding.t1


def holding_row(floor: Floor, holding: Holding) -> dict[str, Any]:
    """One row of holdings."""
    share, last, close, count = _holding_values(floor, holding)
    authorised_at = stamp(holding.authorised_at) if holding.authorised_at else NEVER
    return {
        "tradingsymbol": share.symbol,
        "exchange": share.exchange,
        "instrument_token": share.token,
        "isin": holding.isin,
        "product": "CNC",
        "price": 0.0,
        "quantity": holding.quantity,
        "used_quantity": holding.used,
        "t1_quantity": holding.t1,
        "realised_quantity": holding.quantity,
        "authorised_quantity": holding.authorised,
        "authorised_date": authorised_at,
        "authorisation": {},
        "opening_quantity": holding.opening,
        "short_quantity": 0,
        "collateral_quantity": holding.pledged,
        "collateral_type": "",
        "discrepancy": False,
        "average_price": ratio(holding.cost, count),
        "last_price": rupees(last),
        "close_price": rupees(close),
        "pnl": rupees(last * count - holding.cost),
        "day_change": rupees(last - close),
        "day_change_percentage": round((last - close) / close * 100, 4) if close else 0.0,
        "mtf": {
            "quantity": holding.mtf_quantity,
            "used_quantity": 0,
            "average_price": ratio(holding.mtf_value, holding.mtf_quantity),
            "value": rupees(holding.mtf_value),
            "initial_margin": rupees(holding.mtf_margin),
        },
    }


def shown_holdings(account: Account) -> list[Holding]:
    """Holdings there is something of."""
    return [
        each
        for each in account.holdings.values()
        if each.quantity or each.t1 or each.mtf_quantity or each.used
    ]


def holdings(floor: Floor, user: str) -> Any:
    """The depository account."""
    return [holding_row(floor, each) for each in shown_holdings(floor.account(user))]


def summary(floor: Floor, user: str) -> Any:
    """All holdings in six numbers."""
    invested = current = before = 0
    for holding in shown_holdings(floor.account(user)):
        _, last, close, count = _holding_values(floor, holding)
        invested += holding.cost
        current += last * count
        before += close * count
    return {
        "total_pnl": rupees(current - invested),
        "total_pnl_percent": _percent(current - invested, invested),
        "today_pnl": rupees(current - before),
        "today_pnl_percent": _percent(current - before, before),
        "invested_amount": rupees(invested),
        "current_value": rupees(current),
    }


def _percent(part: int, whole: int) -> float:
    return round(part * 100 / whole, 4) if whole else 0.0


def compact(floor: Floor, user: str) -> Any:
    """Holdings without prices."""
    return [
        {
            name: row[name]
            for name in (
                "exchange", "tradingsymbol", "instrument_token", "t1_quantity", "quantity",
            )
        }
        for row in holdings(floor, user)
    ]  # fmt: skip


def auctions(floor: Floor, user: str) -> Any:
    """Shares of the user that are up for auction; none ever are."""
    floor.account(user)
    return []


def margins(floor: Floor, user: str, *, segment: str | None = None) -> Any:
    """The funds of both segments, or of one."""
    account = floor.account(user)
    both = {"equity": equity_funds(floor, account), "commodity": commodity_funds()}
    if segment is None:
        return both
    if segment not in both:
        raise Refusal("Invalid `segment`.")
    return both[segment]


def equity_funds(floor: Floor, account: Account) -> dict[str, Any]:
    """The one ledger that all segments of a paper account draw from."""
    opening = account.opening + account.pay_in
    premium = sum(
        each.day_buy_value - each.day_sell_value
        for each in account.positions.values()
        if each.delivers and each.product != "CNC"
    )
    realised = sum(each.realised for each in account.positions.values() if not each.delivers)
    return _funds(
        net=account.net,
        cash=opening,
        opening=account.opening,
        pay_in=account.pay_in,
        debits=opening - account.net,
        span=account.margin,
        premium=premium,
        realised=-realised,
        unrealised=-unrealised(floor, account),
        sales=account.held_back,
    )


def unrealised(floor: Floor, account: Account) -> int:
    """What open positions under a margin stand to gain."""
    total = 0
    for position in account.positions.values():
        if position.quantity and not position.delivers:
            worth = abs(position.quantity) * floor.last_price(position.token)
            gained = worth * position.multiplier - position.cost
            total += gained if position.quantity > 0 else -gained
    return total


def commodity_funds() -> dict[str, Any]:
    """Nothing by itself: commodity margins come out of the one ledger under `equity`."""
    return _funds(
        net=0, cash=0, opening=0, pay_in=0, debits=0, span=0, premium=0, realised=0,
        unrealised=0, sales=0,
    )  # fmt: skip


def _funds(
    *, net: int, cash: int, opening: int, pay_in: int, debits: int, span: int, premium: int,
    realised: int, unrealised: int, sales: int,
) -> dict[str, Any]:  # fmt: skip
    return {
        "enabled": True,
        "net": rupees(net),
        "available": {
            "adhoc_margin": 0.0,
            "cash": rupees(cash),
            "opening_balance": rupees(opening),
            "live_balance": rupees(net),
            "collateral": 0.0,
            "intraday_payin": rupees(pay_in),
        },
        "utilised": {
            "debits": rupees(debits),
            "exposure": 0.0,
            "m2m_realised": rupees(realised),
            "m2m_unrealised": rupees(unrealised),
            "option_premium": rupees(premium),
            "payout": 0.0,
            "span": rupees(span),
            "holding_sales": 0.0,
            "turnover": 0.0,
            "liquid_collateral": 0.0,
            "stock_collateral": 0.0,
            "delivery": rupees(sales),
        },
    }


QUERIES: dict[str, Callable[..., Any]] = {
    "positions": positions,
    "holdings": holdings,
    "holdings.summary": summary,
    "holdings.compact": compact,
    "auctions": auctions,
    "margins": margins,
}
