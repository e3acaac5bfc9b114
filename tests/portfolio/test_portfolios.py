"""Random portfolios at the exchange: every field of ours is theirs, and every sum a naive one's."""

import csv
import io
import json
import os
import random
import time
from decimal import Decimal

import httpx
import pytest
from django.core.management import call_command

from accounts import linking
from accounts.brokers.paper.server import trial
from accounts.brokers.registry import adapters
from accounts.ways_in import fresh
from orders.ledger import Order, Trade
from orders.panels import scope_of
from portfolio import sync, worth
from portfolio.models import FundsRow, HoldingRow, PositionRow
from portfolio.totals import total_holdings, total_positions

pytestmark = pytest.mark.django_db
NUMBER = 200 if os.environ.get("TRADEDESK_LONG") else 10
PAISE = Decimal("0.01")
FINAL = {"COMPLETE", "REJECTED", "CANCELLED"}
SHARES = ["INFY", "TCS", "SBIN", "ITC", "RELIANCE", "HDFCBANK"]
POSITION_NAMES = [
    "exchange", "product", "quantity", "overnight_quantity", "multiplier", "average_price",
    "close_price", "last_price", "value", "pnl", "m2m", "realised", "unrealised", "buy_quantity",
    "buy_price", "buy_value", "sell_quantity", "sell_price", "sell_value", "day_buy_quantity",
    "day_buy_price", "day_buy_value", "day_sell_quantity", "day_sell_price", "day_sell_value",
]  # fmt: skip
HOLDING_NAMES = [
    "exchange", "isin", "product", "quantity", "t1_quantity", "used_quantity", "opening_quantity",
    "realised_quantity", "collateral_quantity", "authorised_quantity", "average_price",
    "last_price", "close_price", "pnl", "day_change",
]  # fmt: skip
ORDER_NAMES = [
    "exchange", "product", "variety", "validity", "order_type", "quantity", "filled_quantity",
    "cancelled_quantity", "price", "trigger_price", "average_price", "exchange_order_id",
]  # fmt: skip
FUNDS_NAMES = {
    "cash": ("available", "cash"),
    "opening_balance": ("available", "opening_balance"),
    "live_balance": ("available", "live_balance"),
    "collateral": ("available", "collateral"),
    "intraday_payin": ("available", "intraday_payin"),
    "adhoc_margin": ("available", "adhoc_margin"),
    "used": ("utilised", "debits"),
    "span": ("utilised", "span"),
    "exposure": ("utilised", "exposure"),
    "option_premium": ("utilised", "option_premium"),
    "m2m_realised": ("utilised", "m2m_realised"),
    "m2m_unrealised": ("utilised", "m2m_unrealised"),
    "holding_sales": ("utilised", "holding_sales"),
    "delivery": ("utilised", "delivery"),
    "payout": ("utilised", "payout"),
    "turnover": ("utilised", "turnover"),
}


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """An exchange whose prices move only when they are moved."""
    home = tmp_path_factory.mktemp("still") / "paper"
    running = trial.start(home, "--rule", "rate_limits=off", "--prices", "external")
    yield running
    trial.stop(running)


@pytest.fixture(scope="module")
def market(still):
    """What is listed, by exchange and kind, with ticks and lots."""
    text = httpx.get(f"{still.url}/instruments", trust_env=False).text
    rows = list(csv.DictReader(io.StringIO(text)))
    shares = [row for row in rows if row["exchange"] == "NSE" and row["tradingsymbol"] in SHARES]
    derivatives = {
        exchange: [row for row in rows if row["exchange"] == exchange and row["expiry"]][:12]
        for exchange in ("NFO", "CDS", "MCX")
    }
    return shares, derivatives


@pytest.fixture
def desk(still, settings):
    settings.PAPER_URL, settings.PAPER_HOME = still.url, still.home
    yield still
    for _, _, adapter in adapters.kept.values():
        adapter.close()
    adapters.forget()


class Rest:
    """The exchange's own answers, asked without anything of ours."""

    def __init__(self, url, account):
        token = f"token {account.credentials.api_key}:{account.session.access_token}"
        headers = {"X-Kite-Version": "3", "Authorization": token}
        self.web = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=20)

    def get(self, path):
        answer = self.web.get(path)
        answer.raise_for_status()
        return json.loads(answer.text, parse_float=Decimal)["data"]

    def place(self, **order):
        self.web.post(f"/orders/{order.pop('variety')}", data=order)

    def convert(self, **facts):
        self.web.put("/portfolio/positions", data=facts)


