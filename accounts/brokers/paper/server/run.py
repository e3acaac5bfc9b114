"""Starting and stopping the process: home, lock, journal, port, signals."""

import asyncio
import errno
import fcntl
import logging
import os
import random
import secrets
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from accounts.brokers.paper.engine import EDITION, Command, Event, Exchange
from accounts.brokers.paper.journal import Journal, open_exchange
from accounts.brokers.paper.options import Options

from .clerk import Clerk
from .clock import Clock, wall_ms
from .control import Control
from .doorkeeper import Doorkeeper
from .doors import Doors
from .expiry import Ragged
from .faults import Faults
from .guard import control_token
from .limits import Limits
from .login import LoginDoor
from .packets import Mode, packet
from .postbacks import Postbacks
from .sockets import Hub
from .updates import Updates
from .wire import serve_line

logger = logging.getLogger(__name__)

BACKLOG: Final = 1_024
STOP_SECONDS: Final = 1.5
SNAPSHOT_FROM: Final = 2_000  # commands; replaying fewer takes no time worth saving


class CannotStart(Exception):
    """The reason is one line for the person who tried."""


def lock_home(home: Path) -> IO[str]:
    """Make this process the only one that works on a home."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (home / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise CannotStart(f"another paper exchange is already running on {home}") from None
    return lock


def restore(options: Options) -> tuple[Exchange, Journal]:
    """The exchange as it was when it last stopped, however it stopped."""
    wanted = {
        "clock": options.clock,
        "prices": options.prices,
        "profile": options.profile,
        "rules": options.exchange_rules(),
        "edition": EDITION,
    }
    exchange, journal = open_exchange(
        options.home / "journal",
        seed=options.seed,
        start=wall_ms(),
        salt=secrets.token_hex(16),
        **wanted,
    )
    configure(exchange, journal, wanted)
    if exchange.floor.state.seed != options.seed:
        logger.warning("The prices of this home were begun with seed %s", exchange.floor.state.seed)
    if len(journal.loaded.commands) > SNAPSHOT_FROM:
        journal.snapshot(exchange.snapshot())
    return exchange, journal


def restored(options: Options) -> tuple[Exchange, Journal]:
    """The same, with a line for the person who started it where the disk makes it impossible."""
    try:
        return restore(options)
    except (ValueError, OSError) as problem:
        raise CannotStart(f"the state in {options.home} cannot be used: {problem}") from None


def configure(exchange: Exchange, journal: Journal, wanted: dict[str, Any]) -> None:
    """Let an older exchange follow the options of today."""
    state = exchange.floor.state
    if all(getattr(state, name) == value for name, value in wanted.items()):
        return
    command = Command("configure", wanted, exchange.now)
    journal.append(command)
    journal.sync()
    exchange.execute(command)


def build(options: Options, exchange: Exchange, journal: Journal) -> Doors:
    """Put the doors together around an exchange."""

    def encode(token: int, mode: Mode) -> bytes:
        tick = exchange.tick(token)
        return b"" if tick is None else packet(tick, mode)

    def announce(events: list[Event]) -> None:
        doors.announce(events)

    faults = Faults(random.Random(options.seed))  # noqa: S311
    hub = Hub(encode, faults, eviction=options.rule("fourth_socket") == "evict")
    postbacks = Postbacks(lambda api_key: exchange.query("app", api_key=api_key))
    limits = Limits(wall_ms, enabled=options.rule("rate_limits") == "on")
    ragged = Ragged()
    manual = options.clock == "manual"
    clock = Clock.starting(
        exchange.now if manual else max(exchange.now, wall_ms()),
        0.0 if manual else exchange.speed / 1000,
    )
    doors = Doors(
        clerk=Clerk(exchange, journal, clock, announce),
        hub=hub,
        updates=Updates(hub, postbacks, faults),
        faults=faults,
        limits=limits,
        ragged=ragged,
        login=LoginDoor(Doorkeeper()),
        control=Control(hub, faults, limits, ragged),
        token=control_token(options.home),
    )
    return doors


async def open_port(options: Options, doors: Doors) -> asyncio.Server:
    serve = partial(serve_line, answering=doors.answer, upgrading=doors.upgrade)
    try:
        return await asyncio.start_server(
            serve, options.host, options.port, backlog=BACKLOG, reuse_address=True
        )
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise CannotStart(f"port {options.port} is taken by another program") from None
        raise CannotStart(f"cannot listen on {options.host}: {problem.strerror}") from None


async def serve(options: Options, exchange: Exchange, journal: Journal) -> None:
    """Run until a signal asks to stop."""
    doors = build(options, exchange, journal)
    server = await open_port(options, doors)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    work = (doors.clerk.work(), doors.hub.broadcast(), doors.hub.keep_alive())
    tasks = [asyncio.create_task(one) for one in work]
    for task in tasks:
        # A worker that dies would leave a server that looks alive and does nothing.
        task.add_done_callback(lambda _: stop.set())
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"paper exchange on http://{options.host}:{port}\n")
    sys.stdout.flush()
    await stop.wait()
    await shut(doors, server, tasks)


async def shut(doors: Doors, server: asyncio.Server, tasks: list["asyncio.Task[None]"]) -> None:
    """Stop listening, let the batch in hand finish, end the connections."""
    server.close()
    doors.hub.close_all()
    with suppress(TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await doors.clerk.finish()
            await doors.updates.postbacks.close()
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    server.close_clients()
    for result in results:
        if isinstance(result, Exception):
            raise result


def run(options: Options) -> int:
    """Run a paper exchange in this process; the exit code."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    for chatty in ("httpx", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    os.umask(0o077)
    try:
        with lock_home(options.home):
            exchange, journal = restored(options)
            asyncio.run(serve(options, exchange, journal))
    except CannotStart as reason:
        sys.stderr.write(f"paper exchange: {reason}\n")
        return 1
    return 0
