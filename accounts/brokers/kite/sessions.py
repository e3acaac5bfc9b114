"""Logging in and out at Kite."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from accounts.brokers.kite.client import Client, reading, writing
from accounts.brokers.kite.rows import profile_from
from accounts.brokers.kite.values import ist, text
from accounts.brokers.kite.web_login import WebLogin
from accounts.brokers.types import BrokerSession, Profile


class Sessions(Client):
    """The redirect log-in, and the session it gives."""

    def login_url(self, state: str) -> str:
        """Tell where a person logs in. Kite hands `redirect_params` back on the way home."""
        echoed = urlencode({"redirect_params": urlencode({"state": state})})
        return f"{self.kite.login_url()}&{echoed}"

    def exchange(self, request_token: str, api_secret: str) -> BrokerSession:
        """Turn the request token into a session, under which every later call is made."""
        with writing("exchange the request token"):
            return self.session_from(self.kite.generate_session(request_token, api_secret))

    def refresh(self, refresh_token: str, api_secret: str) -> BrokerSession:
        """Get a new session for an old one; only approved platforms are given refresh tokens."""
        with writing("refresh the session"):
            return self.session_from(self.kite.renew_access_token(refresh_token, api_secret))

    def log_in_alone(self, user_id: str, password: str, code: str) -> str:
        """Go through the log-in page by program and return with a request token."""
        with writing("log in"):
            visit = WebLogin(self.place_of_business, self.kite.login_url(), self.kite.patience)
            return visit.request_token(user_id, password, code)

    def session_from(self, answer: dict[str, Any]) -> BrokerSession:
        logged_in_at = ist(answer.get("login_time")) or datetime.now(UTC)
        return BrokerSession(
            user_id=text(answer["user_id"]),
            access_token=text(answer["access_token"]),
            refresh_token=text(answer.get("refresh_token")),
            logged_in_at=logged_in_at,
            expires_at=self.offers.session.expires_at(logged_in_at),
            profile=profile_from(answer) if "user_name" in answer else None,
        )

    def profile(self) -> Profile:
        with reading("read the profile"):
            return profile_from(self.kite.profile())

    def logout(self) -> None:
        """End the session at Kite; the log-in on its web page stays."""
        self.kite.invalidate_access_token()
        self.kite.set_access_token(None)
