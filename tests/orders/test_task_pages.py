"""What is on its way, on the page: the sentences, the list, the socket's news, and decisions."""

import re
import uuid

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from accounts import linking
from accounts.brokerage import Membership, Role
from accounts.brokers.words import OrderStatus
from accounts.models import AuditEvent
from orders import datasets, task_shown
from orders.engine import store
from orders.engine.models import OrderTask
from tests.accounts.conftest import (  # noqa: F401
    PASSWORD,
    asha,
    enter,
    hashed_password,
    make_person,
    stranger,
)
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.accounts.test_sockets import connected
from tests.engine.desk import give, limit
from tests.engine.risky import stands
from tests.orders.test_order_pages import heard

PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}
OUTCOMES = [
    ({"state": "COMPLETED", "order_id": "9"}, "Order placed successfully"),
    ({"state": "FAILED", "reason": "refused", "message": "No funds."}, "Order failed: No funds"),
    ({"state": "UNKNOWN"}, "Order status unknown, check order book"),
    (
        {"state": "DEAD_LETTER", "reason": "absent", "message": "The book has it not."},
        "Order failed: The book has it not",
    ),
    (
        {"state": "DEAD_LETTER", "reason": "duplicate", "message": "It stands twice."},
        "Order failed: It stands twice It may stand at the broker: check the order book",
    ),
]


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


@pytest.fixture
def client(account, asha, enter):  # noqa: F811
    return enter(asha)


def told(account, **standing):
    task = give(account, limit(quantity=OrderTask.objects.count() + 1))
    OrderTask.objects.filter(pk=task.pk).update(**standing)
    return OrderTask.objects.select_related("account").get(pk=task.pk)


def said(answer):
    return " ".join(strip_tags(answer.content.decode()).split())


def path_of(task):
    return f"/a/{task.account.code}/tasks/{task.pk}/"


@pytest.mark.django_db
@pytest.mark.parametrize(("standing", "sentence"), OUTCOMES)
def test_each_outcome_has_its_sentence_on_the_page_and_on_the_chip(
    client, account, standing, sentence
):
    task = told(account, **standing)

    page = client.get(path_of(task))
    chip = client.get(f"{path_of(task)}?look=chip", headers=PARTIAL)

    assert sentence in said(page)
    assert sentence in said(chip)
    assert f'id="chip-{task.pk}"' in chip.content.decode()


@pytest.mark.django_db
def test_what_could_not_be_checked_stands_on_the_page(client, account):
    note = "The circuit limits of INFY are not known: the price was not compared with them."

    blind, seeing = told(account, skipped=[note]), told(account)

    assert f"Not checked {note}" in said(client.get(path_of(blind)))
    assert "Not checked" not in said(client.get(path_of(seeing)))


@pytest.mark.django_db
def test_what_waits_says_for_what_and_where_in_the_queue(client, account):
    told(account)
    task = told(account, waits_for="its turn")

    page = said(client.get(path_of(task)))

    assert "Waits for its turn" in page
    assert "2nd in the queue." in page


@pytest.mark.django_db
def test_the_queue_is_numbered_as_it_is_sent_exits_first_and_moves_up(client, account):
    first, second, leaving = told(account), told(account), told(account, is_exit=True)

    def places():
        page = said(client.get(f"/a/{account.code}/tasks/"))
        return re.findall(r"(Buy \d) INFY.*?(\d\w\w) in the queue", page)

    assert places() == [("Buy 3", "1st"), ("Buy 2", "3rd"), ("Buy 1", "2nd")]

    OrderTask.objects.filter(pk=leaving.pk).update(state="COMPLETED")
    assert places() == [("Buy 2", "2nd"), ("Buy 1", "1st")]
    assert [task_shown.line_of(one).place for one in (first, second)] == [1, 2]


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (12, "12th"), (101, "101st")],
)
def test_places_read_as_people_say_them(number, word):
    assert task_shown.ordinal(number) == word


@pytest.mark.django_db
def test_a_request_counts_as_sent_only_what_was_sent(client, account):
    request = uuid.uuid4()
    for standing in (
        {"state": "COMPLETED"},
        {"state": "FAILED", "reason": "expired"},
        {"state": "FAILED", "reason": "expired"},
        {"state": "DEAD_LETTER", "reason": "duplicate"},
        {"state": "PENDING"},
    ):
        told(account, request=request, **standing)

    answer = client.get(f"/a/{account.code}/requests/{request}/")

    assert "1 of 5 sent FAILED, 2 UNKNOWN, 1 WAITING, 1" in said(answer)
    assert 'class="status is-bad"' in answer.content.decode()


