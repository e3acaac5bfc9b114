"""Linking accounts to the desk, changing them, and taking them off again."""

import re

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, lines, logins, sharing, ways_in
from accounts.brokerage import COLOURS, BrokerAccount, Credentials, LoginSession, Membership, Role
from accounts.brokers.errors import BrokerError, TradedeskError
from accounts.models import User

# /accounts/link/ and /accounts/back/ are pages; the others would look like the log-in of the desk itself.
TAKEN_BY_PAGES = {"back", "link", "login", "logout", "signup"}


class AlreadyLinked(TradedeskError):
    """The account is at this desk already; the text says as what."""


def link_paper(*, owner: User, request: HttpRequest | None = None) -> BrokerAccount:
    """Open an account with paper money, link it to its owner and log it in."""
    opened = logins.counter().open_account(owner.name or "Paper Trader")
    account = keep_paper(owner=owner, opened=opened, request=request)
    try:
        ways_in.by_counter(account, actor=owner, request=request)
    except BrokerError as error:  # it is linked all the same, and asks for its log-in
        logins.note_error(account, error)
    return account


@transaction.atomic
def keep_paper(
    *, owner: User, opened: dict[str, str], request: HttpRequest | None = None
) -> BrokerAccount:
    """Store an opened paper account; its secrets go into sealed fields only."""
    return keep(
        owner=owner,
        request=request,
        code="paper",
        broker="kite",
        environment="paper",
        broker_user_id=opened["user_id"],
        secrets=secrets_of(opened),
        opened_here=True,
    )


def secrets_of(opened: dict[str, str]) -> dict[str, str]:
    """Name what the exchange gave at the opening as our credentials do."""
    return {
        "api_key": opened["api_key"],
        "api_secret": opened["api_secret"],
        "password": opened["password"],
        "totp_seed": opened["totp_secret"],
    }


@transaction.atomic
def keep(
    *,
    owner: User,
    broker: str,
    environment: str,
    broker_user_id: str,
    secrets: dict[str, str],
    code: str = "",
    name: str = "",
    tag: str = "",
    opened_here: bool = False,
    request: HttpRequest | None = None,
) -> BrokerAccount:
    """Store a linked account, not logged in yet; its secrets go into sealed fields only."""
    # Whoever links at the same moment waits here, so that codes and colours differ.
    User.objects.select_for_update().order_by("pk").first()
    refuse_double(owner, broker, environment, broker_user_id)
    count = BrokerAccount.objects.count()
    code = free_code(slug(code or name or broker_user_id))
    if opened_here:
        number = code.partition("-")[2]
        name, tag = f"Paper {number}".strip(), f"P{number}"[:2]
    account = BrokerAccount.objects.create(
        code=code,
        name=name or broker_user_id,
        tag=(tag or initials(name or broker_user_id))[:2],
        colour=count % COLOURS + 1,
        broker=broker,
        environment=environment,
        broker_user_id=broker_user_id,
        opened_here=opened_here,
    )
    Credentials.objects.create(account=account, **secrets)
    LoginSession.objects.create(account=account)
    Membership.objects.create(account=account, user=owner, role=Role.OWNER)
    facts = {"broker": broker, "environment": environment, "client_id": broker_user_id}
    sharing.tell(account)
    audit.record("account.linked", actor=owner, request=request, account=account, after=facts)
    logins.announce(account)
    return account


def refuse_double(owner: User, broker: str, environment: str, broker_user_id: str) -> None:
    """Let nobody link what is linked: two links of one account would send orders side by side."""
    same = {"broker": broker, "environment": environment}
    known = BrokerAccount.objects.linked().filter(**same, broker_user_id__iexact=broker_user_id)
    there = known.first()
    if there is None:
        return
    if there.memberships.filter(user=owner).exists():
        raise AlreadyLinked(f"{broker_user_id} is linked already, as {there.name}.")
    raise AlreadyLinked(
        f"{broker_user_id} is linked already by somebody else at this desk. Ask them to invite you."
    )


@transaction.atomic
def change_credentials(
    account: BrokerAccount,
    *,
    changed: dict[str, str],
    actor: User | None = None,
    request: HttpRequest | None = None,
) -> list[str]:
    """Keep new credentials; what is not given stays. The names of what changed come back."""
    credentials = Credentials.objects.select_for_update().get(account=account)
    names = [name for name, value in changed.items() if value != getattr(credentials, name)]
    for name in names:
        setattr(credentials, name, changed[name])
    if names:
        credentials.save(update_fields=[*names, "changed_at"])
        account.credentials = credentials
        audit.record(
            "account.credentials_changed", actor=actor, request=request, account=account,
            after=names,
        )  # fmt: skip
    return names


def slug(words: str) -> str:
    """Make a code of a name."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:13].strip("-") or "account"


def initials(name: str) -> str:
    """Shorten a name to two letters."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    letters: str = words[0][0] + words[1][0] if len(words) > 1 else (words or ["A"])[0][:2]
    return letters.upper()


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
    audit.record("account.renamed", actor=actor, request=request, account=account, after=after)
    logins.announce(account)


def unlink(account: BrokerAccount, *, actor: User, request: HttpRequest | None = None) -> None:
    """Log the account out, forget its secrets and take it off every page; its records stay."""
    lines.log_out(account, actor=actor, request=request)
    with transaction.atomic():
        account.unlinked_at = timezone.now()
        account.save(update_fields=["unlinked_at"])
        # Whoever logged in since we looked: nobody logs in any more.
        session = LoginSession.objects.get(account=account)
        logins.end(account, "unlinked", generation=session.generation, actor=actor, request=request)
        Credentials.objects.filter(account=account).delete()
        audit.record("account.unlinked", actor=actor, request=request, account=account)
        logins.announce(account)
