"""Trouble on purpose: rules that say which requests go wrong, and how."""

import asyncio
import random
import re
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final, Literal

from .messages import HTML, Answer, ConnectionTorn, HangUp, Request, failure

Phase = Literal["before", "after"]

# What each effect belongs to: the moment before the exchange acts, the moment after, or the sockets.
BEFORE: Final = {
    "delay_before_acceptance",
    "drop_before_acceptance",
    "rate_limit",
    "redirect_307",
}
AFTER: Final = {
    "delay_after_acceptance",
    "drop_after_acceptance",
    "close_after_acceptance",
    "half_answer",
    "drip",
}
AT_ONCE: Final = {"expire_tokens", "ragged_expiry", "cut_sockets", "freeze_sockets"}
ON_SOCKETS: Final = {"duplicate_updates", "reorder_updates", "withhold_updates", "corrupt_frame"}
STATUS = re.compile(r"status_([2-5]\d\d)_(before|after)_acceptance")
MAX_MS: Final = 600_000
MAX_RULES: Final = 1_000

HTML_BODY: Final = (
    b"<html><head><title>Gateway trouble</title></head>"
    b"<body><h1>The exchange could not be reached</h1></body></html>"
)


class BadRule(ValueError):
    """A rule that cannot be understood; the message says what is wrong."""


@dataclass(slots=True)
class Rule:
    """One fault: whom it hits, how often, and what it does."""

    number: int
    effect: str
    route: str = ""
    user: str = ""
    probability: float = 1.0
    left: int | None = None
    ms: int = 0
    body: str = "json"
    message: str = ""
    error_type: str = ""
    retry_after: str = ""
    location: str = ""
    after: bool = False
    hits: int = 0

    def matches(self, route: str, user: str) -> bool:
        if self.left == 0:
            return False
        return self.route in {"", route} and self.user in {"", user}

    def spend(self) -> None:
        self.hits += 1
        if self.left is not None:
            self.left -= 1

    @property
    def phase(self) -> Phase | None:
        """When it strikes in the life of a request; None for the sockets' effects."""
        if status := STATUS.fullmatch(self.effect):
            return "before" if status[2] == "before" else "after"
        if self.effect == "redirect_307":
            return "after" if self.after else "before"
        if self.effect in BEFORE:
            return "before"
        return "after" if self.effect in AFTER else None

    def shown(self) -> dict[str, Any]:
        """The rule as the control API lists it."""
        return {
            "id": self.number,
            "effect": self.effect,
            "route": self.route or None,
            "user_id": self.user or None,
            "probability": self.probability,
            "count": self.left,
            "ms": self.ms,
            "hits": self.hits,
        }


def is_effect(name: str) -> bool:
    known = BEFORE | AFTER | AT_ONCE | ON_SOCKETS
    return name in known or STATUS.fullmatch(name) is not None


def whole(raw: Any, name: str, highest: int) -> int:
    try:
        value = int(raw)
    except (TypeError, ValueError, OverflowError):
        raise BadRule(f"{name} must be a whole number") from None
    if not 0 <= value <= highest:
        raise BadRule(f"{name} must lie between 0 and {highest}")
    return value


def chance(raw: Any) -> float:
    try:
        value = float(raw)
    except (TypeError, ValueError, OverflowError):
        raise BadRule("probability must be a number") from None
    if not 0 <= value <= 1:
        raise BadRule("probability must lie between 0 and 1")
    return value


def words(raw: dict[str, Any], name: str, usual: str = "") -> str:
    value = raw.get(name)
    if value is None:
        return usual
    if not isinstance(value, str | int | float):
        raise BadRule(f"{name} must be text")
    text = str(value)
    if len(text) > 2_000 or not text.isprintable():
        raise BadRule(f"{name} must be one short line")
    return text


