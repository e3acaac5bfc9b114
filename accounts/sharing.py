"""Sharing an account: who joins it, with which role, and how they leave it again."""

import secrets
from urllib.parse import urljoin

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import access, audit, invitations
from accounts.brokerage import AccountInvitation, BrokerAccount, Membership, Role
from accounts.brokers.errors import TradedeskError
from accounts.models import User
from tradedesk import live


class SharingRefused(TradedeskError):
    """What was asked for would break a rule of sharing."""


class AlreadyMember(SharingRefused):
    """The address belongs to a member."""

    def __init__(self, email: str) -> None:
        super().__init__(f"{email} is a member already; the role is changed in the list.")


class LastOwner(SharingRefused):
    """Without this owner nobody could look after the account."""

    def __init__(self) -> None:
        super().__init__("An account needs an owner. Make somebody else an owner first.")


class MeantForAnother(SharingRefused):
    """The link was opened by somebody it was not sent to."""

    def __init__(self, email: str) -> None:
        super().__init__(f"This invitation is for {email}.")


@transaction.atomic
def invite(
    account: BrokerAccount,
    *,
    email: str,
    role: Role,
    by: User,
    request: HttpRequest | None = None,
    origin: str = "",
) -> str:
    """Invite a person to the account and give the link, which nobody can read again."""
    email = email.strip().lower()
    hold(account, by, Role.OWNER)
    if account.memberships.filter(user__email=email).exists():
        raise AlreadyMember(email)
    now, token = timezone.now(), secrets.token_urlsafe(32)
    account.invitations.filter(email=email, used_at=None, expires_at__gt=now).update(expires_at=now)
    account.invitations.create(
        email=email,
        role=role,
        token_hash=invitations.hashed(token),
        made_by=by,
        expires_at=now + invitations.LASTS,
    )
    after = {"email": email, "role": role}
    audit.record("account.invited", actor=by, request=request, account=account, after=after)
    tell(account)
    return urljoin(origin or settings.SITE_URL, reverse("join_account", args=[token]))


def mail_invitation(account: BrokerAccount, *, email: str, link: str, by: User) -> bool:
    """Mail the link, where a mail server is set and takes it."""
    words = (
        f"{by} ({by.email}) invites you to the account {account.name} at Tradedesk. "
        "Come in here within three days:"
    )
    return invitations.mail_invitation(email, link, words)


def find(token: str) -> AccountInvitation | None:
    """Find the invitation that a link is for, if it still stands."""
    standing = AccountInvitation.objects.standing().select_related("account", "made_by")
    return standing.filter(token_hash=invitations.hashed(token)).first()


def joined_by(token: str, user: User) -> BrokerAccount | None:
    """Find the account that this person joined by the link already: a second click leads there."""
    used = AccountInvitation.objects.filter(token_hash=invitations.hashed(token), email=user.email)
    mine = used.exclude(used_at=None).filter(account__memberships__user=user)
    found = mine.filter(account__unlinked_at=None).select_related("account").first()
    return found.account if found else None


@transaction.atomic
def join(token: str, *, user: User, request: HttpRequest | None = None) -> BrokerAccount | None:
    """Make the invited person a member; None if the link ran out or was used."""
    invitation = find(token)
    if invitation is None:
        return None
    if user.email != invitation.email:
        raise MeantForAnother(invitation.email)
    account = lock(invitation.account)
    standing = AccountInvitation.objects.standing().filter(pk=invitation.pk)
    if not standing.update(used_at=timezone.now()):
        return None
    try:
        with transaction.atomic():
            account.memberships.create(user=user, role=invitation.role)
    except IntegrityError:
        return account  # a member already, and stays what they are
    after = {"role": invitation.role, "invited_by": invitation.made_by.email}
    audit.record("account.joined", actor=user, request=request, account=account, after=after)
    tell(account)
    return account


def invite_to_desk(token: str, *, origin: str = "", request: HttpRequest | None = None) -> str:
    """Give somebody who was invited to an account, and is new here, the link that makes them a person."""
    invitation = find(token)
    if invitation is None:
        raise Http404
    link = invitations.invite(
        invitation.email, by=invitation.made_by, request=request, origin=origin
    )
    return f"{link}?next={reverse('join_account', args=[token])}"


@transaction.atomic
def withdraw(
    account: BrokerAccount, invitation: int, *, by: User, request: HttpRequest | None = None
) -> None:
    """Make an invitation's link useless."""
    hold(account, by, Role.OWNER)
    found = AccountInvitation.objects.standing().filter(account=account, pk=invitation).first()
    if found is None:
        raise Http404
    found.expires_at = timezone.now()
    found.save(update_fields=["expires_at"])
    before = {"email": found.email, "role": found.role}
    what = "account.invitation_withdrawn"
    audit.record(what, actor=by, request=request, account=account, before=before)
    tell(account)


@transaction.atomic
def change_role(
    account: BrokerAccount,
    member: int,
    *,
    role: Role,
    by: User,
    request: HttpRequest | None = None,
) -> Membership:
    """Give a member another role; more than one may be an owner."""
    hold(account, by, Role.OWNER)
    membership = find_member(account, member)
    old = Role(membership.role)
    if old == role:
        return membership
    if old == Role.OWNER:
        keep_an_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    audit.record(
        "account.role_changed",
        actor=by,
        request=request,
        account=account,
        object=membership.user.email,
        before={"role": old},
        after={"role": role},
    )
    tell(account)
    return membership


@transaction.atomic
def remove(
    account: BrokerAccount, member: int, *, by: User, request: HttpRequest | None = None
) -> Membership:
    """Take somebody out of the account: its pages are closed to them at once, and so is what is live.

    An owner removes whom they will; everybody may leave.
    """
    lock(account)
    membership = find_member(account, member)
    is_self = membership.user_id == by.pk
    access.find_account(by, account.code, needs=Role.VIEWER if is_self else Role.OWNER)
    if membership.role == Role.OWNER:
        keep_an_owner(membership)
    membership.delete()
    audit.record(
        "account.left" if is_self else "account.member_removed",
        actor=by,
        request=request,
        account=account,
        object=membership.user.email,
        before={"role": membership.role},
    )
    tell(account, membership.user_id)
    return membership


def hold(account: BrokerAccount, by: User, needs: Role) -> None:
    """Keep the members as they are until we are done, and see that this person may, even now."""
    lock(account)
    access.find_account(by, account.code, needs=needs)


def lock(account: BrokerAccount) -> BrokerAccount:
    """Let nobody else change the members of the account meanwhile."""
    return BrokerAccount.objects.select_for_update(no_key=True).get(pk=account.pk)


def find_member(account: BrokerAccount, member: int) -> Membership:
    found = account.memberships.select_related("user").filter(pk=member).first()
    if found is None:
        raise Http404
    return found


def keep_an_owner(leaving: Membership) -> None:
    """Refuse to lose the last owner who can log in."""
    owners = Membership.objects.filter(account=leaving.account_id, role=Role.OWNER)
    if not owners.filter(user__is_active=True).exclude(pk=leaving.pk).exists():
        raise LastOwner


def tell(account: BrokerAccount, *gone: int) -> None:
    """Tell the members, and those who are none any more, that who may see the account has changed."""
    event: live.MembershipChanged = {"type": "membership.changed", "account": account.code}
    for user_id in {*account.memberships.values_list("user_id", flat=True), *gone}:
        live.announce(live.user_group(user_id), event)
