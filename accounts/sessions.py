"""Sessions whose keys the database knows only by their hash."""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.utils import timezone

from accounts.models import Session


def hashed(key: str) -> str:
    """Turn a session key into what the database stores in its place."""
    return hashlib.sha256(key.encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    """Django's database sessions, looked up by the hash of their key."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        try:
            return Session.objects.get(
                session_key=hashed(self.session_key or ""), expire_date__gt=timezone.now()
            )
        except Session.DoesNotExist:
            self._session_key = None
            return None

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(session_key=hashed(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        key = hashed(self._get_or_create_session_key())  # type: ignore[attr-defined]
        row = Session.objects.filter(session_key=key).first() or Session(session_key=key)
        row.session_data = self.encode(data)
        row.expire_date = self.get_expiry_date()
        row.user_id = int(data["_auth_user_id"]) if data.get("_auth_user_id") else None
        return row

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            Session.objects.filter(session_key=hashed(key)).delete()


class SessionMiddleware(DjangoSessionMiddleware):
    """Django's, with our store."""


def is_alive(key_hash: str) -> bool:
    """Tell whether the session with this hash still stands."""
    return Session.objects.filter(session_key=key_hash, expire_date__gt=timezone.now()).exists()
