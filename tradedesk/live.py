"""The closed catalogue of live events, the names of their groups, and the one way to announce."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, TypedDict

import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)


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
    """The kill switch was pressed or released, for one account or, with none, for all."""

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


def announce_all(group: str, events: Sequence[Event]) -> None:
    """The same for many events in one go."""
    transaction.on_commit(partial(send_all, group, events), robust=True)


def send(group: str, event: dict[str, Any] | Event) -> None:
    """Tell the group now. While Redis is away nobody is told, and pages look for themselves."""
    send_all(group, [event])


def send_all(group: str, events: Sequence[dict[str, Any] | Event]) -> None:
    try:
        async_to_sync(send_each)(group, events)
    except (redis.RedisError, OSError) as error:
        logger.info("nobody was told of %s: %s", events[0]["type"], error)


async def send_each(group: str, events: Sequence[dict[str, Any] | Event]) -> None:
    layer = get_channel_layer()
    for event in events:
        await layer.group_send(group, event)