def seed(dice, running, user_id, market):
    """Give an account a past: holdings, some of T1, and what it carries overnight."""
    shares, derivatives = market
    holdings = [
        {
            "exchange": "NSE", "tradingsymbol": row["tradingsymbol"],
            "quantity": dice.randint(1, 60), "t1_quantity": dice.choice([0, 0, dice.randint(1, 9)]),
            "average_price": str(dice.randint(300, 3000)),
        }
        for row in dice.sample(shares, dice.randint(0, 4))
    ]  # fmt: skip
    carried = [
        {
            "exchange": row["exchange"], "tradingsymbol": row["tradingsymbol"], "product": "NRML",
            "quantity": int(row["lot_size"]) * dice.choice([-1, 1]),
        }
        for row in dice.sample(derivatives["NFO"] + derivatives["CDS"], dice.randint(0, 2))
    ]  # fmt: skip
    prices = quotes(running, carried)
    for one in carried:
        one["average_price"] = str(prices[f"{one['exchange']}:{one['tradingsymbol']}"])
    body = {"user_id": user_id, "holdings": holdings, "positions": carried}
    running.control("POST", "holdings", body)


def quotes(running, rows):
    """Ask for the last prices as anybody may who has an account."""
    names = [f"{row['exchange']}:{row['tradingsymbol']}" for row in rows]
    if not names:
        return {}
    told = running.rest.web.get("/quote/ltp", params=[("i", name) for name in names]).text
    data = json.loads(told, parse_float=Decimal)["data"]
    return {name: data[name]["last_price"] for name in names}


def trade(dice, rest, market):
    """Buy and sell at random, close some of it, convert some of it."""
    shares, derivatives = market
    pool = shares + derivatives["NFO"] + derivatives["CDS"] + derivatives["MCX"]
    for row in dice.sample(pool, dice.randint(1, 6)):
        is_share = row["exchange"] == "NSE"
        unit = 1 if is_share else int(row["lot_size"])
        product = dice.choice(["MIS", "CNC"]) if is_share else dice.choice(["MIS", "NRML"])
        sides = ["BUY"] if product == "CNC" else dice.choice([["BUY"], ["SELL"], ["BUY", "SELL"]])
        for side in sides:
            rest.place(
                variety="regular", exchange=row["exchange"], tradingsymbol=row["tradingsymbol"],
                transaction_type=side, quantity=unit * dice.randint(1, 3), product=product,
                order_type="MARKET", validity="DAY", market_protection=-1,
            )  # fmt: skip
        if is_share and product == "MIS" and dice.random() < 0.3:
            rest.convert(
                exchange="NSE", tradingsymbol=row["tradingsymbol"], transaction_type=sides[0],
                position_type="day", quantity=1, old_product="MIS", new_product="CNC",
            )  # fmt: skip
    # What is left of a market order waits for the market to come back to its protection.
    for _ in range(1200):
        if all(order["status"] in FINAL for order in rest.get("/orders")):
            return
        time.sleep(0.05)
    raise AssertionError("some order is neither filled nor refused after a minute")


def move_prices(dice, running, rest):
    """Move what is held by up to two per cent, on its tick."""
    told = rest.get("/portfolio/positions")["net"] + rest.get("/portfolio/holdings")
    moved = {
        f"{row['exchange']}:{row['tradingsymbol']}": str(
            (row["last_price"] * Decimal(dice.randint(98, 102)) / 100).quantize(Decimal("0.05"))
        )
        for row in told
        if row["exchange"] in {"NSE", "NFO"} and row["last_price"] > 1
    }
    if moved:
        running.control("POST", "prices", moved)


def same(ours, theirs):
    """Tell whether two facts are one: numbers by value, text by letter, nothing as nothing."""
    if isinstance(ours, Decimal | int) and not isinstance(ours, bool):
        return ours == Decimal(str(theirs or 0))
    return (ours or "") == (theirs or "")


def compare(row, told, names):
    differing = {
        name: (getattr(row, name), told.get(name))
        for name in names
        if not same(getattr(row, name), told.get(name))
    }
    assert not differing, (str(row), differing)


def by_key(rows):
    return {(row["exchange"], row["tradingsymbol"], row.get("product", "")): row for row in rows}


