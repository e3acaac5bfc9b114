"""Whose orders may leave: one function says it, and every page says why not."""

import pytest

from accounts import linking
from accounts.access import why_no_trading
from accounts.brokerage import BrokerAccount, Membership, Role
from accounts.models import AuditEvent, User
from tests.accounts.test_sharing import account, ravi, share, words  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "may"), [(Role.OWNER, True), (Role.TRADER, True), (Role.VIEWER, False), (None, False)]
)
def test_the_role_decides(account, ravi, share, role, may):  # noqa: F811
    if role:
        share(ravi, role)

    assert (why_no_trading(ravi.pk, account.pk) == "") is may


def test_on_a_read_only_desk_nobody_trades_and_every_page_says_so(account, asha, enter, settings):  # noqa: F811
    settings.ENABLE_ORDER_PLACEMENT = False
    client = enter(asha)

    assert why_no_trading(asha.pk, account.pk) != ""
    for path in ("/", "/accounts/", "/accounts/rao/"):
        assert "This desk is read-only. No order leaves it" in words(client.get(path)).replace("</b>", "")  # fmt: skip
    assert "Login needed, read-only" in words(client.get("/_panel/rail/"))


def test_a_pause_says_who_when_and_why(account, asha, ravi, share, enter):  # noqa: F811
    share(ravi, Role.TRADER)
    stale = BrokerAccount.objects.get()

    enter(ravi).post("/accounts/rao/pause/", {"why": "Travelling <b>"})

    assert why_no_trading(asha.pk, stale.pk) != ""  # it asks what is stored now
    page = words(enter(asha).get("/accounts/rao/"))
    assert "<b>Trading is paused</b> since" in page
    assert "by Ravi </p> <p>Why: Travelling &lt;b&gt;</p>" in page
    assert "Login needed, paused" in words(enter(asha).get("/_panel/rail/"))
    event = AuditEvent.objects.get(what="account.paused")
    assert (event.actor, event.account, event.after) == (ravi.email, "rao", {"why": "Travelling <b>"})  # fmt: skip


def test_a_pause_ends_and_leaves_nothing_behind(account, asha, enter):  # noqa: F811
    client = enter(asha)
    client.post("/accounts/rao/pause/", {"why": "Travelling"})

    client.post("/accounts/rao/resume/")

    stored = BrokerAccount.objects.get()
    assert (stored.paused_at, stored.paused_by, stored.paused_why) == (None, None, "")
    assert why_no_trading(asha.pk, stored.pk) == ""
    assert "paused" not in words(client.get("/_panel/rail/"))


def test_a_pause_does_not_wait_for_a_proper_reason(account, asha, enter):  # noqa: F811
    enter(asha).post("/accounts/rao/pause/", {"why": "x" * 201})

    assert BrokerAccount.objects.get().paused_at
    assert BrokerAccount.objects.get().paused_why == ""


def test_neither_an_unlinked_account_nor_somebody_switched_off_trades(account, asha, ravi, share):  # noqa: F811
    share(ravi, Role.TRADER)
    User.objects.filter(pk=ravi.pk).update(is_active=False)
    assert why_no_trading(ravi.pk, account.pk) != ""

    linking.unlink(account, actor=asha)

    assert why_no_trading(asha.pk, account.pk) != ""


# Whose it is


def test_the_owner_says_whose_the_account_is(account, asha, ravi, share, enter):  # noqa: F811
    share(ravi)
    sent = {"relation": "Mother", "authority": "Power of attorney", "authority_on": "2025-04-01"}

    assert enter(asha).post("/accounts/rao/holder/", sent).status_code == 302

    assert 'value="Power of attorney"' in words(enter(asha).get("/accounts/rao/"))
    page = words(enter(ravi).get("/accounts/rao/"))
    assert "Mother" in page
    assert "Power of attorney, since 1 Apr 2025" in page
    event = AuditEvent.objects.get(what="account.holder_changed")
    empty = dict.fromkeys(sent, "")
    assert (event.account, event.before, event.after) == ("rao", empty, sent)


@pytest.mark.parametrize("sent", [{"authority_on": "2999-01-01"}, {"authority_on": "soon"}, {"relation": "x" * 61}])  # fmt: skip
def test_what_cannot_be_is_refused(account, asha, enter, sent):  # noqa: F811
    answer = enter(asha).post("/accounts/rao/holder/", sent)

    assert answer.status_code == 422
    assert next(iter(sent.values())) in answer.content.decode()
    assert not AuditEvent.objects.filter(what="account.holder_changed").exists()


def test_a_member_of_one_account_is_nobody_in_another(account, ravi, enter):  # noqa: F811
    other = BrokerAccount.objects.create(code="other", broker="kite", environment="paper")
    Membership.objects.create(account=other, user=ravi, role=Role.OWNER)

    assert why_no_trading(ravi.pk, other.pk) == ""
    assert why_no_trading(ravi.pk, account.pk) != ""
    assert enter(ravi).get("/accounts/rao/holder/").status_code == 404
