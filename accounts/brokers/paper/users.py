"""Accounts, apps and sessions: who may come in, and for how long."""

import base64
import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from .calendar import next_roll
from .floor import Floor
from .profiles import full_profile, profile, session_object
from .state import Account, App, Session
from .terms import Command, Refusal
from .tickets import money
from .units import DAY, MINUTE, rupees

BAD_TOKEN = "Token is invalid or has expired."  # noqa: S105  a text, not a secret

# Ragged expiry: how long after the first death each kind of call still works.
RAGGED = {"quote": 0, "historical": 10 * MINUTE, "order": 20 * MINUTE, "socket": 45 * MINUTE}
RAGGED_EARLY = 40 * MINUTE  # the first calls die this long before the official hour


def secret(floor: Floor, *parts: Any) -> str:
    """Sixty-four hexadecimal digits nobody guesses who does not know the salt."""
    state = floor.state
    text = "\0".join(str(part) for part in (state.seed, state.salt, state.start, *parts))
    return sha256(text.encode()).hexdigest()


def open_account(floor: Floor, command: Command) -> Any:
    """Open an account with its app; the answer holds all its credentials."""
    args = command.args
    number = floor.number("user")
    user_id = str(args.get("user_id") or f"PA{number:04d}")
    if user_id in floor.state.accounts:
        raise Refusal("That user id is taken.")
    cash = money(args, "cash")
    account = floor.state.accounts[user_id] = Account(
        user_id=user_id,
        name=str(args.get("name") or user_id),
        password=str(args.get("password") or secret(floor, user_id, "password")[:12]),
        totp_secret=str(args.get("totp_secret") or _totp_secret(floor, user_id)),
        opened_at=floor.now,
        opening=cash,
        cash=cash,
        poa=bool(args.get("poa", True)),
    )
    app = _make_app(floor, user_id, args)
    account.postings.append([floor.now, cash, "Opening balance"])
    return {
        "user_id": user_id,
        "password": account.password,
        "totp_secret": account.totp_secret,
        "api_key": app.api_key,
        "api_secret": app.api_secret,
    }


def _make_app(floor: Floor, user_id: str, args: dict[str, Any]) -> App:
    app = App(
        api_key=str(args.get("api_key") or secret(floor, user_id, "key")[:16]),
        api_secret=str(args.get("api_secret") or secret(floor, user_id, "secret")[:32]),
        user=user_id,
        app_id=floor.number("app"),
        redirect_url=str(args.get("redirect_url") or ""),
        postback_url=str(args.get("postback_url") or ""),
    )
    floor.state.apps[app.api_key] = app
    return app


def _totp_secret(floor: Floor, user_id: str) -> str:
    raw = bytes.fromhex(secret(floor, user_id, "totp"))[:20]
    return base64.b32encode(raw).decode()


def request_token(floor: Floor, command: Command) -> Any:
    """The user has logged in for an app: a token to exchange, once and soon."""
    app = _app(floor, command.args.get("api_key"))
    user = str(command.args.get("user_id") or command.user)
    if app.user != user:
        raise Refusal("The user is not enabled for the app.", error_type="UserException")
    token = secret(floor, "request", floor.number("request"))[:32]
    until = floor.now + floor.rules.request_token_ms
    floor.state.request_tokens[token] = [app.api_key, user, until]
    return {"request_token": token}


def _app(floor: Floor, api_key: Any) -> App:
    found = floor.state.apps.get(str(api_key))
    if found is None:
        raise Refusal("Invalid `api_key`.", status=403, error_type="TokenException")
    return found


def _token_refusal(text: str) -> Refusal:
    return Refusal(text, status=403, error_type="TokenException")


def create_session(floor: Floor, command: Command) -> Any:
    """Exchange a request token, its use vouched for by the checksum, for a session."""
    args = command.args
    app = _app(floor, args.get("api_key"))
    given = str(args.get("request_token") or "")
    found = floor.state.request_tokens.get(given)
    if found is None or found[0] != app.api_key or found[2] < floor.now:
        raise _token_refusal(BAD_TOKEN)
    _check_sum(app, given, args.get("checksum"))
    del floor.state.request_tokens[given]
    return session_object(floor.account(app.user), _session_for(floor, app))


def _check_sum(app: App, token: str, given: Any) -> None:
    expected = sha256((app.api_key + token + app.api_secret).encode()).hexdigest()
    if not hmac.compare_digest(expected.encode(), str(given or "").encode()):
        raise _token_refusal("Invalid `checksum`.")


def grant_session(floor: Floor, command: Command) -> Any:
    """The session in force, or a new one; nobody else's ends by it."""
    app = _app(floor, command.args.get("api_key"))
    user = str(command.args.get("user_id") or command.user)
    if app.user != user:
        raise Refusal("The user is not enabled for the app.", error_type="UserException")
    found = _in_force(floor, app)
    session = found[-1] if found else _new_session(floor, app)
    return {"access_token": session.access_token}


def _in_force(floor: Floor, app: App) -> list[Session]:
    return [
        each
        for each in floor.state.sessions.values()
        if each.api_key == app.api_key and each.expires_at > floor.now
    ]


def _session_for(floor: Floor, app: App) -> Session:
    """What a login gives when a session may already be in force."""
    found = _in_force(floor, app)
    if found and floor.rules.relogin == "same_token":
        return found[-1]
    if floor.rules.relogin == "new_token_old_revoked":
        for each in found:
            del floor.state.sessions[each.access_token]
    return _new_session(floor, app)


