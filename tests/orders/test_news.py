"""News of an order: who hears of it, in which words, and what is asked for because of it."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts import linking
from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderRequest, OrderStatus, OrderType, Product, Side
from accounts.lines import line_to
from orders import book, datasets
from orders.engine import store, switch
from orders.engine.models import Lane, OrderTask
from orders.models import Dataset, Order
from orders.risk import demand
from portfolio import sync
from tests.accounts.conftest import (  # noqa: F401
    asha,
    enter,
    hashed_password,
    make_person,
    stranger,
)
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.accounts.test_sockets import connected
from tests.engine.desk import give, give_many
from tests.orders.test_book import told
from tests.patience import until

DOC = Path(__file__).resolve().parents[2] / "docs/orders.md"
EXAMPLES = {
    one["type"]: one
    for one in map(json.loads, re.findall(r"```json\n(.+?)\n```", DOC.read_text(), re.DOTALL))
}
FILLED = told(
    OrderStatus.COMPLETE, filled=75, quantity=75, second=4, order_id="240711000012345",
    average_price=Decimal("24500.50"),
)  # fmt: skip


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    account = linking.link_paper(owner=asha)
    BrokerAccount.objects.filter(pk=account.pk).update(code="rao")
    account.refresh_from_db()
    return account


def hear(account, *updates, heard_from="stream"):
    return book.absorb(account, updates, heard_from=heard_from, at=timezone.now())


def make_order_news(account):
    hear(account, FILLED)


def make_task_news(account):
    task = give(account)
    OrderTask.objects.filter(pk=task.pk).update(state="COMPLETED")
    task.state, task.pk = "COMPLETED", 17
    store.tell(task)


def make_stop_news(account):
    switch.press("L1", why="a test", who="Asha", account=account)


NEWS = {
    "task_update": make_task_news,
    "order_update": make_order_news,
    "stop_update": make_stop_news,
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", NEWS)
async def test_the_examples_of_the_docs_are_what_members_hear_and_nobody_else(
    account, asha, stranger, enter, kind  # noqa: F811
):  # fmt: skip
    ours = await connected(await sync_to_async(enter)(asha))
    theirs = await connected(await sync_to_async(enter)(stranger))

    await sync_to_async(NEWS[kind])(account)

    while (heard := await ours.receive_json_from(timeout=5))["type"] != kind or (
        heard.get("status") == "PENDING"
    ):
        pass
    assert heard == EXAMPLES[kind]
    assert await theirs.receive_nothing(timeout=0.3)
    await ours.disconnect()
    await theirs.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_what_stops_the_whole_desk_is_heard_by_everybody(account, asha, stranger, enter):  # noqa: F811
    theirs = await connected(await sync_to_async(enter)(stranger))

    stop = await sync_to_async(switch.press)("L3", why="a test", who="Asha")
    pressed = await theirs.receive_json_from(timeout=5)
    await sync_to_async(switch.release)(
        type(stop).objects.filter(pk=stop.pk), who="Asha", why="over"
    )
    released = await theirs.receive_json_from(timeout=5)

    said = {"type": "stop_update", "account_id": "", "level": "L3"}
    assert pressed == said | {"is_stopped": True}
    assert released == said | {"is_stopped": False}
    await theirs.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_a_hold_is_told_to_members_when_it_begins_and_ends(account, asha, stranger, enter):  # noqa: F811
    ours = await connected(await sync_to_async(enter)(asha))
    theirs = await connected(await sync_to_async(enter)(stranger))

    await sync_to_async(give_many)(account, 9)
    begun = await heard_of(ours, "stop_update")
    calm = timezone.now() - demand.CALM_FOR
    await sync_to_async(Lane.objects.update)(calm_at=calm)
    await sync_to_async(demand.let_go)(account.pk)
    ended = await heard_of(ours, "stop_update")

    told = {"type": "stop_update", "account_id": "rao", "level": "HOLD"}
    assert begun == told | {"is_stopped": True}
    assert ended == told | {"is_stopped": False}
    assert await theirs.receive_nothing(timeout=0.3)
    await ours.disconnect()
    await theirs.disconnect()


async def heard_of(socket, kind):
    while (news := await socket.receive_json_from(timeout=5))["type"] != kind:
        pass
    return news


@pytest.mark.django_db(transaction=True)
async def test_the_same_news_again_are_none_and_each_change_is_told_once(account, asha, enter):  # noqa: F811
    socket = await connected(await sync_to_async(enter)(asha))
    life = [told(second=1), told(filled=4, second=2), told(filled=4, second=2), told(second=1)]

    for update in life:
        await sync_to_async(hear)(account, update)

    heard = [await socket.receive_json_from(timeout=5) for _ in range(2)]
    assert [one["filled_quantity"] for one in heard] == [0, 4]
    assert [one["status_message"] for one in heard] == ["Order open", "Order open"]
    assert await socket.receive_nothing(timeout=0.3)
    await socket.disconnect()


@pytest.mark.django_db(transaction=True)
def test_the_brokers_own_words_come_first(account):
    hear(account, told(OrderStatus.REJECTED, message="Insufficient funds."))

    from orders.news import event_of

    assert event_of(Order.objects.get())["status_message"] == "Insufficient funds."


@pytest.mark.django_db
def test_a_panel_of_orders_looks_different_after_news_and_the_same_without(account):
    dataset = datasets.of(account, "orders")

    hear(account, told(second=1))
    hear(account, told(second=1))

    assert Dataset.objects.get(pk=dataset.pk).version == dataset.version + 1


def waits(account, price):
    """Place a limit order below the market, which waits there."""
    request = OrderRequest(
        exchange="NSE", symbol="INFY", side=Side.BUY, quantity=5, product=Product.CNC,
        order_type=OrderType.LIMIT, price=Decimal(price),
    )  # fmt: skip
    with line_to(account) as broker:
        return broker.place(request).order_id


@pytest.mark.django_db(transaction=True)
def test_a_fill_that_polling_hears_of_asks_at_once_for_what_it_changes(account, exchange):  # noqa: F811
    exchange.control("POST", "prices", {"NSE:INFY": "1500"})
    waits(account, "1490")
    assert sync.sync_account(account.pk).success
    parts = ["positions", "holdings", "funds", "trades"]
    now = timezone.now()
    datasets.watch([account.pk], [*parts, "orders"], now)
    assert datasets.due(now) == []

    exchange.control("POST", "prices", {"NSE:INFY": "1480"})
    until(lambda: sync.refresh_part(account.pk, "orders").changed)

    assert Order.objects.get().status == OrderStatus.COMPLETE
    assert sorted(part for _, part in datasets.due(timezone.now())) == sorted(parts)


@pytest.mark.django_db(transaction=True)
def test_an_order_that_only_opens_asks_for_nothing_more(account):
    for part in ("positions", "funds"):
        dataset = datasets.of(account, part)
        Dataset.objects.filter(pk=dataset.pk).update(asked_at=timezone.now())

    hear(account, told(second=1))

    assert not Dataset.objects.filter(part__in=["positions", "funds"], asked_at=None).exists()


@pytest.mark.django_db
def test_what_is_being_fetched_while_it_is_asked_for_is_fetched_once_more(account):
    """The answer on its way may be from before the fill."""
    now = timezone.now()
    dataset = datasets.of(account, "positions")
    datasets.watch([account.pk], ["positions"], now)
    assert datasets.lease(dataset)

    datasets.renew_soon(account.pk)
    during = datasets.due(now)
    Dataset.objects.filter(pk=dataset.pk).update(leased_until=None)
    after = datasets.due(now + timedelta(seconds=1))

    assert during == []
    assert after == [(account.pk, "positions")]
