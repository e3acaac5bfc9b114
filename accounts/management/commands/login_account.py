"""Log an account in, or tell where a person does."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts import hand_off, logins, ways_in
from accounts.brokerage import BrokerAccount, Role
from accounts.brokers.errors import TradedeskError
from tradedesk.commands import JsonCommand

NOTHING_CAME = "the token is empty: pipe it in, or write it after the option"


class Command(JsonCommand):
    help = (
        "Logs an account in: paper money at once, an automatic account by itself, any account with "
        "--access-token or --request-token (- reads it from standard input, so that it stays out "
        "of the shell's history). Otherwise prints the address where its owner logs in."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("code", help="the account's code, as `accounts` lists it")
        given = parser.add_mutually_exclusive_group()
        given.add_argument(
            "--access-token", metavar="TOKEN", help="a session made elsewhere; - to pipe it"
        )
        given.add_argument(
            "--request-token", metavar="TOKEN", help="from the broker's page; - to pipe it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        account = linked(options["code"])
        try:
            if token := piped(options["access_token"]):
                ways_in.by_access_token(account, token)
            elif token := piped(options["request_token"]):
                ways_in.by_request_token(account, token)
            elif account.opened_here:
                ways_in.by_counter(account)
            elif not ways_in.why_not_alone(ways_in.fresh(account)):
                ways_in.alone(ways_in.fresh(account))
            else:
                self.tell_address(account, as_json=options["json"])
                return
        except TradedeskError as error:
            raise CommandError(str(error)) from error
        state = logins.state_of(ways_in.fresh(account)).value
        facts = {"code": account.code, "state": state}
        self.answer(facts, text=f"{account.code}: {state}", as_json=options["json"])

    def tell_address(self, account: BrokerAccount, *, as_json: bool) -> None:
        """Print where the owner logs in; the address is good for ten minutes and one log-in."""
        owner = account.memberships.filter(role=Role.OWNER).select_related("user").first()
        if owner is None:
            raise CommandError(f"{account.code} has no owner who could log it in")
        with ways_in.alone_with(account) as adapter:
            url = adapter.login_url(hand_off.begin(account, owner.user))
        text = (
            f"Open this within ten minutes in the browser in which {owner.user.email} is logged in "
            f"at {settings.SITE_URL}:\n{url}"
        )
        self.answer({"code": account.code, "login_url": url}, text=text, as_json=as_json)


def linked(code: str) -> BrokerAccount:
    """Find a linked account, or say which there are."""
    known = BrokerAccount.objects.linked().select_related("session", "credentials")
    account = known.filter(code=code).first()
    if account is None:
        codes = ", ".join(known.values_list("code", flat=True)) or "none is linked yet"
        raise CommandError(f"no account has the code {code!r}. There are: {codes}")
    return account


def piped(given: str | None) -> str:
    """Give what was given, or what comes on standard input for a dash."""
    if given is None:
        return ""
    if given == "-":
        given = "" if sys.stdin.isatty() else sys.stdin.readline()
    if not given.strip():  # an unset variable of a script must not log in some other way
        raise CommandError(NOTHING_CAME)
    return given.strip()
