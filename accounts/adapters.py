"""How allauth behaves here: our words, our limits, our keys, no sign-up."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import passwords, throttle
from accounts.models import User
from accounts.second_factor import KEPT_PLACE
from accounts.vault import seal, unseal

WRONG_PASSWORD = "The e-mail or the password is not right."  # noqa: S105 - a sentence
WRONG_CODE = "This code is not right, or was used already. Wait for the next one."

# allauth names its messages by template; what is not here is not said.
SAID = {
    "account/messages/logged_out.txt": "You are logged out.",
    "account/messages/password_changed.txt": "The password is changed. Your other browsers are logged out.",
    "mfa/messages/totp_deactivated.txt": "The authenticator app is removed. Your other browsers are logged out.",
    "mfa/messages/webauthn_added.txt": "The passkey is added. Your other browsers are logged out.",
    "mfa/messages/webauthn_removed.txt": "The passkey is removed. Your other browsers are logged out.",
}


class AccountAdapter(DefaultAccountAdapter):
    """Log-in, passwords and re-authentication."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": WRONG_PASSWORD,
        "incorrect_password": "The password is not right.",
        "enter_current_password": "This is not your current password.",
        "incorrect_code": WRONG_CODE,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_ajax(self, request: HttpRequest) -> bool:
        return False  # its JSON answers echo the whole form

    def is_safe_url(self, url: str | None) -> bool:
        """Follow `next` to this very host and port only."""
        request = context.request
        return url_has_allowed_host_and_scheme(
            url, {request.get_host()}, require_https=request.is_secure()
        )

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        attempt = throttle.count(request, person=credentials.get("email", ""))
        user: User | None = super().authenticate(request, **credentials)
        if user:
            attempt.forgive()
        else:
            passwords.note_wrong(request, email=credentials.get("email", ""))
        return user

    def is_reauthentication_required(self, *, app: str, **options: Any) -> bool:
        """Ask again unless the person proved themself, by log-in or otherwise, moments ago."""
        request = context.request
        proofs = get_authentication_records(request, request.user)
        oldest = timezone.now().timestamp() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        return not any(proof["at"] > oldest for proof in proofs)

    def set_password(self, user: User, password: str) -> None:
        passwords.set_password(user, password, request=context.request)

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        words = message or SAID.get(message_template or "")
        if words:
            super().add_message(request, level, message=words, extra_tags=extra_tags)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return "/me/"


class MFAAdapter(DefaultMFAAdapter):
    """The second factor, its seeds encrypted with our keys."""

    error_messages = {**DefaultMFAAdapter.error_messages, "incorrect_code": WRONG_CODE}

    def encrypt(self, text: str) -> str:
        return seal(text, KEPT_PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, KEPT_PLACE)

    def get_totp_issuer(self) -> str:
        return "Tradedesk"

    def generate_authenticator_name(self, user: User, type: Any) -> str:
        return "Passkey"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "Tradedesk"}