def read_rule(raw: Any, number: int, routes: set[str]) -> Rule:
    """Understand one rule of the control API, or say why not."""
    if not isinstance(raw, dict):
        raise BadRule("a rule is an object")
    effect = words(raw, "effect")
    if not is_effect(effect):
        raise BadRule(f"unknown effect {effect!r}")
    route = words(raw, "route")
    if route and route not in routes:
        raise BadRule(f"unknown route {route!r}")
    body = words(raw, "body", "json")
    if body not in {"json", "html", "empty"}:
        raise BadRule("body is json, html or empty")
    left = raw.get("count")
    return Rule(
        number=number,
        effect=effect,
        route=route,
        user=words(raw, "user_id"),
        probability=chance(raw.get("probability", 1)),
        left=None if left is None else whole(left, "count", 1_000_000),
        ms=whole(raw.get("ms", 1000), "ms", MAX_MS),
        body=body,
        message=words(raw, "message"),
        error_type=words(raw, "error_type"),
        retry_after=words(raw, "retry_after"),
        location=words(raw, "location"),
        after=raw.get("after") is True,
    )


@dataclass(slots=True)
class Faults:
    """The rules in force."""

    chances: random.Random
    rules: list[Rule] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def add(self, rules: list[Rule]) -> None:
        if len(self.rules) + len(rules) > MAX_RULES:
            raise BadRule(f"there are at most {MAX_RULES} rules")
        self.rules += rules

    def clear(self) -> None:
        self.rules.clear()

    def strikes(self, rule: Rule, route: str, user: str) -> bool:
        """Whether the rule hits this time; a hit uses one of its count."""
        if not rule.matches(route, user) or self.chances.random() >= rule.probability:
            return False
        rule.spend()
        return True

    async def before(self, route: str, user: str, request: Request) -> Answer | None:
        """Faults that strike before the exchange has acted; an answer ends the request."""
        for rule in list(self.rules):
            if rule.phase != "before" or not self.strikes(rule, route, user):
                continue
            if rule.effect == "delay_before_acceptance":
                await asyncio.sleep(rule.ms / 1000)
                continue
            return spoilt(rule, Answer(), request)
        return None

    async def after(self, route: str, user: str, request: Request, answer: Answer) -> Answer:
        """Faults that strike when the exchange has acted and only the answer can suffer."""
        for rule in list(self.rules):
            if rule.phase != "after" or not self.strikes(rule, route, user):
                continue
            if rule.effect == "delay_after_acceptance":
                await asyncio.sleep(rule.ms / 1000)
                continue
            return spoilt(rule, answer, request)
        return answer

    def hits_socket(self, effect: str, user: str) -> bool:
        """Whether a socket fault of this kind strikes this user's next message."""
        return any(
            rule.effect == effect and self.strikes(rule, "socket", user)
            for rule in list(self.rules)
        )


def spoilt(rule: Rule, answer: Answer, request: Request) -> Answer:
    """What the peer gets in place of the answer."""
    match rule.effect:
        case "drop_before_acceptance" | "drop_after_acceptance":
            raise ConnectionTorn
        case "close_after_acceptance":
            raise HangUp
        case "half_answer":
            return replace(answer, cut_half=True)
        case "drip":
            return replace(answer, drip=rule.ms / 1000)
        case "redirect_307":
            query = f"?{request.query}" if request.query else ""
            place = rule.location or request.path + query
            return Answer(b"", 307, HTML, (("Location", place),))
        case "rate_limit":
            hint = (("Retry-After", rule.retry_after),) if rule.retry_after else ()
            return failure(rule.message or "Too many requests", 429, rule.error_type, hint)
    return status_answer(rule)


def status_answer(rule: Rule) -> Answer:
    found = STATUS.fullmatch(rule.effect)
    status = int(found[1]) if found else 500
    if rule.body == "html":
        return Answer(HTML_BODY, status, HTML)
    if rule.body == "empty":
        return Answer(b"", status, HTML)
    return failure(rule.message or "Something went wrong.", status, rule.error_type)
