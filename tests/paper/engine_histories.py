"""Random histories of commands, and what has to hold after every one of them."""

from collections import Counter
from typing import Any

from hypothesis import strategies as st

from accounts.brokers.paper.engine import Command, Exchange
from accounts.brokers.paper.state import FINAL, Account, Order
from accounts.brokers.paper.units import rupees
from tests.paper.engine_cast import FRIDAY_TEN, try_to

SHARES = ("NSE:INFY", "BSE:INFY", "NSE:SBIN", "NSE:YESBANK")
USERS = ("PA0001", "PA0002")
OUTCOMES = {
    "PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "OPEN", "TRIGGER PENDING",
    "COMPLETE", "CANCELLED", "REJECTED", "CANCEL PENDING", "MODIFY VALIDATION PENDING",
    "MODIFY PENDING", "MODIFIED", "AMO REQ RECEIVED",
}  # fmt: skip

places = st.tuples(
    st.just("place"),
    st.sampled_from(USERS),
    st.fixed_dictionaries({
        "key": st.sampled_from((*SHARES, "FUT", "CE", "PE")),
        "side": st.sampled_from(("BUY", "SELL")),
        "order_type": st.sampled_from(("LIMIT", "LIMIT", "MARKET", "SL", "SL-M")),
        "product": st.sampled_from(("CNC", "MIS", "NRML", "MIS")),
        "variety": st.sampled_from(("regular", "regular", "regular", "iceberg", "co", "amo")),
        "validity": st.sampled_from(("DAY", "DAY", "IOC", "TTL")),
        "quantity": st.one_of(st.integers(1, 12), st.sampled_from((600, 4_000))),
        "away": st.one_of(st.integers(-3, 3), st.integers(-40, 40)),
        "pause": st.sampled_from((0, 30, 200, 700, 700, 2_500)),
        "sensible": st.sampled_from((True, True, True, True, False)),
    }),
)  # fmt: skip
changes = st.tuples(
    st.sampled_from(("modify", "cancel")),
    st.integers(0, 30),
    st.fixed_dictionaries({"quantity": st.integers(1, 12), "away": st.integers(-40, 40)}),
)
prices = st.tuples(st.just("price"), st.sampled_from(SHARES), st.integers(-30, 30))
waits = st.tuples(
    st.just("wait"), st.sampled_from((10, 60, 100, 400, 1_500, 20_000)), st.just(None)
)
converts = st.tuples(st.just("convert"), st.sampled_from(USERS), st.sampled_from(SHARES))
actions = st.one_of(places, places, places, changes, changes, prices, waits, waits, converts)
histories = st.lists(actions, min_size=12, max_size=50)


def made_sensible(terms: dict[str, Any], *, is_share: bool) -> dict[str, Any]:
    """The same wish in terms that the exchange does not refuse out of hand."""
    kind, product, variety = terms["order_type"], terms["product"], terms["variety"]
    if is_share and product == "NRML":
        product = "MIS"
    elif not is_share and product == "CNC":
        product = "NRML"
    if variety in ("iceberg", "co"):
        kind = "LIMIT" if kind.startswith("SL") else kind
        product = "MIS" if variety == "co" else product
    validity = "DAY" if variety == "iceberg" else terms["validity"]
    away = terms["away"]
    if kind in ("SL", "SL-M"):
        away = (abs(away) + 1) * (1 if terms["side"] == "BUY" else -1)
    quantity = max(terms["quantity"], 3) if is_share else terms["quantity"] % 12 + 3
    return terms | {
        "order_type": kind, "product": product, "variety": variety, "validity": validity,
        "away": away, "quantity": quantity,
    }  # fmt: skip


