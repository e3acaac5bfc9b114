"""Turning what people type into values, with messages in plain words."""

from typing import Any, cast

from allauth.account import forms as account
from allauth.core import context
from allauth.mfa import signals
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as passkeys
from django import forms
from django.core.exceptions import ValidationError

from accounts import second_factor, throttle
from accounts.adapters import WRONG_CODE
from accounts.models import Invitation, User
from accounts.passwords import LONGEST
from tradedesk.errors import OUTAGES


def password_field(label: str, *, new: bool = False) -> forms.CharField:
    complete = "new-password" if new else "current-password"
    widget = forms.PasswordInput(attrs={"autocomplete": complete})
    return forms.CharField(label=label, widget=widget, strip=False, max_length=LONGEST)


def new_password_field(label: str = "New password") -> forms.CharField:
    field = account.SetPasswordField(
        label=label, max_length=LONGEST, help_text="At least 12 characters. A sentence is fine."
    )
    field.widget.attrs.pop("placeholder", None)
    return field  # type: ignore[no-any-return]


def code_field(label: str = "Code") -> forms.CharField:
    attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
    return forms.CharField(label=label, max_length=32, widget=forms.TextInput(attrs=attrs))


class LoginForm(account.LoginForm):  # type: ignore[misc]
    password = password_field("Password")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        widget = forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
        self.fields["login"] = forms.EmailField(label="E-mail", widget=widget)
        self.order_fields(["login", "password"])

    def clean_login(self) -> str:
        return str(self.cleaned_data["login"]).strip().lower()


class PasswordAgainForm(forms.Form):
    """The password once more, before something sensitive."""

    password = password_field("Password")

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        self.user = user
        super().__init__(*args, **options)

    def clean_password(self) -> str:
        return right_password(
            self.user, self.cleaned_data["password"], "The password is not right."
        )


class ChangePasswordForm(account.ChangePasswordForm):  # type: ignore[misc]
    oldpassword = password_field("Current password")
    password1 = new_password_field()
    password2 = password_field("New password again", new=True)

    def clean_oldpassword(self) -> str:
        old = self.cleaned_data["oldpassword"]
        return right_password(self.user, old, "This is not your current password.")


def right_password(user: User, password: str, otherwise: str) -> str:
    """Accept the person's own password, or count a wrong try."""
    attempt = throttle.count(context.request, person=user.email)
    if not user.check_password(password):
        raise ValidationError(otherwise)
    attempt.forgive()
    return password


class NewPasswordForm(account.PasswordVerificationMixin, forms.Form):  # type: ignore[misc]
    """A new password for somebody who came by a reset link."""

    password1 = new_password_field()
    password2 = password_field("New password again", new=True)

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        cast(account.SetPasswordField, self.fields["password1"]).user = user


class AcceptForm(NewPasswordForm):
    """A name and a password for somebody who was invited."""

    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    field_order = ["name", "password1", "password2"]


class EmailForm(forms.Form):
    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).strip().lower()


class InvitationForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Invitation
        fields = ["email"]
        widgets = {"email": forms.EmailInput(attrs={"autocomplete": "off"})}


class NameForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["name"]


class CodeForm(forms.Form):
    """A code of the app or a recovery code, at log-in."""

    code = code_field()
    again = False

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        self.user = user
        super().__init__(*args, **options)

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        attempt = throttle.count(context.request, person=self.user.email)
        self.authenticator = second_factor.spend_code(self.user, code)
        if self.authenticator is None:
            note_wrong_code(self.user, again=self.again)
            raise ValidationError(WRONG_CODE)
        attempt.forgive()
        self.authenticator.user = self.user
        return code

    def save(self) -> None:
        post_authentication(context.request, self.authenticator, reauthenticated=self.again)


class CodeAgainForm(CodeForm):
    """The same once more, before something sensitive."""

    again = True


def note_wrong_code(user: User, *, again: bool) -> None:
    """Tell whoever records it that a second factor was wrong."""
    signals.authentication_failed.send(
        sender=Authenticator,
        request=context.request,
        user=user,
        authenticator=None,
        reauthentication=again,
    )


class ActivateForm(forms.Form):
    """The first code of a new app, which proves that the seed arrived."""

    code = code_field("Code from the app")

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        self.user = user
        super().__init__(*args, **options)
        if self.is_bound:
            self.secret = second_factor.seed_in_waiting(context.request)
        else:
            self.secret = second_factor.new_seed(context.request)

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        attempt = throttle.count(context.request, person=self.user.email)
        self.step = second_factor.step_of(self.secret, code)
        if self.step is None:
            raise ValidationError("This code does not match. Check the clock of your phone.")
        attempt.forgive()
        return code


class PasskeyAnswer:
    """What a browser sends for a passkey is a stranger's JSON: whatever is wrong with it is refused."""

    def clean(self) -> Any:
        return self.checked(super().clean)  # type: ignore[misc]

    def clean_credential(self) -> Any:
        return self.checked(super().clean_credential)  # type: ignore[misc]

    def checked(self, read: Any) -> Any:
        try:
            return read()
        except (ValidationError, throttle.TooManyTries, *OUTAGES):
            raise
        except Exception as error:
            raise ValidationError("The passkey was not accepted. Try again.") from error


class AddPasskeyForm(PasskeyAnswer, passkeys._BaseAddWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(max_length=60, required=False, label="Name of the passkey")

    def clean_credential(self) -> Any:
        return self.cleaned_data["credential"]


class PasskeyForm(PasskeyAnswer, passkeys.AuthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class PasskeyAgainForm(PasskeyAnswer, passkeys.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class PasskeyLoginForm(PasskeyAnswer, passkeys.LoginWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Any:
        attempt = throttle.count(context.request)
        authenticator = super().clean_credential()
        attempt.forgive()
        return authenticator


class RenamePasskeyForm(passkeys.EditWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(max_length=60)
