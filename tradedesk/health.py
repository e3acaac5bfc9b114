"""Is the process alive, is the desk ready, what do its numbers say."""

import ipaddress
import secrets
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import Any

import httpx
import psycopg
import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import keys
from orders.engine import measures, partitions
from tradedesk import database, metrics, pulse
from tradedesk.errors import OUTAGES

PATIENCE = 1.5  # seconds that a check may take before its part counts as dead
checkers = ThreadPoolExecutor(max_workers=12, thread_name_prefix="ready")


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer as long as this process can."""
    return JsonResponse({"ok": True})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Say of each part whether it works and how old that news is; 503 when one does not."""
    parts = look()
    ready = all(part["ok"] for part in parts.values())
    response = JsonResponse({"ready": ready, "parts": parts}, status=200 if ready else 503)
    response["Cache-Control"] = "no-store"
    return response


def look() -> dict[str, dict[str, Any]]:
    """Ask every part at once how it is; who does not answer in time counts as dead."""
    started = {name: checkers.submit(timed, check) for name, check in CHECKS.items()}
    parts = {}
    for name, future in started.items():
        try:
            parts[name] = future.result(timeout=PATIENCE)
        except TooLate:
            parts[name] = {"ok": False, "why": f"no answer within {PATIENCE} s"}
    return parts


@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """Show the numbers to this machine and to whoever holds the token."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token = settings.METRICS_TOKEN
    if not is_local(request) and not (token and secrets.compare_digest(given, token)):
        return HttpResponse(
            "Metrics are open to this machine, or with METRICS_TOKEN.\n", status=403
        )
    return HttpResponse(
        metrics.exposition(measures.Standing()),
        content_type="text/plain; version=0.0.4; charset=utf-8",
    )


def is_local(request: HttpRequest) -> bool:
    address = request.META.get("REMOTE_ADDR", "")
    return bool(address) and ipaddress.ip_address(address).is_loopback


def timed(check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        found = check()
    except (*OUTAGES, DatabaseError, psycopg.Error, redis.RedisError, OSError) as error:
        found = {
            "ok": False,
            "why": str(error).strip().splitlines()[0][:200] or type(error).__name__,
        }
    return {**found, "took_ms": round((time.perf_counter() - began) * 1000, 1)}


def check_postgres() -> dict[str, Any]:
    """Ask over a connection of its own: a full pool is not a dead server."""
    with database.connect(connect_timeout=1) as plain:
        plain.execute("select 1")
    return {"ok": True, "age_s": 0.0}


def check_redis() -> dict[str, Any]:
    with pulse.connection() as client:
        client.ping()
    return {"ok": True, "age_s": 0.0}


migrated: list[float] = []  # when it was found complete; code and schema change only by a restart


def check_migrations() -> dict[str, Any]:
    if not migrated:
        try:
            executor = MigrationExecutor(connection)
            pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        finally:
            connection.close()
        if pending:
            return {"ok": False, "why": f"{len(pending)} migrations are pending: run migrate"}
        migrated.append(time.time())
    return {"ok": True, "age_s": round(time.time() - migrated[0], 1)}


opened: list[float] = []  # when our keys opened what is stored; keys change only by a restart


def check_our_keys() -> dict[str, Any]:
    if not opened:
        try:
            keys.check_keys()
        except keys.WrongKey:
            return {
                "ok": False,
                "why": "the encryption key is not the one secrets were sealed with",
            }
        finally:
            connection.close()
        opened.append(time.time())
    return {"ok": True, "age_s": round(time.time() - opened[0], 1)}


def check_months() -> dict[str, Any]:
    """See whether the tables that are cut by month are ready for the next one."""
    try:
        lacking = partitions.lacking(timezone.now())
    finally:
        connection.close()
    why = {"why": f"no table for next month yet: {', '.join(lacking)}"} if lacking else {}
    return {"ok": not lacking, "age_s": 0.0, **why}


def check_part(part: str) -> Callable[[], dict[str, Any]]:
    def check() -> dict[str, Any]:
        with pulse.connection() as client:
            age = pulse.ages([part], client)[part]
        if age is None:
            return {"ok": False, "why": "never heard of"}
        alive = age < pulse.SILENT_AFTER
        return {"ok": alive, "age_s": round(age, 2)} | ({} if alive else {"why": "silent"})

    return check


def check_disk() -> dict[str, Any]:
    free = (
        shutil.disk_usage(settings.HOME.path if settings.HOME.path.exists() else "/").free // 2**20
    )
    enough = free >= settings.DISK_LEAST_MEGABYTES
    return {"ok": enough, "free_mb": free, "age_s": 0.0} | (
        {} if enough else {"why": "the disk is nearly full"}
    )


def check_paper() -> dict[str, Any]:
    try:
        httpx.get(settings.PAPER_URL, timeout=PATIENCE - 0.2, trust_env=False)
    except httpx.HTTPError as error:
        return {"ok": False, "why": str(error) or type(error).__name__}
    return {"ok": True, "age_s": 0.0}


CHECKS: dict[str, Callable[[], dict[str, Any]]] = {
    "postgres": check_postgres,
    "redis": check_redis,
    "migrations": check_migrations,
    "keys": check_our_keys,
    "months": check_months,
    "worker": check_part("worker"),
    "stream": check_part("stream"),
    "beat": check_part("beat"),
    "disk": check_disk,
} | ({"paper": check_paper} if settings.PAPER_URL else {})
