"""The rows of `manage.py bench`, in one list: a later row is one more line here."""

import http.client
import re
import statistics
import time
from urllib.parse import urlencode

from tradedesk.bench import REPETITIONS, Found, Row, Stage, instruments, paper
from tradedesk.desk.throwaway import RunningDesk, start_desk, throwaway_place, wait_until

REQUESTS = 60


def desk_again(stage: Stage) -> Found:
    """Start a desk on a home that exists, until it is ready."""
    with throwaway_place() as place:
        took = []
        for _ in range(REPETITIONS + 1):
            began = time.perf_counter()
            desk = start_desk(place / "home")
            try:
                wait_until(desk.is_ready, seconds=120, every=0.02)
                took.append(time.perf_counter() - began)
            finally:
                desk.stop()
    return Found(took[1:], {"first_start_s": round(took[0], 3)})


def home_page(stage: Stage) -> Found:
    """Fetch the dashboard as somebody who is logged in."""
    browser = stage.stack.enter_context(SignedIn(stage.desk))
    browser.get("/")
    medians, worst = [], 0.0
    for _ in range(REPETITIONS):
        times = [browser.timed("/") for _ in range(REQUESTS)]
        medians.append(statistics.median(times) * 1000)
        worst = max(worst, *times)
    return Found(
        medians, {"requests": REQUESTS * REPETITIONS, "slowest_ms": round(worst * 1000, 1)}
    )


class SignedIn:
    """A browser without a screen: one connection, the owner's cookies."""

    def __init__(self, desk: RunningDesk) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=10)
        self.origin = desk.url
        self.cookies: dict[str, str] = {}
        email, password = desk.first_login()
        _, page = self.request("GET", "/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, "the log-in page has no form"
        form = {"csrfmiddlewaretoken": token[1], "login": email, "password": password}
        status, _ = self.request("POST", "/login/", urlencode(form))
        assert status == 302, f"the log-in answered {status}"

    def __enter__(self) -> "SignedIn":
        return self

    def __exit__(self, *facts: object) -> None:
        self.connection.close()

    def get(self, path: str) -> str:
        status, page = self.request("GET", path)
        assert status == 200, f"{path} answered {status}"
        return page

    def timed(self, path: str) -> float:
        began = time.perf_counter()
        self.get(path)
        return time.perf_counter() - began

    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def request(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        headers = {"Cookie": self.cookie_header()}
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Referer": self.origin}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.split(";", 1)[0].partition("=")
            self.cookies[name] = value
        return answer.status, answer.read().decode()


ROWS = [
    Row("desk_again", "a desk on an existing home, until ready", "s", 10, desk_again),
    # 60 ms is the goal with accounts on the page; it has none yet.
    Row("home_page", "the dashboard, logged in, median", "ms", 30, home_page),
    Row(
        "paper_engine",
        "order commands of the exchange",
        "/s",
        20_000,
        paper.paper_engine,
        more_is_better=True,
    ),
    Row(
        "paper_http",
        "orders at the exchange by HTTP",
        "/s",
        400,
        paper.paper_http,
        more_is_better=True,
    ),
    Row("paper_ticks", "3,000 full ticks a second to 10 sockets", "cores", 1, paper.paper_ticks),
    Row(
        "instrument_load",
        "110,000 instruments into the table",
        "s",
        10,
        instruments.instrument_load,
    ),
    Row("instrument_search", "a search in them, p99", "ms", 15, instruments.instrument_search),
]
