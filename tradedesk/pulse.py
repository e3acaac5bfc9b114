"""Heartbeats: each long-running part says twice a second that it lives, and /readyz listens."""

import logging
import threading
import time
from typing import Any

import redis
from celery.signals import beat_init, worker_ready, worker_shutting_down
from django.conf import settings

logger = logging.getLogger(__name__)

EVERY = 0.5  # seconds between two beats
SILENT_AFTER = 2.5  # seconds until a part counts as dead: /readyz says so within three
stopping = threading.Event()


def connection(*, timeout: float = 1.0) -> "redis.Redis":
    """Open Redis for a short, bounded word."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        decode_responses=True,
        retry=None,
    )


def start(part: str) -> None:
    """Beat in the background for as long as the process lives."""
    threading.Thread(target=beat, args=[part], name="pulse", daemon=True).start()


def beat(part: str) -> None:
    client = connection()
    while not stopping.wait(EVERY):
        try:
            client.set(f"pulse:{part}", repr(time.time()), ex=60)
        except redis.RedisError:
            logger.debug("no heartbeat: Redis is away")


def ages(parts: list[str], client: "redis.Redis") -> dict[str, float | None]:
    """Tell how many seconds ago each part last beat."""
    now = time.time()
    beats = client.mget([f"pulse:{part}" for part in parts])
    return {part: now - float(at) if at else None for part, at in zip(parts, beats, strict=True)}


@worker_ready.connect(dispatch_uid="pulse")
def worker_started(sender: Any, **facts: Any) -> None:
    start("worker")


@beat_init.connect(dispatch_uid="pulse")
def beat_started(sender: Any, **facts: Any) -> None:
    start("beat")


@worker_shutting_down.connect(dispatch_uid="pulse")
def worker_stopping(sender: Any, **facts: Any) -> None:
    stopping.set()
