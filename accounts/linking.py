"""Linking accounts to the desk, changing them, and taking them off again."""

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, logins, sharing
from accounts.brokerage import COLOURS, BrokerAccount, Credentials, LoginSession, Membership, Role
from accounts.models import User

# /accounts/link/ is a page; the others would look like the log-in of the desk itself.
TAKEN_BY_PAGES = {"link", "login", "logout", "signup"}


def link_paper(*, owner: User, request: HttpRequest | None = None) -> BrokerAccount:
    """Open an account with paper money, link it to its owner and log it in."""
    opened = logins.counter().open_account(owner.name or "Paper Trader")
    account = keep_paper(owner=owner, opened=opened, request=request)
    logins.log_in_paper(account, actor=owner, request=request)
    return account


@transaction.atomic
def keep_paper(
    *, owner: User, opened: dict[str, str], request: HttpRequest | None = None
) -> BrokerAccount:
    """Store an opened paper account; its secrets go into sealed fields only."""
    # Whoever links at the same moment waits here, so that codes and colours differ.
    User.objects.select_for_update().order_by("pk").first()
    count = BrokerAccount.objects.count()
    code = free_code("paper")
    number = code.partition("-")[2]
    account = BrokerAccount.objects.create(
        code=code,
        name=f"Paper {number}".strip(),
        tag=f"P{number}"[:2],
        colour=count % COLOURS + 1,
        broker="kite",
        environment="paper",
        broker_user_id=opened["user_id"],
    )
    Credentials.objects.create(
        account=account,
        api_key=opened["api_key"],
        api_secret=opened["api_secret"],
        password=opened["password"],
        totp_seed=opened["totp_secret"],
    )
    LoginSession.objects.create(account=account)
    Membership.objects.create(account=account, user=owner, role=Role.OWNER)
    facts = {"broker": "kite", "environment": "paper", "client_id": account.broker_user_id}
    sharing.tell(account)
    audit.record("account.linked", actor=owner, request=request, object=code, after=facts)
    return account


def free_code(wanted: str) -> str:
    """Find a code nobody ever had: wanted, wanted-2, wanted-3 …"""
    taken = set(BrokerAccount.objects.values_list("code", flat=True)) | TAKEN_BY_PAGES
    code, number = wanted, 1
    while code in taken:
        number += 1
        code = f"{wanted}-{number}"
    return code


@transaction.atomic
def set_paused(
    account: BrokerAccount,
    *,
    paused: bool,
    actor: User,
    why: str = "",
    request: HttpRequest | None = None,
) -> None:
    """Stop orders to this account, or let them leave again; who did it, when and why stands there."""
    account.paused_at = timezone.now() if paused else None
    account.paused_by = actor if paused else None
    account.paused_why = why if paused else ""
    account.save(update_fields=["paused_at", "paused_by", "paused_why"])
    what = "account.paused" if paused else "account.resumed"
    after = {"why": why} if why else None
    audit.record(what, actor=actor, request=request, account=account, after=after)
    logins.announce(account)


@transaction.atomic
def rename(account: BrokerAccount, *, actor: User, request: HttpRequest | None = None) -> None:
    """Keep the account's new name, tag and colour."""
    account.save(update_fields=["name", "tag", "colour"])
    after = {"name": account.name, "tag": account.tag, "colour": account.colour}
    audit.record("account.renamed", actor=actor, request=request, object=account.code, after=after)
    logins.announce(account)


def unlink(account: BrokerAccount, *, actor: User, request: HttpRequest | None = None) -> None:
    """Log the account out, forget its secrets and take it off every page; its records stay."""
    logins.log_out(account, actor=actor, request=request)
    with transaction.atomic():
        account.unlinked_at = timezone.now()
        account.save(update_fields=["unlinked_at"])
        Credentials.objects.filter(account=account).delete()
        audit.record("account.unlinked", actor=actor, request=request, object=account.code)
        logins.announce(account)
