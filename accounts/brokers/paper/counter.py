"""The paper exchange's counter: opens accounts and grants sessions to whoever holds its token."""

from typing import Any

import httpx

from accounts.brokers.errors import BrokerUnavailable, Refused
from accounts.brokers.paper.firstday import ask

SECONDS = 10.0
CASH = "1000000"


class Counter:
    """One exchange, reached by its control API."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def open_account(self, name: str) -> dict[str, str]:
        """Open an account with practice money; the answer holds all that logs it in."""
        return self.post("open a paper account", "accounts", {"name": name, "cash": CASH})

    def log_in(self, user_id: str, api_key: str) -> str:
        """Grant a session and give its access token."""
        wanted = {"user_id": user_id, "api_key": api_key}
        return str(self.post("log in", "sessions", wanted)["access_token"])

    def post(self, what: str, path: str, body: dict[str, str]) -> dict[str, Any]:
        headers = {"X-Paper-Token": self.token}
        try:
            with httpx.Client(
                base_url=self.url, headers=headers, timeout=SECONDS, trust_env=False
            ) as web:
                return ask(web, "POST", f"/paper/{path}", body)
        except httpx.HTTPStatusError as error:
            raise Refused(what, status=error.response.status_code) from error
        except httpx.HTTPError as error:
            raise BrokerUnavailable(what, text="the paper exchange does not answer") from error
