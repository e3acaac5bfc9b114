"""The exchange itself: commands in, answers and events out, time passed in."""

from collections.abc import Callable
from typing import Any

from .terms import Command, Event, Refusal, Tick

__all__ = ["Command", "Event", "Exchange", "Refusal", "Tick"]

OPS: dict[str, Callable[..., Any]] = {}
QUERIES: dict[str, Callable[..., Any]] = {}


class Exchange:
    """One paper exchange: deterministic, without I/O, driven by commands."""

    def __init__(
        self,
        *,
        seed: int,
        clock: str = "open",
        prices: str = "walk",
        profile: str = "kite",
        start: int,
    ) -> None:
        self.seed = seed
        self.clock = clock
        self.prices = prices
        self.profile = profile
        self.now = start
        self.events: list[Event] = []

    def execute(self, command: Command) -> Any:
        """Carry out one command and give the `data` of its answer, or refuse."""
        self.advance(command.at)
        if command.op not in OPS:
            raise Refusal(f"Unknown command `{command.op}`.")
        return OPS[command.op](self, command)

    def advance(self, at: int) -> None:
        """Let time pass up to this moment."""
        self.now = max(self.now, at)

    def next_due(self) -> int | None:
        """When `advance` next has something to do."""
        return None

    def drain(self) -> list[Event]:
        """What happened since the last call."""
        events, self.events = self.events, []
        return events

    def query(self, name: str, user: str = "", **args: Any) -> Any:
        """Read something; nothing changes by it."""
        if name not in QUERIES:
            raise Refusal("Route not found", status=404, error_type="GeneralException")
        return QUERIES[name](self, user, **args)

    def tick(self, token: int) -> Tick | None:
        """The newest values of one instrument."""
        return None

    def digest(self) -> str:
        """A hash over the whole state."""
        return ""
