"""A hundred open tabs of one account, on a whole desk: its broker is asked as if there were one."""

import asyncio
import collections
import logging
import time

import httpx
import pytest
from django.conf import settings

from tradedesk.bench.browser import SignedIn
from tradedesk.bench.day import CODE, Exchange

logger = logging.getLogger(__name__)
TABS = 100
WATCHED_SECONDS = 15
PANELS = ("orders", "positions", "funds", "holdings")
# The exchange's name of the call that brings each part.
ROUTES = {
    "orders": "orders",
    "trades": "trades",
    "positions": "positions",
    "funds": "margins",
    "holdings": "holdings",
}


class Tab:
    """One open page: it asks for each panel at the panel's own pace, with what it has seen."""

    def __init__(self, web, answers, seen):
        self.web, self.answers, self.seen = web, answers, seen

    async def watch(self, name, until):
        seen = self.seen[name]
        while time.monotonic() < until:
            answer = await self.web.get(f"/a/{CODE}/{name}/", headers=seen)
            self.answers[answer.status_code] += 1
            seen = {"If-None-Match": answer.headers["ETag"]}
            left = until - time.monotonic()
            await asyncio.sleep(max(0, min(settings.REFRESH_SECONDS[name], left)))


async def watch(desk, cookie):
    """Leave the tabs open for a while; they show what there is, and were opened one by one."""
    answers: collections.Counter[int] = collections.Counter()
    headers = {"Cookie": cookie, "HX-Request": "true", "HX-Request-Type": "partial"}
    limits = httpx.Limits(max_connections=TABS)
    async with httpx.AsyncClient(
        base_url=desk.url, headers=headers, limits=limits, timeout=60, trust_env=False
    ) as web:
        first = {name: await web.get(f"/a/{CODE}/{name}/") for name in PANELS}
        seen = {name: {"If-None-Match": told.headers["ETag"]} for name, told in first.items()}
        until = time.monotonic() + WATCHED_SECONDS
        async with asyncio.TaskGroup() as open_tabs:
            for _ in range(TABS):
                tab = Tab(web, answers, seen)
                for name in PANELS:
                    open_tabs.create_task(tab.watch(name, until))
                await asyncio.sleep(0.03)
    return answers


@pytest.fixture
def counted(desk):
    """Have the exchange count what it is asked: a delay of nothing tells how often it struck."""
    with Exchange(desk) as exchange:
        user = exchange.account["user_id"]
        rules = [
            {"effect": "delay_before_acceptance", "ms": 0, "route": route, "user_id": user}
            for route in ROUTES.values()
        ]
        numbers = exchange.control("POST", "faults", {"rules": rules})["rules"]

        def calls():
            hits = {rule["id"]: rule["hits"] for rule in exchange.control("GET", "faults")["rules"]}
            return {part: hits[rule["id"]] for part, rule in zip(ROUTES, numbers, strict=True)}

        yield calls
        exchange.control("DELETE", "faults")


def test_a_hundred_tabs_cost_the_broker_what_one_does(desk, counted):
    assert desk.manage("sync", CODE).returncode == 0
    with SignedIn(desk) as browser:
        before, began = counted(), time.monotonic()

        answers = asyncio.run(watch(desk, browser.cookie_header()))

        seconds = time.monotonic() - began
        calls = {part: number - before[part] for part, number in counted().items()}
    logger.warning("%d answers in %.1f s: %s; calls: %s", answers.total(), seconds, answers, calls)
    assert set(answers) <= {200, 304}
    assert answers.total() >= TABS * len(PANELS)
    for part, number in calls.items():
        # One more where the watch began, and one of the sync that goes on whoever watches.
        assert number <= seconds / (settings.REFRESH_SECONDS[part] - 0.5) + 2, (part, calls)
    assert calls["orders"] >= 2, "nobody renewed what was watched"
