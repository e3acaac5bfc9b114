"""List the linked accounts and whether they are logged in."""

from typing import Any

from django.utils import timezone

from accounts.brokerage import BrokerAccount
from tradedesk.commands import JsonCommand
from tradedesk.times import iso


class Command(JsonCommand):
    help = "Lists the linked accounts, the oldest first, with their state and the end of their session."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        found = BrokerAccount.objects.linked().select_related("session")
        rows = [facts(account, now) for account in found]
        lines = ["  ".join(str(value or "-") for value in row.values()) for row in rows]
        text = "\n".join(lines) or "No account is linked yet."
        self.answer(rows, text=text, as_json=options["json"])


def facts(account: BrokerAccount, now: Any) -> dict[str, Any]:
    session = getattr(account, "session", None)
    return {
        "code": account.code,
        "name": account.name,
        "broker": account.broker,
        "environment": account.environment,
        "broker_user_id": account.broker_user_id,
        "state": account.state(now).value,
        "expires_at": iso(session.expires_at)
        if session is not None and session.stands(now)
        else None,
    }
