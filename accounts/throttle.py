"""Guessing takes patience: who was wrong five times in five minutes waits.

Tries are counted in Redis before they are judged, so that parallel guesses cannot slip through, and
taken back when they were right. With Redis gone nobody is let in: the error rises and is answered 503.
"""

import hashlib
import math
import time
import uuid
from dataclasses import dataclass, field

from django.conf import settings
from django.http import HttpRequest

from accounts.visitors import address_of
from tradedesk import pulse

WINDOW = 300  # seconds

# Atomic: look at every key first, and count only if none of them has to wait.
COUNT = """
local now, window, try = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local wait = 0
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  if redis.call('ZCARD', key) >= tonumber(ARGV[3 + i]) then
    local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    wait = math.max(wait, tonumber(oldest[2]) + window - now)
  end
end
if wait > 0 then return wait end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now, try)
  redis.call('PEXPIRE', key, window)
end
return 0
"""


class TooManyTries(Exception):
    """Somebody has to wait before the next try."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"Too many tries. Try again in {in_words(seconds)}.")


@dataclass(frozen=True)
class Try:
    """A counted try."""

    keys: list[str]
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    def forgive(self) -> None:
        """Take the try back: it was right."""
        with pulse.connection() as client:
            for key in self.keys:
                client.zrem(key, self.name)


def count(request: HttpRequest | None, *, person: str = "", kind: str = "guess") -> Try:
    """Count a try against the person and the address it comes from, or raise TooManyTries.

    A whole family may sit behind one address, so that one bears more than a person does.
    """
    limits = {}
    if person:
        limits[key_of(kind, "person", person.strip().lower())] = settings.TRIES_PER_PERSON
    if request and (address := address_of(request)):
        limits[key_of(kind, "address", address)] = settings.TRIES_PER_ADDRESS
    attempt = Try(list(limits))
    with pulse.connection() as client:
        wait = client.eval(
            COUNT,
            len(limits),
            *limits,
            round(time.time() * 1000),
            WINDOW * 1000,
            attempt.name,
            *limits.values(),
        )
    if wait:
        raise TooManyTries(math.ceil(int(str(wait)) / 1000))
    return attempt


def key_of(kind: str, whose: str, name: str) -> str:
    """Name the key without writing an e-mail address into Redis."""
    return f"tries:{kind}:{whose}:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def insist_on_redis() -> None:
    """Raise where a try could not be counted, before somebody types a password in vain."""
    with pulse.connection() as client:
        client.ping()


def in_words(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    parts = [
        f"{number} {unit}{'' if number == 1 else 's'}"
        for number, unit in ((minutes, "minute"), (rest, "second"))
        if number
    ]
    return " and ".join(parts) or "a moment"
