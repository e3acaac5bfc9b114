"""The closed catalogue of live events, the names of their groups, and the one way to announce."""

import asyncio
import atexit
import logging
import os
import threading
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, Literal, TypedDict

import redis
from channels.layers import get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)
PATIENCE = 2.0  # seconds for one telling
MOST_WAITING = 1_000


class PanelChanged(TypedDict):
    """A panel has a newer version; who shows it fetches it once."""

    type: Literal["panel.changed"]
    panel: str
    version: int


class AccountChanged(TypedDict):
    """A broker account went live, asks for a log-in, or was paused."""

    type: Literal["account.changed"]
    account: str
    state: str


class MembershipChanged(TypedDict):
    """Somebody joined an account, left it, or has another role in it."""

    type: Literal["membership.changed"]
    account: str


class TaskChanged(TypedDict):
    """Something that was asked for at a broker stands differently."""

    type: Literal["task.changed"]
    account: int
    task: int
    state: str


class OrderChanged(TypedDict):
    """An order stands differently at its broker."""

    type: Literal["order.changed"]
    account: int
    order_id: str
    status: str
    filled_quantity: int
    average_price: str
    status_message: str


class StopChanged(TypedDict):
    """The kill switch was pressed or released, for one account or, with none, for all.

    The level HOLD is no stop of a person's: new orders of an account wait until less is asked of it.
    """

    type: Literal["stop.changed"]
    account: int | None
    level: str
    is_stopped: bool


class SessionEnded(TypedDict):
    """A person's session is over; its sockets close."""

    type: Literal["session.ended"]
    session: str


Event = (
    PanelChanged
    | AccountChanged
    | MembershipChanged
    | TaskChanged
    | OrderChanged
    | StopChanged
    | SessionEnded
)
EVERYBODY = "everybody"  # the group of all who are signed in


def account_group(account_id: int) -> str:
    """Name the group of everyone who may see this account."""
    return f"account.{account_id}"


def user_group(user_id: int) -> str:
    """Name the group of one person's browsers."""
    return f"user.{user_id}"


def announce(group: str, event: Event) -> None:
    """Tell the group, once what happened is committed."""
    transaction.on_commit(partial(send, group, event), robust=True)


def send(group: str, event: dict[str, Any] | Event) -> None:
    """Tell the group now, and wait for nobody."""
    VOICE.say(group, event)


class Voice:
    """What this process says to open pages: one after another, in a thread of its own.

    While Redis is away nobody is told, and pages look for themselves.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin anew; a process that was just forked has none of its parent's threads."""
        self.lock = threading.Lock()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.said: set[Future[None]] = set()

    def say(self, group: str, event: dict[str, Any] | Event) -> None:
        with self.lock:
            if self.loop is None:
                self.loop, self.turn = asyncio.new_event_loop(), asyncio.Lock()
                threading.Thread(target=self.loop.run_forever, name="voice", daemon=True).start()
            if len(self.said) >= MOST_WAITING:
                logger.info("nobody was told of %s: too much waits to be told", event["type"])
                return
            one = asyncio.run_coroutine_threadsafe(self.speak(group, event), self.loop)
            self.said.add(one)
        one.add_done_callback(self.said.discard)

    async def speak(self, group: str, event: dict[str, Any] | Event) -> None:
        try:
            async with self.turn, asyncio.timeout(PATIENCE):
                await get_channel_layer().group_send(group, event)
        except (redis.RedisError, OSError) as error:
            logger.info("nobody was told of %s: %s", event["type"], error)
        except Exception:
            logger.exception("nobody was told of %s", event["type"])

    def finish(self) -> None:
        """Say what still waits, before the process ends."""
        wait(set(self.said), timeout=PATIENCE)


VOICE = Voice()
atexit.register(VOICE.finish)
os.register_at_fork(after_in_child=VOICE.begin)
