"""The browser's socket: says what changed, never carries an order."""

import asyncio
import contextlib

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from accounts.access import memberships_of
from accounts.brokerage import Role
from accounts.sessions import hashed, is_alive
from tradedesk.live import (
    EVERYBODY,
    AccountChanged,
    MembershipChanged,
    OrderChanged,
    PanelChanged,
    SessionEnded,
    StopChanged,
    TaskChanged,
    account_group,
    user_group,
)

NOT_SIGNED_IN = 4401
BAD_MESSAGE = 4400
CHECK_EVERY = 15  # seconds between two looks whether the session still stands


class DeskConsumer(AsyncJsonWebsocketConsumer):
    """One browser: hears of the accounts one may see, and closes with its session."""

    session = ""
    user_id = 0
    codes: dict[int, str] = {}
    always: set[str] = set()
    watch: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.accept()  # a refused handshake could not tell the page why
            await self.close(code=NOT_SIGNED_IN)
            return
        self.session = hashed(self.scope["session"].session_key)
        self.user_id, self.one_at_a_time = user.pk, asyncio.Lock()
        self.always = {user_group(user.pk), EVERYBODY}
        for group in self.always:
            await self.join(group)
        await self.follow()
        await self.accept()
        self.watch = asyncio.create_task(self.close_with_session())

    async def follow(self) -> dict[str, Role]:
        """Hear of the accounts that this person may see now, and of no other any more."""
        async with self.one_at_a_time:
            roles: dict[str, Role]
            roles, self.codes = await self.visible()
            groups = {account_group(account_id) for account_id in self.codes}
            for group in set(self.groups) - groups - self.always:
                await self.channel_layer.group_discard(group, self.channel_name)
                self.groups.remove(group)
            for group in groups - set(self.groups):
                await self.join(group)
        return roles

    async def join(self, group: str) -> None:
        await self.channel_layer.group_add(group, self.channel_name)
        self.groups.append(group)  # what is listed here ends with the socket

    async def disconnect(self, code: int) -> None:
        if self.watch:
            self.watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.watch

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data == "ping":
            await self.send(text_data="pong")
            return
        if text_data is None or len(text_data) > 1024:
            await self.close(code=BAD_MESSAGE)
            return
        try:
            content = await self.decode_json(text_data)
        except (ValueError, RecursionError):
            await self.close(code=BAD_MESSAGE)
            return
        if isinstance(content, dict) and content.get("type") == "ping":
            await self.send_json({"type": "pong"})

    async def panel_changed(self, event: PanelChanged) -> None:
        await self.send_json({**event, "type": "panel"})

    async def account_changed(self, event: AccountChanged) -> None:
        roles = await self.follow()
        if event["account"] in roles:
            await self.send_json({**event, "type": "account"})
        else:
            await self.tell_role(event["account"], None)

    async def task_changed(self, event: TaskChanged) -> None:
        """Say that a task stands differently; only members are in the account's group."""
        if code := self.codes.get(event["account"]):
            status = {"task_id": event["task"], "status": event["state"]}
            await self.send_json({"type": "task_update", "account_id": code, **status})

    async def order_changed(self, event: OrderChanged) -> None:
        """Say how an order stands; flat, as programs read it."""
        if code := self.codes.get(event["account"]):
            update = {
                "type": "order_update",
                "account_id": code,
                "order_id": event["order_id"],
                "status": event["status"],
                "filled_quantity": event["filled_quantity"],
                "average_price": float(event["average_price"]),  # nobody computes with it
                "status_message": event["status_message"],
            }
            await self.send_json(update)

    async def stop_changed(self, event: StopChanged) -> None:
        """Say that trading was stopped or goes on; every page asks for its bar."""
        code = self.codes.get(event["account"]) if event["account"] else ""
        if code is not None:
            how = {"level": event["level"], "is_stopped": event["is_stopped"]}
            await self.send_json({"type": "stop_update", "account_id": code, **how})

    async def membership_changed(self, event: MembershipChanged) -> None:
        roles = await self.follow()
        await self.tell_role(event["account"], roles.get(event["account"]))

    async def tell_role(self, account: str, role: Role | None) -> None:
        """Say what this person is in the account now; with none, its pages close."""
        await self.send_json({"type": "membership", "account": account, "role": role})

    async def session_ended(self, event: SessionEnded) -> None:
        if event["session"] in {self.session, "all"}:
            await self.close(code=NOT_SIGNED_IN)

    async def close_with_session(self) -> None:
        """Close when the session ran out without anyone saying so, and leave what was left so."""
        while await self.stands():
            await asyncio.sleep(CHECK_EVERY)
            await self.follow()
        await self.close(code=NOT_SIGNED_IN)

    @database_sync_to_async
    def stands(self) -> bool:
        return is_alive(self.session)

    @database_sync_to_async
    def visible(self) -> tuple[dict[str, Role], dict[int, str]]:
        found = memberships_of(self.user_id)
        roles = {one.account.code: Role(one.role) for one in found}
        return roles, {one.account_id: one.account.code for one in found}
