"""The browser's socket: says what changed, never carries an order."""

import asyncio
import contextlib

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from accounts.sessions import hashed, is_alive
from tradedesk.live import AccountChanged, PanelChanged, SessionEnded, user_group

NOT_SIGNED_IN = 4401
BAD_MESSAGE = 4400
CHECK_EVERY = 15  # seconds between two looks whether the session still stands


class DeskConsumer(AsyncJsonWebsocketConsumer):
    """One browser: hears which panel or account changed, and closes with its session."""

    session = ""
    watch: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.accept()  # a refused handshake could not tell the page why
            await self.close(code=NOT_SIGNED_IN)
            return
        self.session = hashed(self.scope["session"].session_key)
        self.groups = [user_group(user.pk)]
        for group in self.groups:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()
        self.watch = asyncio.create_task(self.close_with_session())

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
        await self.send_json({**event, "type": "account"})

    async def session_ended(self, event: SessionEnded) -> None:
        if event["session"] in {self.session, "all"}:
            await self.close(code=NOT_SIGNED_IN)

    async def close_with_session(self) -> None:
        """Close when the session ran out without anyone saying so."""
        while await self.stands():  # noqa: ASYNC110 - the session is a row, no event tells of its end
            await asyncio.sleep(CHECK_EVERY)
        await self.close(code=NOT_SIGNED_IN)

    @database_sync_to_async
    def stands(self) -> bool:
        return is_alive(self.session)
