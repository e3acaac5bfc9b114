"""Who is on the way in: visits, passwords given, codes used, mistakes made."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pyotp

VISIT_SECONDS: Final = 600
COOKIE_SECONDS: Final = 6 * 3600
MOST_VISITS: Final = 10_000
# Wrong passwords or codes a user may give before the door stays shut for a while.
MOST_MISTAKES: Final = 10
MISTAKES_FORGOTTEN: Final = 300
STEP: Final = 30


@dataclass(slots=True)
class Visit:
    """One attempt to log in to an app, from the first page to the redirect."""

    api_key: str
    extra: list[tuple[str, str]]
    started: float
    user: str = ""
    confirmed: bool = False


@dataclass(slots=True)
class Pending:
    """A password that was right and still waits for its code."""

    user: str
    started: float


@dataclass(slots=True)
class Doorkeeper:
    """Who is on the way in, and which codes have been used."""

    now: Callable[[], float] = time.time
    visits: dict[str, Visit] = field(default_factory=dict)
    pending: dict[str, Pending] = field(default_factory=dict)
    cookies: dict[str, Pending] = field(default_factory=dict)
    used: dict[tuple[str, int], float] = field(default_factory=dict)
    mistakes: dict[str, list[float]] = field(default_factory=dict)

    def tidy(self) -> None:
        """Forget what has expired, so that nothing here grows for ever."""
        at = self.now()
        self.visits = {k: v for k, v in self.visits.items() if at - v.started < VISIT_SECONDS}
        self.pending = {k: v for k, v in self.pending.items() if at - v.started < VISIT_SECONDS}
        self.cookies = {k: v for k, v in self.cookies.items() if at - v.started < COOKIE_SECONDS}
        self.used = {key: when for key, when in self.used.items() if at - when < 4 * STEP}
        self.mistakes = {k: v for k, v in self.mistakes.items() if at - v[-1] < MISTAKES_FORGOTTEN}
        if len(self.visits) >= MOST_VISITS:
            self.visits.pop(next(iter(self.visits)))

    def blocked(self, user: str) -> bool:
        at = self.now()
        recent = [t for t in self.mistakes.get(user, []) if at - t < MISTAKES_FORGOTTEN]
        if recent:
            self.mistakes[user] = recent
        else:
            self.mistakes.pop(user, None)
        return len(recent) >= MOST_MISTAKES

    def mistake(self, user: str) -> None:
        self.mistakes.setdefault(user, []).append(self.now())

    def visit(self, api_key: str, extra: list[tuple[str, str]]) -> str:
        self.tidy()
        sess_id = secrets.token_urlsafe(24)
        self.visits[sess_id] = Visit(api_key, extra, self.now())
        return sess_id

    def expect_code(self, user: str) -> str:
        """Remember that a password was right; the id under which its code may follow."""
        self.tidy()
        request_id = secrets.token_urlsafe(32)
        self.pending[request_id] = Pending(user, self.now())
        return request_id

    def issue_cookie(self, user: str) -> str:
        """Remember a finished log-in; the cookie that stands for it."""
        self.tidy()
        cookie = secrets.token_urlsafe(32)
        self.cookies[cookie] = Pending(user, self.now())
        return cookie

    def code_is_right(self, user: str, secret: str, code: str) -> bool:
        """Whether this code is valid now, or was a step ago, and was never used."""
        if not (code.isascii() and code.isdigit() and len(code) == 6):
            return False
        at = self.now()
        for drift in (0, -1, 1):
            step = int(at) // STEP + drift
            expected = pyotp.TOTP(secret).at(step * STEP)
            if hmac.compare_digest(expected, code) and (user, step) not in self.used:
                self.used[user, step] = at
                return True
        return False


def same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
