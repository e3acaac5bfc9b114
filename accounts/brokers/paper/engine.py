"""The exchange itself: commands in, answers and events out, time passed in."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from . import (
    alerts,
    authorise,
    books,
    calculators,
    candles,
    clockwork,
    control,
    conversion,
    fund_rows,
    funds,
    gtt,
    orders,
    portfolio,
    quotes,
    settlement,
    users,
)
from .codec import dump, load
from .floor import Floor
from .state import State
from .terms import Command, Event, Refusal, Tick

__all__ = ["Command", "Event", "Exchange", "Refusal", "Tick"]

Op = Callable[[Floor, Command], Any]
OPS: dict[str, Op] = {}
QUERIES: dict[str, Callable[..., Any]] = {}
for part in (alerts, authorise, control, conversion, funds, gtt, orders, users):
    OPS |= part.OPS
for reader in (
    alerts, authorise, books, calculators, candles, fund_rows, gtt, portfolio, quotes, users,
):  # fmt: skip
    QUERIES |= reader.QUERIES
FORMAT = 1  # of snapshots

# A journal is replayed in the ways of the edition that wrote it, so that it leads to the state it
# led to then. An older home moves on when it is next configured, which is recorded.
# 1: what a journal that names none was written under.
# 2: DAY orders end when their market closes, intraday ones with the forced exit; a trigger fires
#    only while orders are accepted, and its order says where it comes from; a modification is not
#    let off what a new order is rejected for.
EDITION = 2


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
        salt: str = "",
        rules: dict[str, Any] | None = None,
        edition: int = EDITION,
    ) -> None:
        self._begin(
            State(
                seed, clock, prices, profile, start, start,
                rules=dict(rules or {}), salt=salt, edition=edition,
            )
        )  # fmt: skip

    def _begin(self, state: State) -> None:
        self.floor = Floor(state)
        settlement.begin(self.floor)

    @classmethod
    def restore(cls, snapshot: dict[str, Any]) -> "Exchange":
        """The exchange that gave this snapshot."""
        if snapshot.get("format") != FORMAT:
            raise ValueError("This snapshot was made by another version of the exchange.")
        exchange = cls.__new__(cls)
        exchange.floor = Floor(load(State, snapshot["state"]))
        clockwork.wake(exchange.floor)
        return exchange

    def snapshot(self) -> dict[str, Any]:
        """Everything there is to remember, as plain JSON."""
        return {"format": FORMAT, "state": dump(self.floor.state)}

    @property
    def now(self) -> int:
        """The exchange's own time in milliseconds since the epoch."""
        return self.floor.state.now

    @property
    def speed(self) -> int:
        """How fast the clock runs, in thousandths of the wall clock; 0 stands still."""
        return self.floor.state.speed

    def execute(self, command: Command) -> Any:
        """Carry out one command and give the `data` of its answer, or refuse."""
        clockwork.advance(self.floor, command.at)
        if command.op == "tick":
            return None
        if command.op == "reset":
            return self._reset()
        if command.op == "configure":
            return self._configure(command.args)
        op = OPS.get(command.op)
        if op is None:
            raise Refusal(f"Unknown command `{command.op}`.")
        return op(self.floor, command)

    def _reset(self) -> bool:
        old = self.floor.state
        self._begin(
            State(
                old.seed, old.clock, old.prices, old.profile, old.now, old.now,
                rules=old.rules, speed=old.speed, salt=old.salt, edition=old.edition,
            )
        )  # fmt: skip
        return True

    def _configure(self, settings: dict[str, Any]) -> bool:
        """Go on under another profile, clock, source of prices or set of rules."""
        state, events = self.floor.state, self.floor.events
        state.profile, state.clock = settings["profile"], settings["clock"]
        state.prices, state.rules = settings["prices"], settings["rules"]
        state.edition = settings.get("edition", state.edition)
        self.floor = Floor(state)
        self.floor.events = events
        clockwork.wake(self.floor)
        if state.edition > 1:
            settlement.plan_afresh(self.floor)
        return True

    def advance(self, at: int) -> None:
        """Let time pass up to this moment."""
        clockwork.advance(self.floor, at)

    def next_due(self) -> int | None:
        """When `advance` next has something to do."""
        return clockwork.next_due(self.floor)

    def drain(self) -> list[Event]:
        """What happened since the last call."""
        events, self.floor.events = self.floor.events, []
        return events

    def query(self, name: str, user: str = "", **args: Any) -> Any:
        """Read something; nothing changes by it."""
        read = QUERIES.get(name)
        if read is None:
            raise Refusal("Route not found", status=404, error_type="GeneralException")
        return read(self.floor, user, **args)

    def tick(self, token: int) -> Tick | None:
        """The newest values of one instrument."""
        return quotes.tick(self.floor, token)

    def digest(self) -> str:
        """A hash over the whole state."""
        plain = json.dumps(self.snapshot(), separators=(",", ":"))
        return sha256(plain.encode()).hexdigest()