@pytest.mark.django_db
def test_a_page_without_scripts_looks_for_itself_twenty_times_at_most(client, account):
    task = told(account)

    assert "?polls=1" in client.get(path_of(task)).content.decode()
    assert "?polls=20" in client.get(f"{path_of(task)}?polls=19").content.decode()
    last = client.get(f"{path_of(task)}?polls=20")
    assert "http-equiv" not in last.content.decode()
    assert "Order status unknown, check order book" in said(last)


@pytest.mark.django_db
def test_the_list_has_what_is_not_simply_done(client, account):
    for standing, _ in OUTCOMES:
        told(account, **standing)
    told(account)

    page = said(client.get(f"/a/{account.code}/orders/"))

    assert "On the way and not done 5" in page
    assert "Buy 1 INFY" not in page  # it is completed
    assert "Decide" in page


@pytest.mark.django_db(transaction=True)
async def test_members_hear_of_a_task_by_the_socket_and_nobody_else(
    exchange, asha, stranger, enter  # noqa: F811
):  # fmt: skip
    account = await sync_to_async(linking.link_paper)(owner=asha)
    ours = await connected(await sync_to_async(enter)(asha))
    theirs = await connected(await sync_to_async(enter)(stranger))

    task = await sync_to_async(give)(account)

    assert await ours.receive_json_from(timeout=5) == {
        "type": "task_update", "account_id": account.code, "task_id": task.pk, "status": "PENDING",
    }  # fmt: skip
    assert await theirs.receive_nothing(timeout=0.3)
    await ours.disconnect()
    await theirs.disconnect()


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["tasks/{}/", "tasks/", "orders/", "requests/{}/"])
def test_what_waits_is_withdrawn_by_a_button_wherever_it_is_shown(account, asha, where):  # noqa: F811
    client = Client(enforce_csrf_checks=True)
    client.force_login(asha)
    task = told(account)
    shown = where.format(task.request if "requests" in where else task.pk)
    page = client.get(f"/a/{account.code}/{shown}").content.decode()
    [form] = re.findall(r'action="[^"]+/withdraw/".*?</form>', page, re.DOTALL)
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)

    bare = client.post(f"{path_of(task)}withdraw/")
    answers = [
        client.post(f"{path_of(task)}withdraw/", {"csrfmiddlewaretoken": token}, follow=True)
        for _ in range(2)
    ]

    task.refresh_from_db()
    assert bare.status_code == 403
    assert (task.state, task.reason) == ("FAILED", "cancelled")
    assert "is withdrawn; it was not sent" in said(answers[0])
    assert "Not withdrawn" in said(answers[1])
    assert "withdraw/" not in answers[1].content.decode()


@pytest.mark.django_db
def test_a_chip_withdraws_what_waits_and_tells_what_became_of_it(account, enter, asha):  # noqa: F811
    client, task = enter(asha), told(account)
    page = client.get(f"{path_of(task)}?look=chip", headers=PARTIAL).content.decode()
    [there] = re.findall(r'hx-post="([^"]+/withdraw/)"', page)

    answers = [client.post(there, headers=PARTIAL) for _ in range(2)]

    task.refresh_from_db()
    assert (task.state, task.reason) == ("FAILED", "cancelled")
    for answer in answers:
        assert f'id="chip-{task.pk}"' in answer.content.decode()
        assert "/withdraw/" not in answer.content.decode()
        assert f"Not sent: {asha.email} withdrew it before it left" in said(answer)
        assert "CANCELLED" in said(answer)
    assert "withdrew" not in said(client.get(f"/a/{account.code}/tasks/"))


@pytest.mark.django_db
def test_the_book_is_read_for_whoever_looks_at_what_works(client, account):
    done = told(account, state="COMPLETED", order_id="1")
    stands(account, "2")
    over = told(account, state="COMPLETED", order_id="3")
    stands(account, "3", status=OrderStatus.COMPLETE, filled_quantity=1)

    def watched():
        return (account.pk, "orders") in datasets.watched(timezone.now())

    client.get(path_of(over))
    assert not watched()
    for order_id in ("1", "2"):
        OrderTask.objects.filter(pk=done.pk).update(order_id=order_id)
        datasets.looks().flushdb()
        client.get(f"{path_of(done)}?look=chip", headers=PARTIAL)
        assert watched()


@pytest.mark.django_db
def test_a_viewer_withdraws_nothing(account, make_person, enter):  # noqa: F811
    viewer = make_person("viewer@example.com")
    Membership.objects.create(account=account, user=viewer, role=Role.VIEWER)
    task = told(account)
    client = enter(viewer)

    pages = [client.get(path_of(task)), client.get(f"/a/{account.code}/tasks/")]

    assert not any("withdraw/" in page.content.decode() for page in pages)
    assert client.post(f"{path_of(task)}withdraw/").status_code == 403


def decide(client, task, act, **more):
    return client.post(f"{path_of(task)}decide/", {"act": act} | more)


