"""Ask the brokers whether they know the sessions that count as standing."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from accounts import lines, ways_in
from accounts.brokerage import BrokerAccount
from accounts.brokers import patience
from accounts.management.commands.accounts import facts
from accounts.management.commands.login_account import linked
from accounts.upkeep import CHECK_PATIENCE
from tradedesk.commands import JsonCommand

WORDS = {True: "the broker knows it", False: "not confirmed", None: "not logged in"}


class Command(JsonCommand):
    help = (
        "Asks the broker of each account that counts as logged in for its profile, and tells every "
        "account's state after it. Without codes: all linked accounts."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("codes", nargs="*", metavar="CODE", help="only these accounts")

    def handle(self, *args: Any, **options: Any) -> None:
        known = [linked(code) for code in options["codes"]]
        known = known or list(BrokerAccount.objects.linked().select_related("session"))
        rows = [verified(account) for account in known]
        text = "\n".join(map(in_words, rows)) or "No account is linked yet."
        self.answer(rows, text=text, as_json=options["json"])


def verified(account: BrokerAccount) -> dict[str, Any]:
    """Verify one account's session; `verified` is None where there was none to ask about."""
    session = getattr(account, "session", None)
    answer: bool | None = None
    if session is not None and session.stands(timezone.now()):
        with patience.within(CHECK_PATIENCE):
            answer = lines.verify(ways_in.fresh(account))
    account = ways_in.fresh(account)
    why = why_not(account) if answer is False else ""
    return facts(account, timezone.now()) | {"verified": answer, "why": why}


def why_not(account: BrokerAccount) -> str:
    """Say why the broker did not confirm: it called the session dead, or was not heard."""
    return (account.session.ended_at and account.session.ended_why) or account.last_error


def in_words(row: dict[str, Any]) -> str:
    why = f": {row['why']}" if row["why"] else ""
    return f"{row['code']}  {row['state']}  {WORDS[row['verified']]}{why}"
