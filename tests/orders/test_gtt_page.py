"""The triggers: what each waits for, how far that is, and what became of it."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts import linking, logins
from accounts.brokers.types import Gtt, GttLeg, OrderStatus, Side
from orders import book, datasets
from orders.datasets import Part
from orders.gtt_pages import distance
from orders.models import Dataset
from orders.syncing import SOURCES
from portfolio import sync
from tests.accounts.conftest import (  # noqa: F401
    asha,
    enter,
    hashed_password,
    make_person,
    stranger,
)
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.orders.test_book import told

pytestmark = pytest.mark.django_db
[KEEPS_ORDERS] = [one for one in SOURCES if one.part == Part.ORDERS]


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


@pytest.fixture
def client(account, asha, enter):  # noqa: F811
    return enter(asha)


def leg(**facts):
    base: dict[str, Any] = {"side": Side.SELL, "quantity": 10, "product": "CNC"}
    return GttLeg(**base | {"price": Decimal(95)} | facts)


def trigger(**facts):
    now = timezone.now()
    base: dict[str, Any] = {
        "gtt_id": "1", "kind": "two-leg", "status": "active", "exchange": "NSE", "symbol": "INFY",
        "triggers": (Decimal("95.5"), Decimal(110)), "last_price": Decimal(100),
        "legs": (leg(), leg(price=Decimal(111))), "created_at": now, "expires_at": now,
        "raw": {"id": 1, "type": "two-leg", "status": "active"},
    }  # fmt: skip
    return Gtt(**base | facts)


def known(account, *gtts):
    now = timezone.now()
    book.record_gtts(account, gtts, at=now)
    Dataset.objects.update_or_create(account=account, part="gtts", defaults={"synced_at": now})


@pytest.mark.parametrize("path", ["/gtt/", "/a/paper/gtt/"])
def test_it_shows_each_leg_with_how_far_the_price_has_to_go(client, account, path):
    known(account, trigger())

    html = client.get(path).content.decode()

    for word in (
        ">PAPER</span>",
        "Stop and target",
        "ACTIVE",
        "95.50",
        "−4.50%",
        "+10.00%",
        "111.00",
        "data-as-of",
    ):
        assert word in html, word


def test_the_distance_is_unknown_without_a_price():
    assert distance(Decimal(110), Decimal(0)) is None
    assert distance(None, Decimal(100)) is None


def test_triggered_takes_the_colour_of_what_it_released(client, account):
    book.absorb(account, [told(OrderStatus.REJECTED, order_id="9")], heard_from="sync", at=timezone.now())  # fmt: skip
    known(
        account,
        trigger(gtt_id="1", status="triggered", legs=(leg(order_id="9", succeeded=True),)),
        trigger(
            gtt_id="2",
            status="triggered",
            legs=(leg(succeeded=False, rejection="Below the circuit"),),
        ),
        trigger(gtt_id="3", status="something new"),
    )

    lines = {line.gtt.gtt_id: line for line in client.get("/gtt/").context["panel"].body["lines"]}

    assert (lines["1"].state.note, lines["1"].like) == ("order rejected", "REJECTED")
    assert (lines["2"].like, lines["2"].reason) == ("REJECTED", "Below the circuit")
    assert lines["3"].state.word == "UNKNOWN"


def test_what_is_listed_no_more_is_folded_below(client, account):
    known(account, trigger(gtt_id="1"), trigger(gtt_id="2", symbol="TCS"))
    known(account, trigger(gtt_id="2", symbol="TCS"))

    body = client.get("/gtt/").context["panel"].body

    assert [line.gtt.gtt_id for line in body["listed"]] == ["2"]
    assert [(line.gtt.gtt_id, line.state.word) for line in body["gone"]] == [("1", "UNKNOWN")]
    assert "No longer listed by the broker: 1" in client.get("/gtt/").content.decode()


def test_files_and_programs_get_all_of_it(client, account):
    known(account, trigger())

    rows = list(csv.DictReader(io.StringIO(client.get("/gtt/?format=csv").content.decode("utf-8-sig"))))  # fmt: skip
    assert [Decimal(row["distance_percent"]) for row in rows] == [Decimal("-4.5"), Decimal(10)]
    [told] = client.get("/gtt/", headers={"X-Account-ID": "paper"}).json()
    assert (told["id"], told["type"], told["account"]) == (1, "two-leg", "paper")


def test_every_state_of_the_panel(client, account):
    assert "Loading triggers" in client.get("/gtt/").content.decode()
    sync.sync_account(account.pk, ["gtts"])
    assert "No trigger waits" in client.get("/gtt/").content.decode()
    known(account, trigger())
    Dataset.objects.filter(part="gtts").update(error="the broker did not answer")
    html = client.get("/gtt/").content.decode()
    assert "GTT did not load for Paper." in html
    assert "ACTIVE" in html
    logins.end(account, "test", generation=account.session.generation)
    html = client.get("/gtt/").content.decode()
    assert "Paper is logged out." in html
    assert "ACTIVE" not in html


def test_strangers_see_nothing_of_it(account, stranger, enter):  # noqa: F811
    known(account, trigger())
    other = enter(stranger)

    assert other.get("/a/paper/gtt/").status_code == 404
    assert b"INFY" not in other.get("/gtt/").content


def test_a_change_of_the_released_order_is_shown_without_news_of_the_trigger(client, account):
    known(account, trigger(status="triggered", legs=(leg(order_id="7", succeeded=True),)))
    orders = datasets.of(account, Part.ORDERS)
    datasets.keep(orders, KEEPS_ORDERS, [told(OrderStatus.OPEN, order_id="7")])
    partial = {"HX-Request": "true", "HX-Request-Type": "partial"}
    first = client.get("/gtt/", headers=partial)
    assert "order pending" in first.content.decode()

    orders.refresh_from_db()
    done = told(OrderStatus.COMPLETE, filled=10, second=1, order_id="7")
    datasets.keep(orders, KEEPS_ORDERS, [done])

    second = client.get("/gtt/", headers=partial | {"If-None-Match": first["ETag"]})
    assert second.status_code == 200
    assert "order complete" in second.content.decode()
