"""Whose an account is: how its holder is related to us, and what they allowed in writing."""

from datetime import date
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from accounts import audit
from accounts.brokerage import BrokerAccount
from accounts.models import User

FACTS = ("relation", "authority", "authority_on")


@transaction.atomic
def keep_holder(account: BrokerAccount, *, actor: User, request: HttpRequest | None = None) -> None:
    """Keep what is known of the account's holder; what stood there before is in the audit."""
    before = BrokerAccount.objects.filter(pk=account.pk).values(*FACTS).get()
    account.save(update_fields=FACTS)
    after = {name: getattr(account, name) for name in FACTS}
    audit.record(
        "account.holder_changed",
        actor=actor,
        request=request,
        account=account,
        before=plain(before),
        after=plain(after),
    )


def plain(facts: dict[str, Any]) -> dict[str, str]:
    return {
        name: value.isoformat() if isinstance(value, date) else value or ""
        for name, value in facts.items()
    }
