"""Logging in: the pages for people and the calls that automation makes."""

import secrets
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from accounts.brokers.paper.engine import Refusal

from . import pages
from .doorkeeper import COOKIE_SECONDS, Doorkeeper, Visit, same
from .messages import Answer, Request, encode, redirect
from .reading import Fields
from .routes import Call, Route

WRONG_PASSWORD: Final = "Invalid username or password."  # noqa: S105
WRONG_CODE: Final = "Invalid TOTP."
TOO_OFTEN: Final = "Too many wrong attempts. Try again in a few minutes."
NOT_ENABLED: Final = "The user is not enabled for the app."
GONE: Final = "This log-in has expired. Start again from your app."


class LoginDoor:
    """The routes of logging in."""

    def __init__(self, keeper: Doorkeeper) -> None:
        self.keeper = keeper

    def account(self, call: Call, user: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = call.clerk.exchange.query("user", user)
        return found

    def owner(self, call: Call, api_key: str) -> dict[str, Any] | None:
        """The account to whose user an app belongs."""
        found: dict[str, Any] | None = call.clerk.exchange.query("app", api_key=api_key)
        return found

    def password_is_right(self, call: Call, user: str, password: str) -> bool:
        """Check a password; wrong ones are counted."""
        account = self.account(call, user)
        right = account is not None and same(account["password"], password)
        if not right:
            self.keeper.mistake(user)
        return right

    def code_is_right(self, call: Call, user: str, code: str) -> bool:
        account = self.account(call, user)
        if account and self.keeper.code_is_right(user, account["totp_secret"], code):
            return True
        self.keeper.mistake(user)
        return False

    # The pages

    async def start(self, call: Call) -> Answer:
        """The page an app sends people to."""
        query = call.query()
        sess_id = query.maybe("sess_id")
        visit = self.keeper.visits.get(sess_id)
        if visit is None:
            return self.begin(call, query)
        return self.form(call, visit, pages.password_form(sess_id))

    def begin(self, call: Call, query: Fields) -> Answer:
        """Give the visit an id; who has logged in lately need not do it again."""
        api_key = query.maybe("api_key")
        if not api_key or self.owner(call, api_key) is None:
            wrong = pages.notice("Cannot log in", "Invalid `api_key`.")
            return pages.page(wrong, status=400)
        extra = parse_qsl(query.maybe("redirect_params"), keep_blank_values=True)
        state = query.maybe("state")
        if state:
            extra.append(("state", state))
        sess_id = self.keeper.visit(api_key, extra)
        user = self.cookie_user(call.request)
        if user:
            visit = self.keeper.visits[sess_id]
            visit.user, visit.confirmed = user, True
        here = urlencode({"api_key": api_key, "v": query.maybe("v", "3"), "sess_id": sess_id})
        return redirect(f"/connect/{'finish' if user else 'login'}?{here}")

    async def password(self, call: Call) -> Answer:
        form = call.form()
        sess_id, user = form.maybe("sess_id"), form.maybe("user_id").upper()
        visit = self.keeper.visits.get(sess_id)
        if visit is None:
            return pages.page(pages.notice("Start again", GONE), status=400)
        if self.keeper.blocked(user):
            return self.form(call, visit, pages.password_form(sess_id, TOO_OFTEN, user), 429)
        if not self.password_is_right(call, user, form.maybe("password")):
            return self.form(call, visit, pages.password_form(sess_id, WRONG_PASSWORD, user), 403)
        visit.user, visit.confirmed = user, False
        return self.form(call, visit, pages.code_form(sess_id))

    async def code(self, call: Call) -> Answer:
        form = call.form()
        sess_id = form.maybe("sess_id")
        visit = self.keeper.visits.get(sess_id)
        if visit is None or not visit.user:
            return pages.page(pages.notice("Start again", GONE), status=400)
        if self.keeper.blocked(visit.user):
            return self.form(call, visit, pages.code_form(sess_id, TOO_OFTEN), 429)
        if not self.code_is_right(call, visit.user, form.maybe("twofa_value")):
            return self.form(call, visit, pages.code_form(sess_id, WRONG_CODE), 403)
        visit.confirmed = True
        return await self.to_app(call, sess_id, *self.new_cookies(visit.user))

    async def cancel(self, call: Call) -> Answer:
        visit = self.keeper.visits.pop(call.form().maybe("sess_id"), None)
        owner = self.owner(call, visit.api_key) if visit else None
        if visit is None or owner is None or not owner["redirect_url"]:
            return pages.page(pages.notice("Log-in cancelled", "Nothing was done."))
        extra = [*visit.extra, ("action", "login"), ("status", "cancelled")]
        return redirect(with_query(owner["redirect_url"], extra))

    async def finish(self, call: Call) -> Answer:
        """Where the log-in ends; an address that automation passes through."""
        return await self.to_app(call, call.query().maybe("sess_id"))

    async def to_app(self, call: Call, sess_id: str, *cookies: str) -> Answer:
        """Send a confirmed user back to the app with a request token."""
        visit = self.keeper.visits.get(sess_id)
        owner = self.owner(call, visit.api_key) if visit else None
        if visit is None or owner is None or not visit.confirmed:
            return pages.page(pages.notice("Start again", GONE), status=400)
        if owner["user_id"] != visit.user:
            return pages.page(pages.notice("Not allowed", NOT_ENABLED), status=403)
        granted = await call.clerk.carry_out(
            "session.request_token", {"api_key": visit.api_key}, visit.user
        )
        token = granted["request_token"]
        del self.keeper.visits[sess_id]
        if not owner["redirect_url"]:
            shown = pages.notice("Logged in", f"The app has no address. Request token: {token}")
            return pages.page(shown)
        extra = [
            *visit.extra,
            ("action", "login"),
            ("type", "login"),
            ("status", "success"),
            ("request_token", token),
        ]
        return redirect(with_query(owner["redirect_url"], extra), *cookies)

    def form(self, call: Call, visit: Visit, html: str, status: int = 200) -> Answer:
        owner = self.owner(call, visit.api_key)
        address = urlsplit(owner["redirect_url"]) if owner else None
        targets = [f"{address.scheme}://{address.netloc}"] if address and address.netloc else []
        return pages.page(html, status=status, form_targets=targets)

    # Cookies of a finished log-in

    def new_cookies(self, user: str) -> list[str]:
        enctoken = self.keeper.issue_cookie(user)
        public = secrets.token_urlsafe(24)
        ends = f"; Path=/; SameSite=Lax; Max-Age={COOKIE_SECONDS}"
        return [
            f"enctoken={enctoken}{ends}; HttpOnly",
            f"public_token={public}{ends}",
            f"user_id={user}{ends}",
        ]

    def cookie_user(self, request: Request) -> str:
        found = self.keeper.cookies.get(request.cookies().get("enctoken", ""))
        return found.user if found and self.keeper.now() - found.started < COOKIE_SECONDS else ""

    # The same for programs

    async def api_login(self, call: Call) -> Any:
        form = call.form()
        user, password = form.text("user_id").upper(), form.text("password")
        if self.keeper.blocked(user):
            raise Refusal(TOO_OFTEN, status=429, error_type="NetworkException")
        if not self.password_is_right(call, user, password):
            raise Refusal(WRONG_PASSWORD, status=403, error_type="UserException")
        request_id = self.keeper.expect_code(user)
        return {
            "user_id": user,
            "request_id": request_id,
            "twofa_type": "totp",
            "twofa_types": ["totp"],
            "twofa_status": "active",
        }

    async def api_twofa(self, call: Call) -> Answer:
        form = call.form()
        user = form.text("user_id").upper()
        waiting = self.keeper.pending.get(form.text("request_id"))
        if waiting is None or waiting.user != user:
            raise Refusal("Invalid `request_id`.", status=403, error_type="TwoFAException")
        if self.keeper.blocked(user):
            raise Refusal(TOO_OFTEN, status=429, error_type="NetworkException")
        if not self.code_is_right(call, user, form.text("twofa_value")):
            raise Refusal(WRONG_CODE, status=403, error_type="TwoFAException")
        self.keeper.pending.pop(form.text("request_id"), None)
        cookies = tuple(("Set-Cookie", cookie) for cookie in self.new_cookies(user))
        return Answer(encode({"status": "success", "data": {"profile": {}}}), headers=cookies)

    def routes(self) -> list[Route]:
        def route(method: str, path: str, handler: Any) -> Route:
            return Route("login", method, path, handler, kind="none", signed=False)

        return [
            route("GET", "/connect/login", self.start),
            route("POST", "/connect/login", self.password),
            route("POST", "/connect/twofa", self.code),
            route("POST", "/connect/cancel", self.cancel),
            route("GET", "/connect/finish", self.finish),
            route("POST", "/api/login", self.api_login),
            route("POST", "/api/twofa", self.api_twofa),
        ]


def with_query(url: str, extra: list[tuple[str, str]]) -> str:
    """The address with these parameters added to those it has."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True) + extra
    return urlunsplit(parts._replace(query=urlencode(query)))