def _new_session(floor: Floor, app: App) -> Session:
    number = floor.number("session")
    ragged = floor.rules.ragged_expiry
    expires = next_roll(floor.now) - (RAGGED_EARLY if ragged else 0)
    session = Session(
        access_token=secret(floor, "access", number)[:32],
        refresh_token=secret(floor, "refresh", number)[:32] if floor.rules.refresh_tokens else "",
        public_token=secret(floor, "public", number)[:32],
        user=app.user,
        api_key=app.api_key,
        created_at=floor.now,
        expires_at=expires if expires > floor.now else expires + DAY,
        ragged=ragged,
    )
    floor.state.sessions[session.access_token] = session
    return session


def invalidate(floor: Floor, command: Command) -> Any:
    """Log out."""
    args, sessions = command.args, floor.state.sessions
    for session in list(sessions.values()):
        if session.access_token == args.get("access_token") or (
            session.refresh_token and session.refresh_token == args.get("refresh_token")
        ):
            del sessions[session.access_token]
            floor.tell("tokens_expired", session.user, {"access_tokens": [session.access_token]})
    return True


def renew(floor: Floor, command: Command) -> Any:
    """Exchange a refresh token for a new session."""
    args = command.args
    app = _app(floor, args.get("api_key"))
    given = str(args.get("refresh_token") or "")
    found = next(
        (
            each
            for each in floor.state.sessions.values()
            if given and each.refresh_token == given and each.api_key == app.api_key
        ),
        None,
    )
    if found is None:
        raise _token_refusal(BAD_TOKEN)
    _check_sum(app, given, args.get("checksum"))
    del floor.state.sessions[found.access_token]
    session = _new_session(floor, app)
    return {
        "user_id": session.user,
        "access_token": session.access_token,
        "refresh_token": session.refresh_token,
    }


def expire_tokens(floor: Floor, command: Command) -> Any:
    """End sessions now: all at once, or one kind of call after the other."""
    user = str(command.args.get("user_id") or "")
    chosen = [each for each in floor.state.sessions.values() if user in ("", each.user)]
    for session in chosen:
        session.expires_at = floor.now
        session.ragged = bool(command.args.get("ragged"))
    forget_expired(floor)
    return True


def forget_expired(floor: Floor) -> None:
    """Drop the sessions for which nothing works any more, and say so."""
    ended: dict[str, list[str]] = {}
    for token, session in list(floor.state.sessions.items()):
        if not is_valid(session, "socket", floor.now):
            ended.setdefault(session.user, []).append(token)
            del floor.state.sessions[token]
        elif session.expires_at <= floor.now:
            floor.later(session.expires_at + RAGGED["socket"], "tokens")
    for user, tokens in ended.items():
        floor.tell("tokens_expired", user, {"access_tokens": tokens})
    for token, (_, _, until) in list(floor.state.request_tokens.items()):
        if until < floor.now:
            del floor.state.request_tokens[token]


def is_valid(session: Session, scope: str, at: int) -> bool:
    """Whether a token still opens this kind of call."""
    grace = RAGGED.get(scope, RAGGED["order"]) if session.ragged else 0
    return at < session.expires_at + grace


def find_session(
    floor: Floor, user: str, *, access_token: str, api_key: str | None = None, scope: str = "order"
) -> Any:
    """Whose token this is, or None."""
    session = floor.state.sessions.get(access_token)
    if session is None or not is_valid(session, scope, floor.now):
        return None
    if api_key is not None and api_key != session.api_key:
        return None
    return {
        "user_id": session.user,
        "api_key": session.api_key,
        "access_token": session.access_token,
        "expires_at": session.expires_at,
    }


def user_record(floor: Floor, user: str) -> Any:
    """What the login page needs to know: the password, the seed of the codes, the apps."""
    account = floor.state.accounts.get(user)
    if account is None:
        return None
    return {
        "user_id": user,
        "name": account.name,
        "password": account.password,
        "totp_secret": account.totp_secret,
        "apps": [each.api_key for each in floor.state.apps.values() if each.user == user],
    }


def app_record(floor: Floor, user: str, *, api_key: str) -> Any:
    """An app and its addresses, or None."""
    app = floor.state.apps.get(api_key)
    if app is None:
        return None
    return {
        "api_key": app.api_key,
        "api_secret": app.api_secret,
        "user_id": app.user,
        "app_id": app.app_id,
        "redirect_url": app.redirect_url,
        "postback_url": app.postback_url,
    }


def users(floor: Floor, user: str) -> Any:
    """All accounts, for the page about the exchange."""
    return [
        {"user_id": each.user_id, "name": each.name, "net": rupees(each.net)}
        for each in floor.state.accounts.values()
    ]


OPS: dict[str, Callable[[Floor, Command], Any]] = {
    "account.open": open_account,
    "session.request_token": request_token,
    "session.create": create_session,
    "session.grant": grant_session,
    "session.invalidate": invalidate,
    "session.renew": renew,
    "tokens.expire": expire_tokens,
}
QUERIES: dict[str, Callable[..., Any]] = {
    "session": find_session,
    "profile": lambda floor, user: profile(floor.account(user)),
    "profile.full": lambda floor, user: full_profile(floor.account(user)),
    "user": user_record,
    "app": app_record,
    "users": users,
}
