"""Fixtures for all tests."""

import os

import daphne.server  # noqa: F401 - takes Twisted's reactor before kiteconnect does
import pytest
import redis
from django.conf import settings
from django.core.cache import cache

LONG = (
    "tests/engine/test_crash",
    "tests/e2e/",
    "tests/desk/",
    "tests/engine/",
    "tests/paper/test_paper_doors",
)


def pytest_configure(config):
    # Hashed names need a collection first; the browser tests have one, these need none.
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }


def pytest_collection_modifyitems(items):
    """Begin with the files that take long, so that no worker is left alone with one at the end."""
    items.sort(
        key=lambda item: next(
            (rank for rank, part in enumerate(LONG) if part in str(item.path)), len(LONG)
        )
    )


def pytest_runtest_logreport(report):
    """Tell of a failure at once in CI: a run that is stopped early has told what it saw."""
    if report.failed and os.environ.get("CI") and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\n{report.nodeid} ({report.when})\n{report.longreprtext[-1500:]}", flush=True)  # noqa: T201


@pytest.fixture(autouse=True)
def empty_redis(request):
    """Give each test a Redis without yesterday's limits; browser tests have a desk of their own."""
    if "e2e" not in request.node.path.parts:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            client.flushdb()
    yield
    cache.close()
