"""The clerk: writes every command down before the exchange hears it, and lets time pass."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from accounts.brokers.paper.engine import Command, Event, Exchange, Refusal
from accounts.brokers.paper.journal import Journal

from .clock import Clock

logger = logging.getLogger(__name__)

LARGEST_BATCH: Final = 256
LONGEST_QUEUE: Final = 20_000
LONGEST_WAIT: Final = 1.0
# A snapshot stops the exchange for a moment, so one is made seldom, and when nobody waits.
SNAPSHOT_EVERY: Final = 100_000


def overloaded() -> Refusal:
    message = "The exchange cannot take more orders at the moment."
    return Refusal(message, status=503, error_type="NetworkException")


def unrecorded() -> Refusal:
    message = "The exchange cannot record orders at the moment; nothing was done."
    return Refusal(message, status=503, error_type="NetworkException")


def out_of_order() -> Refusal:
    message = "Something went wrong inside the exchange."
    return Refusal(message, status=500, error_type="GeneralException")


@dataclass(slots=True)
class Waiting:
    """A command on its way, and whoever waits for its outcome."""

    op: str
    args: dict[str, Any]
    user: str
    outcome: "asyncio.Future[Any]"


@dataclass(slots=True)
class Clerk:
    """The only one who changes the exchange: one batch after the other, in order."""

    exchange: Exchange
    journal: Journal
    clock: Clock
    announce: Callable[[list[Event]], None]
    queue: deque[Waiting] = field(default_factory=deque)
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    recorded: int = 0  # commands since the last snapshot
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def carry_out(self, op: str, args: dict[str, Any], user: str = "") -> Any:
        """Have a command recorded and executed; its answer, or a Refusal."""
        if len(self.queue) >= LONGEST_QUEUE:
            raise overloaded()
        waiting = Waiting(op, args, user, asyncio.get_running_loop().create_future())
        self.queue.append(waiting)
        self.awake.set()
        return await waiting.outcome

    def wake(self) -> None:
        """Look at the time again: the clock was moved."""
        self.awake.set()

    async def work(self) -> None:
        """Serve commands and time for as long as the server runs."""
        while True:
            await self.rest()
            await self.turn()

    async def turn(self) -> None:
        """One batch of commands, then whatever time has brought."""
        size = min(len(self.queue), LARGEST_BATCH)
        batch = [self.queue.popleft() for _ in range(size)]
        self.idle.clear()
        if batch:
            await self.serve(batch)
        try:
            await self.pass_time()
            self.announce(self.exchange.drain())
        except Exception:
            # Better an exchange that limps and says so than one that is gone.
            logger.exception("Time could not pass")
            await asyncio.sleep(LONGEST_WAIT)
        if not self.queue:
            await self.keep_snapshot()
            self.idle.set()

    async def finish(self) -> None:
        """Wait until everything that was asked for has been done."""
        if self.queue:
            self.idle.clear()
        await self.idle.wait()

    async def rest(self) -> None:
        """Sleep until a command arrives or the exchange has something to do."""
        if self.queue:
            return
        self.awake.clear()
        due = self.exchange.next_due()
        seconds = None if due is None else self.clock.seconds_until(due)
        pause = LONGEST_WAIT if seconds is None else min(seconds, LONGEST_WAIT)
        try:
            async with asyncio.timeout(pause):
                await self.awake.wait()
        except TimeoutError:
            return

    async def pass_time(self) -> None:
        """Let the exchange catch up with its clock, if something is due."""
        now = self.clock.now()
        due = self.exchange.next_due()
        if due is None or due > now:
            return
        if self.clock.is_shifted:
            # After a restart the wall's time would be earlier, and what has been told untold.
            await self.record([Command("tick", {}, now)])
        self.exchange.advance(now)

    async def serve(self, batch: list[Waiting]) -> None:
        """Write a batch down with one fsync, then carry it out in the same order."""
        now = self.clock.now()
        commands = [Command(one.op, one.args, now, one.user) for one in batch]
        if not await self.record(commands):
            for one in batch:
                settle(one, unrecorded())
            return
        for one, command in zip(batch, commands, strict=True):
            settle(one, self.outcome(command))

    async def record(self, commands: list[Command]) -> bool:
        """Have commands on disk for good; False if the disk does not take them."""
        try:
            await asyncio.to_thread(self.write, commands)
        except OSError as problem:
            logger.error("Commands refused, the journal cannot be written: %s", problem.strerror)
            return False
        self.recorded += len(commands)
        return True

    async def keep_snapshot(self) -> None:
        """Shorten the next start once enough has been recorded."""
        if self.recorded < SNAPSHOT_EVERY:
            return
        self.recorded = 0
        try:
            await asyncio.to_thread(self.journal.snapshot, self.exchange.snapshot())
        except OSError as problem:
            logger.warning("No snapshot was kept: %s", problem.strerror)

    def write(self, commands: list[Command]) -> None:
        for command in commands:
            self.journal.append(command)
        self.journal.sync()

    def outcome(self, command: Command) -> Any:
        """The answer to a command that is safely recorded, or the refusal."""
        try:
            return self.exchange.execute(command)
        except Refusal as refusal:
            return refusal
        except Exception:
            # Replay meets the same failure at the same place, so the state stays reproducible.
            logger.exception("Command %s failed", command.op)
            return out_of_order()


def settle(waiting: Waiting, outcome: Any) -> None:
    """Hand the outcome over, unless the peer has gone away meanwhile."""
    if waiting.outcome.done():
        return
    if isinstance(outcome, Refusal):
        waiting.outcome.set_exception(outcome)
    else:
        waiting.outcome.set_result(outcome)