@pytest.mark.django_db
def test_a_dead_letter_is_abandoned_with_a_reason_only(client, account):
    task = told(account, state="DEAD_LETTER", reason="absent")

    silent = decide(client, task, "abandon")
    spoken = decide(client, task, "abandon", why="Traded elsewhere")

    task.refresh_from_db()
    assert silent.status_code == 422
    assert "Say why, for the record." in said(silent)
    assert spoken.status_code == 302
    assert (task.state, task.reason) == ("FAILED", "abandoned")
    record = AuditEvent.objects.get(what="task.abandoned")
    assert (record.actor, record.after) == ("asha@example.com", "Traded elsewhere")


@pytest.mark.django_db
def test_a_dead_letter_is_sent_again_after_a_fresh_look(client, account):
    task = told(account, state="DEAD_LETTER", reason="absent")

    answer = decide(client, task, "resend", why="The line was down")

    task.refresh_from_db()
    assert answer.status_code == 302
    assert task.state == "PENDING"


@pytest.mark.django_db
def test_a_dead_letter_is_linked_to_its_order(client, account):
    task = told(account, state="DEAD_LETTER", reason="unclear")
    heard(account, order_id="55")

    unnamed = decide(client, task, "link", why="Seen in Kite")
    other = decide(client, task, "link", why="Seen in Kite", order_id="56")
    named = decide(client, task, "link", why="Seen in Kite", order_id="55")

    task.refresh_from_db()
    assert "Name the order at the broker" in said(unnamed)
    assert "This account has no order 56" in said(other)
    assert named.status_code == 302
    assert (task.state, task.order_id) == ("COMPLETED", "55")


@pytest.mark.django_db
@pytest.mark.parametrize("act", ["link", "resend", "abandon"])
def test_a_decision_asks_who_it_is_when_the_log_in_is_old_and_keeps_what_was_typed(
    account, asha, enter, act  # noqa: F811
):  # fmt: skip
    heard(account, order_id="55")
    client, task = enter(asha, recently=False), told(account, state="DEAD_LETTER", reason="absent")
    typed = {"why": "Seen in Kite", "order_id": "55"}

    asked = decide(client, task, act, **typed)

    task.refresh_from_db()
    assert task.is_dead_letter
    assert asked.status_code == 302
    assert asked["Location"].startswith("/me/again/?next=")
    back = client.post(asked["Location"], {"password": PASSWORD}, follow=True)
    assert back.redirect_chain[-1][0] == path_of(task)
    assert "Nothing was done yet. What you typed is still here" in said(back)
    assert 'value="Seen in Kite"' in back.content.decode()
    assert 'value="55"' in back.content.decode()

    done = decide(client, task, act, **typed)

    task.refresh_from_db()
    assert done.status_code == 302
    assert not task.is_dead_letter
    assert "Nothing was done yet" not in said(client.get(path_of(task)))


@pytest.mark.django_db
def test_looking_again_asks_nobody_who_it_is(account, asha, enter):  # noqa: F811
    client, task = enter(asha, recently=False), told(account, state="DEAD_LETTER", reason="absent")

    answer = decide(client, task, "refresh")

    assert answer.status_code == 302
    assert answer["Location"] == path_of(task)


@pytest.mark.django_db
def test_what_was_typed_for_one_task_stands_on_no_other(account, asha, enter):  # noqa: F811
    client, task = enter(asha, recently=False), told(account, state="DEAD_LETTER", reason="absent")
    other = told(account, state="DEAD_LETTER", reason="absent")

    decide(client, task, "abandon", why="Traded elsewhere")

    assert "Traded elsewhere" in client.get(path_of(task)).content.decode()
    assert "Traded elsewhere" not in client.get(path_of(other)).content.decode()


@pytest.mark.django_db
def test_what_is_unclear_is_not_offered_to_be_sent_again(client, account):
    task = told(account, state="DEAD_LETTER", reason="unclear")

    page = said(client.get(path_of(task)))
    answer = decide(client, task, "resend", why="I am sure")

    assert "Send it again" not in page
    assert answer.status_code == 422


@pytest.mark.django_db
def test_a_viewer_sees_a_dead_letter_and_decides_nothing(account, make_person, enter):  # noqa: F811
    viewer = make_person("viewer@example.com")
    Membership.objects.create(account=account, user=viewer, role=Role.VIEWER)
    task = told(account, state="DEAD_LETTER", reason="absent")

    page = said(enter(viewer).get(path_of(task)))

    assert "A trader of this account has to decide" in page
    assert "Abandon it" not in page
    assert decide(enter(viewer), task, "abandon", why="x").status_code == 403


@pytest.mark.django_db
def test_news_of_a_wait_reach_the_page(account, client):
    task = told(account)

    store.note_wait(task, "the broker to answer again")

    assert "Waits for the broker to answer again" in said(client.get(path_of(task)))
