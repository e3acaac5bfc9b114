"""Telling an app's web address about its orders, without ever holding up an order."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from accounts.brokers.paper.engine import Event

from .messages import encode

logger = logging.getLogger(__name__)

TOLD: Final = {"COMPLETE", "CANCELLED", "REJECTED", "UPDATE"}
PAUSES: Final = (0.5, 2.0, 5.0, 15.0, 60.0)
SECONDS: Final = 5.0
LONGEST_QUEUE: Final = 10_000

App = dict[str, Any]


def signed(order: dict[str, Any], api_secret: str) -> dict[str, Any]:
    """The body of a postback; the checksum covers only the id and the time, as at Kite."""
    text = f"{order['order_id']}{order['order_timestamp']}{api_secret}"
    return {**order, "checksum": hashlib.sha256(text.encode()).hexdigest()}


@dataclass(slots=True)
class Postbacks:
    """One queue for each app, so that a dead address delays nobody else."""

    app_of: Callable[[str], App | None]
    queues: dict[str, "asyncio.Queue[tuple[str, bytes]]"] = field(default_factory=dict)
    workers: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    def post(self, event: Event) -> None:
        """Put an order's news on its way, if its app wants to hear it."""
        if event.data.get("status") not in TOLD or not event.api_key:
            return
        app = self.app_of(event.api_key)
        if app is None or not app.get("postback_url"):
            return
        body = encode(signed(event.data, app["api_secret"]))
        queue = self.queue_of(event.api_key)
        if queue.full():
            queue.get_nowait()
            logger.warning("Postbacks of %s are too far behind, the oldest is gone", event.user)
        queue.put_nowait((app["postback_url"], body))

    def queue_of(self, api_key: str) -> "asyncio.Queue[tuple[str, bytes]]":
        if api_key not in self.queues:
            self.queues[api_key] = asyncio.Queue(LONGEST_QUEUE)
            self.workers[api_key] = asyncio.create_task(self.work(self.queues[api_key]))
        return self.queues[api_key]

    async def work(self, queue: "asyncio.Queue[tuple[str, bytes]]") -> None:
        async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as web:
            while True:
                url, body = await queue.get()
                await self.deliver(web, url, body)

    async def deliver(self, web: httpx.AsyncClient, url: str, body: bytes) -> None:
        """Try until the address answers with success, a few times."""
        for pause in (*PAUSES, None):
            if await accepted(web, url, body):
                return
            if pause is None:
                logger.warning("A postback was given up after %d attempts", len(PAUSES) + 1)
                return
            await asyncio.sleep(pause)

    async def close(self) -> None:
        for worker in self.workers.values():
            worker.cancel()
        await asyncio.gather(*self.workers.values(), return_exceptions=True)


async def accepted(web: httpx.AsyncClient, url: str, body: bytes) -> bool:
    try:
        answer = await web.post(url, content=body, headers={"Content-Type": "application/json"})
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.is_success