class Story:
    """An exchange with two traders, to which a history happens."""

    def __init__(self, **settings: Any) -> None:
        self.exchange = Exchange(**({"seed": 11, "start": FRIDAY_TEN} | settings))
        self.commands: list[Command] = []
        self.events: list[Any] = []
        for user in USERS:
            self.do("account.open", "", {"name": user, "cash": "4000000"})
            held = {"exchange": "NSE", "tradingsymbol": "INFY", "quantity": 40}
            self.do("holdings.seed", user, {"holdings": [held]})

    def do(self, op: str, user: str, args: dict[str, Any]) -> None:
        command = Command(op, args, self.exchange.now, user)
        self.commands.append(command)
        refusal = try_to(self.exchange, command)
        assert refusal is None or (400 <= refusal.status < 500 and refusal.message)
        self.events += self.exchange.drain()

    def run(self, history: list[Any]) -> None:
        for kind, who, what in history:
            getattr(self, f"_{kind}")(*((who, what) if kind not in ("modify", "cancel") else (kind, who, what)))  # fmt: skip

    def _instrument(self, key: str) -> Any:
        if ":" in key:
            return self.exchange.floor.market.by_key[key]
        rows = [
            each
            for each in self.exchange.floor.market.by_token.values()
            if each.name == "NIFTY" and each.kind == key
        ]
        first = [each for each in rows if each.expiry == rows[0].expiry]
        return first[len(first) // 2]

    def _priced(self, instrument: Any, away: int) -> str:
        last = self.exchange.floor.market.price(instrument, self.exchange.now)
        tick = instrument.tick
        return f"{rupees((last + last * away // 1_000) // tick * tick):.4f}"

    def _place(self, user: str, terms: dict[str, Any]) -> None:
        instrument = self._instrument(terms["key"])
        if terms.get("sensible"):
            terms = made_sensible(terms, is_share=instrument.is_share)
        price = self._priced(instrument, terms["away"])
        self.do("order.place", user, {
            "exchange": instrument.exchange, "tradingsymbol": instrument.symbol,
            "transaction_type": terms["side"], "order_type": terms["order_type"],
            "product": terms["product"], "variety": terms["variety"],
            "validity": terms["validity"], "validity_ttl": "1",
            "quantity": str(terms["quantity"] * instrument.lot), "price": price,
            "trigger_price": price, "market_protection": "2", "iceberg_legs": "3",
        })  # fmt: skip
        self._wait(terms.get("pause", 0), None)

    def _modify(self, kind: str, nth: int, terms: dict[str, Any]) -> None:
        orders = list(self.exchange.floor.state.orders.values())
        if not orders:
            return
        order = orders[nth % len(orders)]
        instrument = self.exchange.floor.market.by_token[order.token]
        price = self._priced(instrument, terms["away"])
        args: dict[str, Any] = {"order_id": order.order_id}
        if kind == "modify":
            args |= {"price": price, "quantity": str(terms["quantity"] * instrument.lot)}
        self.do(f"order.{kind}", order.user, args)

    _cancel = _modify

    def _price(self, key: str, away: int) -> None:
        instrument = self.exchange.floor.market.by_key[key]
        self.do("prices.set", "", {"prices": {key: self._priced(instrument, away)}})

    def _wait(self, milliseconds: int, _: None) -> None:
        command = Command("tick", {}, self.exchange.now + milliseconds)
        self.commands.append(command)
        self.exchange.execute(command)
        self.events += self.exchange.drain()

    def _convert(self, user: str, key: str) -> None:
        exchange, _, symbol = key.partition(":")
        self.do("position.convert", user, {
            "exchange": exchange, "tradingsymbol": symbol, "transaction_type": "BUY",
            "position_type": "day", "quantity": "1", "old_product": "MIS", "new_product": "CNC",
        })  # fmt: skip

    def accounts(self) -> list[Account]:
        return list(self.exchange.floor.state.accounts.values())

    def orders_of(self, account: Account) -> list[Order]:
        return [self.exchange.floor.state.orders[order_id] for order_id in account.orders]


def check_quantities(story: Story, account: Account) -> None:
    """Every share of an order is filled, cancelled, rejected or still to come."""
    fills: Counter[str] = Counter()
    for trade in account.trades:
        assert trade.quantity > 0
        fills[trade.order_id] += trade.quantity
    for order in story.orders_of(account):
        assert order.filled == fills[order.order_id]
        assert 0 <= order.filled <= order.quantity
        assert order.status in OUTCOMES
        if order.status == "COMPLETE":
            assert order.filled == order.quantity
        if order.status == "CANCELLED":
            assert order.filled + order.cancelled == order.quantity
        if order.status == "REJECTED":
            assert order.filled == order.cancelled == 0


def check_positions(story: Story, account: Account) -> None:
    """Positions are the sum of the fills, product by product where nothing was converted."""
    bought: Counter[int] = Counter()
    for trade in account.trades:
        bought[trade.token] += trade.side * trade.quantity
    held: Counter[int] = Counter()
    for position in account.positions.values():
        held[position.token] += position.quantity
        assert position.cost >= 0
        assert bool(position.cost) == bool(position.quantity)
    assert +held == +bought
    assert -held == -bought


def check_money(story: Story, account: Account) -> None:
    """Every paisa is cash, held for an order, held for a position, or held back."""
    cash = account.opening
    for position in account.positions.values():
        flow = position.day_sell_value - position.day_buy_value
        if position.delivers:
            cash += flow
        else:
            cash += flow + position.cost * (1 if position.quantity > 0 else -1)
    traded = -sum(
        trade.side * trade.quantity * trade.price * _times(story, trade.token)
        for trade in account.trades
    )
    shown = sum(p.day_sell_value - p.day_buy_value for p in account.positions.values())
    orders = story.orders_of(account)
    assert account.cash == cash
    assert shown == traded
    assert account.blocked == sum(order.blocked for order in orders)
    assert all(order.blocked >= 0 for order in orders)
    assert all(order.blocked == order.closing == 0 for order in orders if order.status in FINAL)
    assert account.held_back >= 0
    funds = story.exchange.query("margins", account.user_id, segment="equity")
    assert funds["net"] == rupees(
        account.cash - account.blocked - account.held_back - sum(account.margins.values())
    )
    assert funds["available"]["live_balance"] == funds["net"]


def _times(story: Story, token: int) -> int:
    return story.exchange.floor.market.by_token[token].multiplier


def check_prices(story: Story, account: Account) -> None:
    """No fill is worse than the order's limit or outside the day's band."""
    orders = {order.order_id: order for order in story.orders_of(account)}
    modified = {order_id for order_id, order in orders.items() if order.modifications}
    for trade in account.trades:
        instrument = story.exchange.floor.market.by_token[trade.token]
        low, high = story.exchange.floor.market.band(instrument, story.exchange.now)
        assert 0 < low <= trade.price <= high
        limit = orders[trade.order_id].limit
        if limit and trade.order_id not in modified:
            assert (limit - trade.price) * trade.side >= 0


def check_histories(story: Story, account: Account) -> None:
    """A final state is the last one, and time runs forward."""
    for order in story.orders_of(account):
        statuses = [snapshot[0] for snapshot in order.history]
        assert statuses[-1] == order.status
        assert not FINAL.intersection(statuses[:-1])
        times = [snapshot[-1] for snapshot in order.history]
        assert times == sorted(times)


CHECKS = (check_quantities, check_positions, check_money, check_prices, check_histories)
