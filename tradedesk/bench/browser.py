"""A browser without a screen, as a measurement or a test needs it."""

import http.client
import re
import time
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlencode

from tradedesk.desk.throwaway import RunningDesk


@dataclass(frozen=True)
class Told:
    """What the desk answered."""

    status: int
    headers: Message
    text: str


class SignedIn:
    """One connection, the owner's cookies."""

    def __init__(self, desk: RunningDesk) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=10)
        self.origin = desk.url
        self.cookies: dict[str, str] = {}
        email, password = desk.first_login()
        page = self.ask("GET", "/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, "the log-in page has no form"
        form = {"csrfmiddlewaretoken": token[1], "login": email, "password": password}
        status = self.ask("POST", "/login/", urlencode(form)).status
        assert status == 302, f"the log-in answered {status}"

    def __enter__(self) -> "SignedIn":
        return self

    def __exit__(self, *facts: object) -> None:
        self.connection.close()

    def get(self, path: str) -> str:
        told = self.ask("GET", path)
        assert told.status == 200, f"{path} answered {told.status}"
        return told.text

    def timed(self, path: str) -> float:
        began = time.perf_counter()
        self.get(path)
        return time.perf_counter() - began

    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def ask(self, method: str, path: str, body: str | None = None, **more: str) -> Told:
        """Ask as a browser does; `more` are headers, written with low lines."""
        headers = {"Cookie": self.cookie_header()}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Referer": self.origin}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.split(";", 1)[0].partition("=")
            self.cookies[name] = value
        return Told(answer.status, answer.headers, answer.read().decode())
