"""Who may do what with which account: the one place that every page, panel, command and socket asks."""

from datetime import datetime

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from accounts.brokerage import RANK, BrokerAccount, Membership, Role
from accounts.models import User
from tradedesk.database import answers


def find_account(user: User, code: str, *, needs: Role = Role.VIEWER) -> BrokerAccount:
    """Give the account if this person may do that much with it.

    A stranger cannot tell an account that is not theirs from one that does not exist.
    """
    membership = memberships_of(user.pk).filter(account__code=code).first()
    if membership is None:
        raise Http404
    if RANK[Role(membership.role)] < RANK[needs]:
        raise PermissionDenied
    return membership.account


def memberships_of(user_id: int) -> QuerySet[Membership]:
    """Give all that this person may see, each with its account."""
    mine = Membership.objects.filter(user_id=user_id, account__unlinked_at=None)
    return mine.select_related("account")


def role_of(user: User, account: BrokerAccount) -> Role | None:
    """Tell the person's role, if any."""
    found = memberships_of(user.pk).filter(account=account).first()
    return Role(found.role) if found else None


MEMBER = """
SELECT member.role, account.paused_at FROM accounts_membership member
JOIN accounts_brokeraccount account ON account.id = member.account_id
JOIN accounts_user person ON person.id = member.user_id
WHERE member.user_id = %s AND member.account_id = %s
  AND person.is_active AND account.unlinked_at IS NULL
"""


def why_no_trading(user_id: int, account_id: int) -> str:
    """Say what holds this person's orders back, as it is stored now; nothing if they may leave."""
    for role, paused_at in answers(MEMBER, [user_id, account_id]):
        if RANK[Role(role)] < RANK[Role.TRADER]:
            return "You may look at this account, not trade in it."
        return why_nothing_leaves(paused_at)
    return "You are no member of this account."


def why_nothing_leaves(paused_at: datetime | None) -> str:
    """Say what holds every order of an account back, whoever gives it."""
    if not settings.ENABLE_ORDER_PLACEMENT:
        return "This desk is read-only: no order leaves it."
    return "Trading in this account is paused." if paused_at else ""
