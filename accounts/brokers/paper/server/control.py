"""The control API: accounts, prices, time, faults, and the truth that tests compare with."""

import asyncio
import logging
import time
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

import pyotp

from accounts.brokers.paper.control import FURTHEST
from accounts.brokers.paper.engine import Refusal

from .expiry import Ragged
from .faults import AT_ONCE, BadRule, Faults, Rule, read_rule
from .limits import Limits
from .market_calls import IST
from .messages import JSON, Answer, encode
from .reading import as_text, money, read_json, to_decimal
from .routes import Call, Route
from .session_calls import new_token
from .sockets import Hub

logger = logging.getLogger(__name__)

LONGEST_NAME: Final = 80
FASTEST: Final = Decimal(100_000)


def body_of(call: Call) -> dict[str, Any]:
    """The JSON object in the body; an empty body is an empty object."""
    if not call.request.body:
        return {}
    body = read_json(call.request.body, "body")
    if not isinstance(body, dict):
        raise Refusal("The body must be an object.")
    return body


def amount(raw: Any, name: str) -> str:
    """Money, as a number or as text."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise Refusal(f"Invalid `{name}`.")
    return money(to_decimal(as_text(raw), name))


def text(body: dict[str, Any], name: str, usual: str = "", longest: int = 500) -> str:
    value = body.get(name)
    if value is None:
        return usual
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise Refusal(f"Invalid `{name}`.")
    return value


def web_address(body: dict[str, Any], name: str) -> str:
    value = text(body, name, longest=2_000)
    try:
        parts = urlsplit(value)
    except ValueError:
        raise Refusal(f"Invalid `{name}`.") from None
    if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise Refusal(f"`{name}` must be an http or https address.")
    return value


def moment(raw: Any) -> int:
    """A moment as milliseconds, or as ISO text that is Indian time unless it says otherwise."""
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 < raw < 10**14:
        return raw
    if isinstance(raw, str):
        try:
            found = datetime.fromisoformat(raw)
            aware = found if found.tzinfo else found.replace(tzinfo=IST)
            return int(aware.timestamp() * 1000)
        except (ValueError, OverflowError):
            pass
    raise Refusal("Invalid `now`.")


def plainly(value: Any) -> Answer:
    """Control answers are bare JSON, without the envelope."""
    return Answer(encode(value), content_type=JSON)


class Control:
    """The routes under /paper/."""

    def __init__(self, hub: Hub, faults: Faults, limits: Limits, ragged: Ragged) -> None:
        self.hub = hub
        self.faults = faults
        self.limits = limits
        self.ragged = ragged
        self.routes_known: set[str] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def open_account(self, call: Call) -> Answer:
        body = body_of(call)
        secret = {
            "password": new_token(16),
            "totp_secret": pyotp.random_base32(),
            "api_key": new_token(16).lower(),
            "api_secret": new_token(32).lower(),
        }
        opened = await call.do(
            "account.open",
            name=text(body, "name", "Paper Trader", LONGEST_NAME),
            cash=amount(body.get("cash", "1000000"), "cash"),
            redirect_url=web_address(body, "redirect_url"),
            postback_url=web_address(body, "postback_url"),
            **secret,
        )
        return plainly({"user_id": opened["user_id"], **secret})

    async def open_session(self, call: Call) -> Answer:
        body = body_of(call)
        user, api_key = text(body, "user_id"), text(body, "api_key")
        session = await call.clerk.carry_out("session.grant", {"api_key": api_key}, user)
        return plainly(session)

    async def set_prices(self, call: Call) -> Answer:
        prices = {name: amount(raw, name[:64]) for name, raw in body_of(call).items()}
        return plainly(await call.do("prices.set", prices=prices))

    async def set_clock(self, call: Call) -> Answer:
        body = body_of(call)
        clock = call.clerk.clock
        raw_speed = body.get("speed")
        speed = None if raw_speed is None else Decimal(amount(raw_speed, "speed"))
        if speed is not None and not 0 <= speed <= FASTEST:
            raise Refusal(f"`speed` must lie between 0 and {FASTEST}.")
        now = None if body.get("now") is None else moment(body["now"])
        if now is not None and now < clock.now():
            raise Refusal("The clock of an exchange never goes back; reset it instead.")
        if now is not None and now > clock.now() + FURTHEST:
            raise Refusal("The clock moves a year at most.")
        clock.move(now, None if speed is None else float(speed))
        call.clerk.wake()
        # The moment itself travels as the time of the command.
        await call.do("clock.set", speed=money(Decimal(str(clock.speed))))
        return plainly(self.time_of(call))

    def time_of(self, call: Call) -> dict[str, Any]:
        clock = call.clerk.clock
        at = clock.now()
        shown = datetime.fromtimestamp(at / 1000, IST).isoformat(timespec="milliseconds")
        return {"now": shown, "ms": at, "speed": clock.speed}

    async def state(self, call: Call) -> Answer:
        state = call.clerk.exchange.floor.state
        return plainly(
            {
                **self.time_of(call),
                "profile": state.profile,
                "clock": state.clock,
                "prices": state.prices,
                "users": call.read("users"),
                "sockets": len(self.hub.listeners),
                "cpu_seconds": time.process_time(),
            }
        )

    async def add_faults(self, call: Call) -> Answer:
        raw = body_of(call).get("rules")
        try:
            if not isinstance(raw, list):
                raise BadRule("rules is a list")
            rules = [read_rule(item, next(self.faults.numbers), self.routes_known) for item in raw]
            self.faults.add([rule for rule in rules if rule.effect not in AT_ONCE])
        except BadRule as wrong:
            raise Refusal(f"A fault rule is wrong: {wrong}.") from None
        for rule in rules:
            if rule.effect in AT_ONCE:
                await self.strike(call, rule)
        return plainly({"rules": [rule.shown() for rule in rules]})

    async def strike(self, call: Call, rule: Rule) -> None:
        """Carry out a fault that does not wait for a request."""
        rule.hits += 1
        logger.info("Fault %s strikes %s", rule.effect, rule.user or "all")
        match rule.effect:
            case "cut_sockets":
                rule.hits = self.hub.cut(rule.user)
            case "freeze_sockets":
                rule.hits = self.hub.freeze(rule.user)
            case "expire_tokens":
                await self.expire(call, rule.user)
            case "ragged_expiry":
                pause = self.ragged.begin(rule.user, time.monotonic(), rule.ms / 1000)
                task = asyncio.create_task(self.expire_later(call, rule.user, pause))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    async def expire(self, call: Call, user: str) -> None:
        await call.clerk.carry_out("tokens.expire", {"user_id": user}, "")

    async def expire_later(self, call: Call, user: str, pause: float) -> None:
        await asyncio.sleep(pause)
        await self.expire(call, user)
        self.ragged.finish(user)

    async def list_faults(self, call: Call) -> Answer:
        return plainly({"rules": [rule.shown() for rule in self.faults.rules]})

    async def clear_faults(self, call: Call) -> Answer:
        """Everything works again, from now on."""
        self.faults.clear()
        for task in list(self.tasks):
            task.cancel()
        self.ragged.dying.clear()
        return plainly({"rules": []})

    async def seed_holdings(self, call: Call) -> Answer:
        body = body_of(call)
        user = text(body, "user_id")
        rows = {name: [seed_row(raw) for raw in listed(body, name)] for name in SEEDS}
        await call.clerk.carry_out("holdings.seed", rows, user)
        return plainly({"user_id": user, **{name: len(rows[name]) for name in SEEDS}})

    async def ledger(self, call: Call) -> Answer:
        return plainly(call.clerk.exchange.query("ledger", call.part("user_id")))

    async def reset(self, call: Call) -> Answer:
        """Begin again: no orders, no trades, no faults, the limits' counters at zero."""
        await self.clear_faults(call)
        await call.do("reset")
        self.limits.clear()
        self.hub.expel(lambda token: False)
        return plainly({"reset": True})

    def routes(self) -> list[Route]:
        def route(method: str, path: str, handler: Any) -> Route:
            return Route("control", method, path, handler, kind="none", signed=False)

        return [
            route("GET", "/paper/state", self.state),
            route("POST", "/paper/accounts", self.open_account),
            route("POST", "/paper/sessions", self.open_session),
            route("POST", "/paper/prices", self.set_prices),
            route("POST", "/paper/clock", self.set_clock),
            route("GET", "/paper/faults", self.list_faults),
            route("POST", "/paper/faults", self.add_faults),
            route("DELETE", "/paper/faults", self.clear_faults),
            route("POST", "/paper/holdings", self.seed_holdings),
            route("GET", "/paper/ledger/{user_id}", self.ledger),
            route("POST", "/paper/reset", self.reset),
        ]


SEEDS: Final = ("holdings", "positions")
MOST_SEEDED: Final = 1_000
ROW_TEXTS: Final = ("exchange", "tradingsymbol", "product")
ROW_COUNTS: Final = ("quantity", "t1_quantity", "overnight_quantity", "authorised_quantity")


def listed(body: dict[str, Any], name: str) -> list[Any]:
    value = body.get(name, [])
    if not isinstance(value, list) or len(value) > MOST_SEEDED:
        raise Refusal(f"Invalid `{name}`.")
    return value


def seed_row(raw: Any) -> dict[str, Any]:
    """One holding or position to begin with: symbol, quantity, average price."""
    if not isinstance(raw, dict):
        raise Refusal("Each row must be an object.")
    row: dict[str, Any] = {name: text(raw, name) for name in ROW_TEXTS if name in raw}
    for name in ROW_COUNTS:
        if name in raw:
            row[name] = count_of(raw[name], name)
    if raw.get("average_price") is not None:
        row["average_price"] = amount(raw["average_price"], "average_price")
    return row


def count_of(raw: Any, name: str) -> int:
    value = Decimal(amount(raw, name))
    if value != value.to_integral_value():
        raise Refusal(f"Invalid `{name}`.")
    return int(value)
