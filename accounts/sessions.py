"""Sessions whose keys the database knows only by their hash, and which end by the clock."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import Session, User
from accounts.visitors import address_of, browser_of, is_background

SEEN_EVERY = timedelta(minutes=1)


def hashed(key: str) -> str:
    """Turn a session key into what the database stores in its place."""
    return hashlib.sha256(key.encode()).hexdigest()[:40]


def ends_at(row: Session) -> datetime:
    """Tell when the session ends if nobody comes back: idle, or too old in any case."""
    idle = row.seen_at + timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    return min(idle, row.created_at + timedelta(hours=settings.SESSION_HOURS))


class SessionStore(db.SessionStore):
    """Django's database sessions, looked up by the hash of their key."""

    address: str | None = None
    browser = ""
    is_visit = False  # a person's request, not a socket or a page asking by itself
    row: Session | None = None
    started: tuple[int, datetime] | None = (
        None  # who logged in, and when: a new key changes neither
    )

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        self.row = Session.objects.alive().filter(session_key=hashed(self._key())).first()
        if self.row is None:
            self._session_key = None
            return None
        if self.row.user_id is not None:
            self.started = (self.row.user_id, self.row.created_at)
        if self.is_visit:
            self.extend(at_most_every=SEEN_EVERY)
        return self.row

    def extend(self, *, at_most_every: timedelta = timedelta(0)) -> None:
        """Count this moment as the last one somebody was there."""
        now, row = timezone.now(), self.row
        if row is None or row.user_id is None or now - row.seen_at < at_most_every:
            return
        row.seen_at = now
        row.expire_date = ends_at(row)
        Session.objects.filter(pk=row.pk).update(seen_at=now, expire_date=row.expire_date)

    @property
    def ends_in(self) -> int:
        """Count the seconds until the session ends, for the page's warning."""
        self.keys()  # loads what was not loaded yet
        if self.row is None:
            return 0
        return max(0, round((self.row.expire_date - timezone.now()).total_seconds()))

    def get_expiry_age(self, **options: Any) -> int:
        return settings.SESSION_HOURS * 3600  # of the cookie; the row knows better

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(session_key=hashed(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        key = hashed(self._get_or_create_session_key())  # type: ignore[attr-defined]
        user_id = int(data[SESSION_KEY]) if data.get(SESSION_KEY) else None
        row = self.row
        if row is None or row.session_key != key:
            row = Session(session_key=key, address=self.address, browser=self.browser)
        if user_id is not None:
            if self.started is None or self.started[0] != user_id:
                self.started = (user_id, timezone.now())
            row.created_at = self.started[1]
        row.user_id = user_id
        row.session_data = self.encode(data)
        row.expire_date = ends_at(row)
        self.row = row
        return row

    def delete(self, session_key: str | None = None) -> None:
        if session_key is not None:
            # The old key after a rotation: the browser goes on with the new one.
            Session.objects.filter(session_key=hashed(session_key)).delete()
        elif self.session_key is not None:
            Session.objects.filter(session_key=hashed(self.session_key)).end()

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.filter(expire_date__lt=timezone.now()).end()

    def _key(self) -> str:
        return self.session_key or ""

    # Django's asynchronous twins look the plain key up by themselves; ours do what the others do.

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()

    async def aexists(self, session_key: str) -> bool:
        return await sync_to_async(self.exists)(session_key)

    async def acreate(self) -> None:
        await sync_to_async(self.create)()

    async def asave(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        await sync_to_async(self.save)(must_create=must_create)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)

    async def _aget_session_from_db(self) -> Session | None:
        return await sync_to_async(self._get_session_from_db)()

    async def acreate_model_instance(self, data: dict[str, Any]) -> Session:
        return await sync_to_async(self.create_model_instance)(data)

    @classmethod
    async def aclear_expired(cls) -> None:
        await sync_to_async(cls.clear_expired)()


class SessionMiddleware(DjangoSessionMiddleware):
    """Django's, with our store, which hears who is there."""

    def process_request(self, request: HttpRequest) -> None:
        store = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        store.address = address_of(request)
        store.browser = browser_of(request)
        store.is_visit = not is_background(request)
        request.session = store

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        # A page that asks by itself may still have the key of a moment ago. Django would take the
        # cookie away, and with it the new key that the same browser was just given.
        if is_background(request) and request.session.is_empty():
            return response
        return super().process_response(request, response)


def is_alive(key_hash: str) -> bool:
    """Tell whether this session still lets its person in: for sockets, which outlive requests."""
    row = Session.objects.alive().select_related("user").filter(session_key=key_hash).first()
    if row is None or row.user is None or not row.user.is_active:
        return False
    data = SessionStore().decode(row.session_data)
    if not constant_time_compare(data.get(HASH_SESSION_KEY, ""), row.user.get_session_auth_hash()):
        return False
    from accounts.second_factor import is_missing

    return not is_missing(row.user, data)


def keep_only(request: HttpRequest, user: User) -> None:
    """End the person's other sessions, and give this one a new key."""
    user.sessions.exclude(session_key=hashed(request.session.session_key or "")).end()
    request.session.cycle_key()
