"""Sharing an account: by a link that works once, for one person, with one of three roles."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from asgiref.sync import async_to_sync, sync_to_async
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404
from django.test import Client
from django.utils import timezone

from accounts import linking, sharing
from accounts.access import role_of
from accounts.brokerage import AccountInvitation, BrokerAccount, LoginSession, Membership, Role
from accounts.models import AuditEvent, User
from tests.accounts.conftest import PASSWORD, log_in
from tests.accounts.test_sockets import connected
from tradedesk import live
from tradedesk.logs import scrub

pytestmark = pytest.mark.django_db
RAVI = "ravi@example.com"


@pytest.fixture
def account(asha):
    made = BrokerAccount.objects.create(
        code="rao", name="Rao family", tag="RF", broker="kite", environment="paper", broker_user_id="PA0001"
    )  # fmt: skip
    LoginSession.objects.create(account=made, ended_at=timezone.now())
    Membership.objects.create(account=made, user=asha, role=Role.OWNER)
    return made


@pytest.fixture
def ravi(make_person):
    return make_person(RAVI, name="Ravi")


@pytest.fixture
def share(account):
    """Make somebody a member, as joining would."""

    def shared(user, role=Role.VIEWER):
        return Membership.objects.create(account=account, user=user, role=role)

    return shared


def path_of(link):
    return "/" + link.split("/", 3)[3]


def invite(account, by, email=RAVI, role=Role.TRADER):
    return path_of(sharing.invite(account, email=email, role=role, by=by))


def words(answer):
    return " ".join(answer.content.decode().split())


def events(what):
    return list(AuditEvent.objects.filter(what=what, account="rao"))


# Inviting


def test_the_owner_invites_and_sees_the_link_once(account, asha, enter):
    client = enter(asha)

    answer = client.post("/accounts/rao/people/", {"email": " Ravi@Example.com", "role": "trader"})

    assert answer.context["link"].startswith("http://testserver/join/")
    assert "Send it to ravi@example.com yourself" in words(answer)
    token = answer.context["link"].rstrip("/").rsplit("/", 1)[1]
    assert token.encode() not in client.get("/accounts/rao/people/").content
    assert not AccountInvitation.objects.filter(token_hash=token).exists()
    [event] = events("account.invited")
    assert (event.actor, event.after) == (asha.email, {"email": RAVI, "role": "trader"})


def test_with_a_mail_server_the_link_is_mailed_too(account, asha, enter, settings):
    settings.MAIL_SERVER = "mail.example.com"
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

    answer = enter(asha).post("/accounts/rao/people/", {"email": RAVI, "role": "viewer"})

    assert b"by mail, too" in answer.content
    [sent] = mail.outbox
    assert sent.to == [RAVI]
    assert answer.context["link"] in sent.body
    assert "Asha Rao (asha@example.com) invites you to the account Rao family" in sent.body


@pytest.mark.parametrize("sent", [{"email": "no address", "role": "viewer"}, {"email": RAVI, "role": "king"}, {}])  # fmt: skip
def test_what_is_no_invitation_is_refused_and_stays_typed(account, asha, enter, sent):
    answer = enter(asha).post("/accounts/rao/people/", sent)

    assert answer.status_code == 422
    assert sent.get("email", "") in answer.content.decode()
    assert not AccountInvitation.objects.exists()


def test_a_member_is_not_invited_again(account, asha, enter):
    answer = enter(asha).post("/accounts/rao/people/", {"email": asha.email, "role": "viewer"})

    assert answer.status_code == 422
    assert b"is a member already" in answer.content


def test_giving_somebody_rights_asks_who_it_is_when_that_is_long_ago(account, asha, share, ravi, enter):  # fmt: skip
    client, member = enter(asha, recently=False), share(ravi)

    for path, sent in [
        ("/accounts/rao/people/", {"email": "x@example.com", "role": "owner"}),
        (f"/accounts/rao/people/{member.pk}/role/", {"role": "owner"}),
    ]:
        answer = client.post(path, sent)
        assert answer["Location"].startswith("/me/again/?next=%2Faccounts%2Frao%2Fpeople%2F")
        assert client.get(path, follow=True).status_code == 200

    assert not AccountInvitation.objects.exists()
    assert role_of(ravi, account) == Role.VIEWER


# Joining


def test_whoever_is_logged_in_as_the_invited_joins(account, asha, ravi, enter):
    client, path = enter(ravi), invite(account, asha)
    assert client.get(path).status_code == 200
    assert role_of(ravi, account) is None  # reading changes nothing

    answer = client.post(path)

    assert answer["Location"] == "/accounts/rao/"
    assert client.get("/accounts/rao/").status_code == 200
    assert role_of(ravi, account) == Role.TRADER
    [event] = events("account.joined")
    assert (event.actor, event.after) == (RAVI, {"role": "trader", "invited_by": asha.email})


def test_a_second_click_leads_whoever_joined_to_the_account(account, asha, ravi, stranger, enter):
    client, path = enter(ravi), invite(account, asha)

    answers = [client.post(path), client.post(path), client.get(path)]

    assert [answer.headers.get("Location") for answer in answers] == ["/accounts/rao/"] * 3
    assert len(events("account.joined")) == 1
    assert enter(stranger).get(path).status_code == 404


def test_whoever_is_known_here_logs_in_first_and_comes_back(account, asha, ravi):
    client, path = Client(), invite(account, asha)

    answer = client.get(path)

    assert answer["Location"].startswith("/login/?next=%2Fjoin%2F")
    answer = log_in(client, RAVI, next=path)
    assert answer["Location"] == path


def test_whoever_is_new_becomes_a_person_by_the_desks_own_invitation_and_joins(account, asha):
    client, path = Client(), invite(account, asha, "new@example.com")
    assert b"You have no log-in at this desk yet" in client.get(path).content

    door = client.post(path)["Location"]
    answer = client.post(door, {"name": "New", "password1": PASSWORD, "password2": PASSWORD})
    assert answer["Location"].startswith("/login/?next=%2Fjoin%2F")
    log_in(client, "new@example.com")
    client.post(path)

    new = User.objects.get(email="new@example.com")
    assert role_of(new, account) == Role.TRADER
    assert not new.is_staff
    made = AuditEvent.objects.get(what="invitation.made")
    assert (made.actor, made.object) == (asha.email, "new@example.com")


def test_somebody_else_is_refused_plainly_and_the_link_stays_good(account, asha, stranger, ravi, enter):  # fmt: skip
    path = invite(account, asha)

    for answer in (enter(stranger).get(path), enter(stranger).post(path)):
        assert answer.status_code == 403
        assert "It is for <b>ravi@example.com</b>" in answer.content.decode()

    assert role_of(stranger, account) is None
    with pytest.raises(sharing.MeantForAnother):
        sharing.join(path.split("/")[2], user=stranger)
    assert enter(ravi).post(path).status_code == 302


def used(account, asha, path):
    sharing.join(path.split("/")[2], user=User.objects.get(email=RAVI))
    Membership.objects.filter(user__email=RAVI).delete()


def superseded(account, asha, path):
    sharing.invite(account, email=RAVI, role=Role.VIEWER, by=asha)


def withdrawn(account, asha, path):
    sharing.withdraw(account, account.invitations.get().pk, by=asha)


def unlinked(account, asha, path):
    linking.unlink(account, actor=asha)


def maker_is_no_owner(account, asha, path):
    Membership.objects.filter(user=asha).update(role=Role.TRADER)


def maker_is_switched_off(account, asha, path):
    User.objects.filter(pk=asha.pk).update(is_active=False)


@pytest.mark.parametrize(
    "ending", [used, superseded, withdrawn, unlinked, maker_is_no_owner, maker_is_switched_off]
)
def test_a_link_that_ended_opens_nothing(account, asha, ravi, enter, ending):
    path = invite(account, asha)
    ending(account, asha, path)

    for client in (enter(ravi), Client()):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
    assert role_of(ravi, account) is None


def test_a_link_lasts_three_days(account, asha, ravi, enter):
    path = invite(account, asha)

    with time_machine.travel(timezone.now() + timedelta(days=3, seconds=-5)):
        assert enter(ravi).get(path).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=3, seconds=5)):
        assert enter(ravi).get(path).status_code == 404


def test_guessing_links_has_to_wait(client, settings):
    settings.TRIES_PER_ADDRESS = 3

    found = [client.get(f"/join/guess-{number}/").status_code for number in range(4)]

    assert found == [404, 404, 404, 429]


def test_no_link_reaches_a_log(account, asha):
    token = invite(account, asha).split("/")[2]

    assert token not in scrub(f'"GET /join/{token}/ HTTP/1.1" 302')
    assert token not in scrub(f"GET /login/?next=%2Fjoin%2F{token}%2F")
    assert token not in scrub(f"/login/invite/abc/?next=/join/{token}/")


# Roles


def test_an_owner_changes_a_role(account, asha, ravi, share, enter):
    member = share(ravi)

    enter(asha).post(f"/accounts/rao/people/{member.pk}/role/", {"role": "owner"})

    assert role_of(ravi, account) == Role.OWNER
    [event] = events("account.role_changed")
    assert (event.object, event.before, event.after) == (RAVI, {"role": "viewer"}, {"role": "owner"})  # fmt: skip


def test_an_unknown_role_is_refused(account, asha, ravi, share, enter):
    member = share(ravi)

    answer = enter(asha).post(f"/accounts/rao/people/{member.pk}/role/", {"role": "king"}, follow=True)  # fmt: skip

    assert b"Choose one of the three roles" in answer.content
    assert role_of(ravi, account) == Role.VIEWER


def test_the_last_owner_can_neither_leave_nor_become_less(account, asha, ravi, share, enter):
    client, mine = enter(asha), account.memberships.get(user=asha)
    share(ravi, Role.TRADER)

    for answer in (
        client.post(f"/accounts/rao/people/{mine.pk}/remove/", follow=True),
        client.post(f"/accounts/rao/people/{mine.pk}/role/", {"role": "viewer"}, follow=True),
    ):
        assert b"An account needs an owner" in answer.content

    assert role_of(asha, account) == Role.OWNER


def test_an_owner_who_is_switched_off_looks_after_nothing(account, asha, ravi, share):
    share(ravi, Role.OWNER)
    User.objects.filter(pk=ravi.pk).update(is_active=False)

    with pytest.raises(sharing.LastOwner):
        sharing.remove(account, account.memberships.get(user=asha).pk, by=asha)


def test_an_account_is_handed_over(account, asha, ravi, share):
    member = share(ravi)

    sharing.change_role(account, member.pk, role=Role.OWNER, by=asha)
    sharing.remove(account, account.memberships.get(user=asha).pk, by=asha)

    assert role_of(ravi, account) == Role.OWNER
    assert role_of(asha, account) is None


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_at_once_leave_one(account, asha, ravi, share):
    share(ravi, Role.OWNER)
    pks = {one.user_id: one.pk for one in account.memberships.all()}

    def remove(by, other):
        try:
            sharing.remove(BrokerAccount.objects.get(), pks[other.pk], by=by)
        except (Http404, PermissionDenied, sharing.SharingRefused) as error:
            return type(error)
        finally:
            connection.close()
        return "removed"

    with ThreadPoolExecutor(2) as pool:
        found = [one.result() for one in [pool.submit(remove, asha, ravi), pool.submit(remove, ravi, asha)]]  # fmt: skip

    assert found.count("removed") == 1
    assert account.memberships.filter(role=Role.OWNER).count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_link_opened_twice_at_once_makes_one_member(account, asha, ravi):
    token = invite(account, asha).split("/")[2]

    def join(_):
        try:
            return sharing.join(token, user=ravi)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(join, range(4)))

    assert sum(one is not None for one in found) == 1
    assert len(events("account.joined")) == 1


# Leaving


def test_a_member_leaves(account, asha, ravi, share, enter):
    client, member = enter(ravi), share(ravi)

    answer = client.post(f"/accounts/rao/people/{member.pk}/remove/")

    assert answer["Location"] == "/accounts/"
    assert client.get("/accounts/rao/").status_code == 404
    assert [event.actor for event in events("account.left")] == [RAVI]


def test_a_trader_removes_nobody_else(account, asha, ravi, stranger, share, enter):
    share(ravi, Role.TRADER)
    other = share(stranger)

    answer = enter(ravi).post(f"/accounts/rao/people/{other.pk}/remove/")

    assert answer.status_code == 403
    assert role_of(stranger, account) == Role.VIEWER


def test_a_member_of_another_account_cannot_be_named_here(account, asha, ravi, enter):
    elsewhere = BrokerAccount.objects.create(code="other", broker="kite", environment="paper")
    member = Membership.objects.create(account=elsewhere, user=ravi, role=Role.OWNER)
    client = enter(asha)

    for act, sent in (("remove", {}), ("role", {"role": "viewer"})):
        assert client.post(f"/accounts/rao/people/{member.pk}/{act}/", sent).status_code == 404

    assert role_of(ravi, elsewhere) == Role.OWNER


def test_a_removed_members_pages_are_gone_at_once(account, asha, ravi, share, enter):
    client, member = enter(ravi), share(ravi, Role.TRADER)
    assert b"Rao family" in client.get("/_panel/rail/").content

    enter(asha).post(f"/accounts/rao/people/{member.pk}/remove/")

    for path in ("/accounts/rao/", "/accounts/rao/people/"):
        assert client.get(path).status_code == 404
    assert client.post("/accounts/rao/pause/").status_code == 404
    assert b"Rao family" not in client.get("/_panel/rail/").content
    [event] = events("account.member_removed")
    assert (event.actor, event.object, event.before) == (asha.email, RAVI, {"role": "trader"})


# Live


async def heard(socket):
    return await socket.receive_json_from(timeout=3)


def panel(account):
    event = live.PanelChanged(type="panel.changed", panel="positions", version=1)
    live.announce(live.account_group(account.pk), event)


@pytest.mark.django_db(transaction=True)
def test_a_removed_members_open_socket_hears_nothing_of_the_account_any_more(
    account, asha, ravi, share, enter
):
    async def scene():
        member = await sync_to_async(share)(ravi, Role.TRADER)
        owner = await connected(await sync_to_async(enter)(asha))
        socket = await connected(await sync_to_async(enter)(ravi))
        await sync_to_async(panel)(account)
        first = await heard(socket), await heard(owner)

        await sync_to_async(sharing.remove)(account, member.pk, by=asha)
        told = await heard(socket), await heard(owner)
        await sync_to_async(panel)(account)
        silence, after = await socket.receive_nothing(timeout=0.5), await heard(owner)

        for one in (socket, owner):
            await one.disconnect()
        return first, told, silence, after

    first, told, silence, after = async_to_sync(scene)()

    assert first == ({"type": "panel", "panel": "positions", "version": 1},) * 2
    assert told == (
        {"type": "membership", "account": "rao", "role": None},
        {"type": "membership", "account": "rao", "role": "owner"},
    )
    assert silence
    assert after["panel"] == "positions"


@pytest.mark.django_db(transaction=True)
def test_who_joins_hears_of_the_account_without_a_new_socket(account, asha, ravi, enter):
    async def scene():
        socket = await connected(await sync_to_async(enter)(ravi))
        path = await sync_to_async(invite)(account, asha)
        await sync_to_async(sharing.join)(path.split("/")[2], user=ravi)
        told = await heard(socket)
        await sync_to_async(panel)(account)
        event = await heard(socket)
        await socket.disconnect()
        return told, event

    told, event = async_to_sync(scene)()

    assert told == {"type": "membership", "account": "rao", "role": "trader"}
    assert event["type"] == "panel"


@pytest.mark.django_db(transaction=True)
def test_an_unlinked_account_is_gone_from_open_pages(account, asha, enter):
    async def scene():
        socket = await connected(await sync_to_async(enter)(asha))
        await sync_to_async(linking.unlink)(account, actor=asha)
        told = await heard(socket)
        await socket.disconnect()
        return told

    assert async_to_sync(scene)() == {"type": "membership", "account": "rao", "role": None}


@pytest.mark.django_db(transaction=True)
def test_a_socket_that_missed_the_news_leaves_all_the_same(account, asha, ravi, share, enter, monkeypatch):  # fmt: skip
    monkeypatch.setattr("streaming.consumers.CHECK_EVERY", 0.2)

    async def scene():
        await sync_to_async(share)(ravi)
        socket = await connected(await sync_to_async(enter)(ravi))
        await sync_to_async(Membership.objects.filter(user=ravi).delete)()
        await socket.receive_nothing(timeout=0.8)
        await sync_to_async(panel)(account)
        silence = await socket.receive_nothing(timeout=0.5)
        await socket.disconnect()
        return silence

    assert async_to_sync(scene)()