def compare_rows(account, rest):
    told = rest.get("/portfolio/positions")
    for is_day, part in ((False, "net"), (True, "day")):
        rows = PositionRow.objects.filter(account=account, is_day=is_day)
        known = by_key(told[part])
        assert {(row.exchange, row.symbol, row.product) for row in rows} == set(known)
        for row in rows:
            compare(row, known[row.exchange, row.symbol, row.product], POSITION_NAMES)
    holdings = by_key(rest.get("/portfolio/holdings"))
    mine = HoldingRow.objects.filter(account=account)
    assert len(mine) == len(holdings)
    for holding in mine:
        compare(holding, holdings[holding.exchange, holding.symbol, holding.product], HOLDING_NAMES)
    compare_books(account, rest)
    margins = rest.get("/user/margins")
    for purse in FundsRow.objects.filter(account=account):
        segment = margins[purse.segment]
        assert purse.net == Decimal(str(segment["net"]))
        for name, (part, key) in FUNDS_NAMES.items():
            assert getattr(purse, name) == Decimal(str(segment[part].get(key, 0))), name


def compare_books(account, rest):
    orders = {order["order_id"]: order for order in rest.get("/orders")}
    mine = Order.objects.filter(account=account)
    assert set(mine.values_list("order_id", flat=True)) == set(orders)
    for order in mine:
        compare(order, orders[order.order_id], ORDER_NAMES)
    trades = {one["trade_id"]: one for one in rest.get("/trades")}
    for one in Trade.objects.filter(account=account):
        told = trades.pop(one.trade_id)
        assert (one.quantity, one.price) == (told["quantity"], Decimal(str(told["average_price"])))
    assert not trades


def compare_commands(account, rest):
    def listed(command):
        out = io.StringIO()
        call_command(command, "--account", account.code, "--json", stdout=out)
        return by_key(json.loads(out.getvalue()))

    for command, path in (
        ("positions", "/portfolio/positions"),
        ("holdings", "/portfolio/holdings"),
    ):
        told = rest.get(path)
        theirs = by_key(told["net"] if command == "positions" else told)
        ours = listed(command)
        assert set(ours) == set(theirs)
        for key, row in theirs.items():
            for name, value in row.items():
                if isinstance(value, dict | list):
                    continue
                found = ours[key][name]
                number = isinstance(value, int | Decimal) and not isinstance(value, bool)
                assert (Decimal(found) == value) if number else (found == value), (key, name)


def compare_with_a_naive_sum(account, rest, user):
    """Work every figure out once more, from what was paid and what it is worth now."""
    scope = scope_of(user, account.code)
    expected_pnl = expected_m2m = Decimal(0)
    values = {
        one.position.symbol + one.position.product: one for one in worth.positions(scope.shown)
    }
    for row in rest.get("/portfolio/positions")["net"]:
        times, last = Decimal(row["multiplier"]), row["last_price"]
        spent = Decimal(row["buy_value"]) - Decimal(row["sell_value"])
        pnl = row["quantity"] * last * times - spent
        day_spent = Decimal(row["day_buy_value"]) - Decimal(row["day_sell_value"])
        stood = row["overnight_quantity"] * Decimal(row["close_price"]) * times
        m2m = row["quantity"] * last * times - stood - day_spent
        one = values[row["tradingsymbol"] + row["product"]]
        assert one.pnl is not None
        assert one.m2m is not None
        assert abs(one.pnl - pnl) < PAISE, (row["tradingsymbol"], one.pnl, pnl)
        assert abs(one.m2m - m2m) < PAISE, (row["tradingsymbol"], one.m2m, m2m)
        expected_pnl += one.pnl
        expected_m2m += one.m2m
    sums = total_positions(values.values())
    assert (sums.pnl.amount, sums.m2m.amount) == (expected_pnl, expected_m2m)
    invested = Decimal(0)
    for row in rest.get("/portfolio/holdings"):
        invested += (row["quantity"] + row["t1_quantity"]) * Decimal(row["average_price"])
    owned = total_holdings(worth.holdings(scope.shown))
    assert abs((owned.invested.amount or 0) - invested) < PAISE


@pytest.mark.parametrize("number", range(NUMBER))
def test_a_random_portfolio_is_the_same_here_as_at_the_exchange(desk, market, asha, number):
    dice = random.Random(number)
    account = fresh(linking.link_paper(owner=asha))
    desk_rest = Rest(desk.url, account)
    still = Walker(desk, desk_rest)
    seed(dice, still, account.broker_user_id, market)
    trade(dice, desk_rest, market)
    move_prices(dice, still, desk_rest)

    run = sync.sync_account(account.pk)

    assert run.success, run.error
    compare_rows(account, desk_rest)
    compare_commands(account, desk_rest)
    compare_with_a_naive_sum(account, desk_rest, asha)
    desk_rest.web.close()


class Walker:
    """The exchange with an account's own way of asking it."""

    def __init__(self, running, rest):
        self.running, self.rest = running, rest

    def control(self, *arguments):
        return self.running.control(*arguments)
