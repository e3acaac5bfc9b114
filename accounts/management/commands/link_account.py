"""Link an account by command: asks for what the broker wants to know, or takes it from the environment."""

import getpass
import os
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from accounts import linking
from accounts.brokerage import BrokerAccount
from accounts.brokers.registry import Kind, kind, kinds
from accounts.link_forms import LinkForm, refuse_placeholder
from accounts.models import User
from accounts.people import person
from tradedesk.commands import JsonCommand

FROM_ENVIRONMENT = {
    "broker_user_id": "USER_ID",
    "api_key": "API_KEY",
    "api_secret": "API_SECRET",
    "password": "PASSWORD",
    "totp_seed": "TOTP_SECRET",
}
NEEDED = ("broker_user_id", "api_key", "api_secret")
PREFIXES = ("KITE", "ZERODHA")


class Command(JsonCommand):
    help = (
        "Links an account. Secrets are asked for, never taken from the command line; --from-env "
        "takes them from KITE_API_KEY, KITE_API_SECRET, KITE_USER_ID, KITE_PASSWORD and "
        "KITE_TOTP_SECRET (or ZERODHA_…). Run again, it changes only what is new."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--broker", default="kite", choices=[one.name for one in kinds()])
        parser.add_argument(
            "--environment", default="live", help="live (the default), sandbox or paper"
        )
        parser.add_argument("--owner", help="the owner's e-mail; the desk's first owner otherwise")
        parser.add_argument("--name", default="", help="how the desk calls the account")
        parser.add_argument(
            "--from-env", action="store_true", help="take the credentials from the environment"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = kind(options["broker"])
        told = from_environment() if options["from_env"] else asked(chosen)
        password = told.pop("password", "")
        form = LinkForm(
            {**told, "environment": options["environment"], "name": options["name"]}, kind=chosen
        )
        if not form.is_valid():
            raise CommandError(mistakes(form, from_env=options["from_env"]))
        try:
            refuse_placeholder(password)  # the form does not ask for it
        except ValidationError as error:
            raise CommandError(f"KITE_PASSWORD: {error.message}") from error
        secrets = form.secrets() | ({"password": password} if password else {})
        account, what = link(chosen, form.cleaned_data, secrets, owner_of(options["owner"]))
        facts = {"code": account.code, "what": what}
        text = f"{account.code}: {what}. Log it in: python3 manage.py login_account {account.code}"
        self.answer(facts, text=text, as_json=options["json"])


def link(
    chosen: Kind, told: dict[str, str], secrets: dict[str, str], owner: User
) -> tuple[BrokerAccount, str]:
    """Link the account, or give the linked one what is new."""
    user_id = told["broker_user_id"].upper()
    known = BrokerAccount.objects.linked().filter(
        broker=chosen.name, environment=told["environment"], broker_user_id__iexact=user_id
    )
    if (account := known.first()) is None:
        account = linking.keep(
            owner=owner, broker=chosen.name, environment=told["environment"],
            broker_user_id=user_id, name=told["name"], secrets=secrets,
        )  # fmt: skip
        return account, "linked"
    changed = linking.change_credentials(account, changed=secrets)
    return account, f"changed {', '.join(changed)}" if changed else "nothing new"


def from_environment() -> dict[str, str]:
    """Read the credentials under either of their two families of names."""
    found = {}
    for name, suffix in FROM_ENVIRONMENT.items():
        names = [f"{prefix}_{suffix}" for prefix in PREFIXES]
        values = [os.environ.get(one, "").strip() for one in names]
        found[name] = next(filter(None, values), "")
    missing = [f"KITE_{FROM_ENVIRONMENT[name]}" for name in NEEDED if not found[name]]
    if missing:
        raise CommandError(f"not set in the environment: {', '.join(missing)} (or ZERODHA_…)")
    return found


def asked(chosen: Kind) -> dict[str, str]:
    """Ask on the terminal; what is secret is not shown while it is typed."""
    if not sys.stdin.isatty():
        raise CommandError("there is no terminal to ask on: use --from-env")
    found = {}
    for field in chosen.fields:
        ask = getpass.getpass if field.is_secret else input
        found[field.name] = ask(
            f"{field.label}{'' if field.is_required else ' (optional)'}: "
        ).strip()
    return found


def mistakes(form: LinkForm, *, from_env: bool) -> str:
    """Say what is wrong with each value, under the name the person knows it by."""
    lines = []
    for name, errors in form.errors.items():
        shown = f"KITE_{FROM_ENVIRONMENT[name]}" if from_env and name in FROM_ENVIRONMENT else name
        lines += [f"{shown}: {error}" for error in errors]
    return "\n".join(lines)


def owner_of(email: str | None) -> User:
    if email:
        return person(email)
    owner = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if owner is None:
        raise CommandError("nobody owns this desk yet: start it once, or give --owner")
    return owner
