"""Forms that ask for what a broker wants to know; the brokers themselves say what that is."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.brokers.registry import PAPER, Field, Kind

PLACEHOLDER = re.compile(r"your[_-]", re.IGNORECASE)
ENVIRONMENTS = {
    "live": "Live: real money",
    "sandbox": "The broker's own sandbox",
    "paper": "This desk's paper exchange",
}
KEPT = "Stored. Leave it empty to keep it."


def form_field(field: Field, *, is_kept: bool = False) -> forms.CharField:
    """Make the input of one thing; a stored secret is never shown, only replaced."""
    attributes = {"autocomplete": "off", "spellcheck": "false"}
    widget = forms.PasswordInput if field.is_secret else forms.TextInput
    if field.is_secret:
        attributes["autocomplete"] = "new-password"
    return forms.CharField(
        label=field.label,
        required=field.is_required and not is_kept,
        max_length=200,
        help_text=KEPT if is_kept else field.help,
        widget=widget(attrs=attributes),
    )


def refuse_placeholder(value: str) -> None:
    if PLACEHOLDER.match(value):
        raise ValidationError(
            f"Not configured: “{value[:12]}…” is the placeholder of an example. Put the real value."
        )


def check_value(field: Field, value: str) -> None:
    """Refuse what cannot be right before anybody is asked."""
    refuse_placeholder(value)
    if value and field.shape and not re.fullmatch(field.shape, value):
        raise ValidationError(
            f"This is no {field.label}: it has {field.looks}. This one has {len(value)} characters."
        )


class FieldsOfKind(forms.Form):
    """The broker's own fields, checked one by one."""

    def __init__(
        self, *args: Any, kind: Kind, kept: frozenset[str] = frozenset(), **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.kind = kind
        self.asked = {field.name: field for field in self.fields_of(kind)}
        for field in self.asked.values():
            self.fields[field.name] = form_field(field, is_kept=field.name in kept)

    def fields_of(self, kind: Kind) -> tuple[Field, ...]:
        return kind.fields

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, field in self.asked.items():
            value = str(cleaned.get(name, "")).strip()
            cleaned[name] = value.replace(" ", "") if field.is_secret else value
            try:
                check_value(field, cleaned[name])
            except ValidationError as error:
                self.add_error(name, error)
        return cleaned

    def secrets(self) -> dict[str, str]:
        """Give what was told, the client id apart; what was left empty is not among it."""
        told = {name: self.cleaned_data.get(name, "") for name in self.asked}
        return {name: value for name, value in told.items() if value and name != "broker_user_id"}


class LinkForm(FieldsOfKind):
    """A new account."""

    environment = forms.ChoiceField(label="Where")
    name = forms.CharField(
        max_length=60, help_text="how the desk calls it, such as Anita Rao", required=False
    )
    tag = forms.CharField(
        max_length=2, required=False, help_text="two letters that mark its rows; made of the name"
    )

    def __init__(self, *args: Any, kind: Kind, **options: Any) -> None:
        super().__init__(*args, kind=kind, **options)
        offered = [one for one in kind.environments if one != PAPER or settings.PAPER_URL]
        choices = [(one, ENVIRONMENTS.get(one, one)) for one in offered]
        where = self.fields["environment"]
        assert isinstance(where, forms.ChoiceField)
        where.choices = choices
        self.order_fields(["environment", *self.asked, "name", "tag"])


class CredentialsForm(FieldsOfKind):
    """New credentials of a linked account; the client id stays what it is."""

    def fields_of(self, kind: Kind) -> tuple[Field, ...]:
        return tuple(field for field in kind.fields if field.name != "broker_user_id")


class AutomaticForm(forms.Form):
    """What the desk needs to log in without a person, and the owner's word that they know the risk."""

    password = forms.CharField(
        label="Password at the broker",
        max_length=200,
        validators=[refuse_placeholder],
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    totp_seed = forms.CharField(
        label="Authenticator seed",
        max_length=120,
        required=False,
        help_text="Without it a person types the code, once a day.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    understood = forms.BooleanField(
        label="I know that the exchanges want one log-in a day by a person, and that the broker may "
        "object to this."
    )

    def __init__(self, *args: Any, has_seed: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if has_seed:
            self.fields["totp_seed"].help_text = KEPT

    def clean_totp_seed(self) -> str:
        seed = str(self.cleaned_data["totp_seed"]).replace(" ", "").upper()
        if seed and not re.fullmatch(r"[A-Z2-7]{16,80}=*", seed):
            raise ValidationError("An authenticator seed has letters and the digits 2 to 7 only.")
        return seed
