"""The ticket page: what it takes, what it refuses and how, and that one form is one order."""

import re
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from django.core import signing
from django.utils import timezone
from django.utils.html import strip_tags

from accounts import linking
from accounts.brokerage import Membership, Role
from orders import form_keys
from orders.engine import switch
from orders.engine.models import OrderTask
from orders.instruments import import_master
from orders.instruments.models import Instrument, MasterImport
from tests.accounts.conftest import (  # noqa: F401
    asha,
    enter,
    hashed_password,
    make_person,
    stranger,
)
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.orders.listing import FRIDAY, market

pytestmark = pytest.mark.django_db
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}
TERMS = {
    "instrument": "NSE:INFY", "side": "BUY", "quantity": "5", "order_type": "LIMIT",
    "price": "1,450.00", "product": "CNC", "protection": "auto",
}  # fmt: skip


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    account = linking.link_paper(owner=asha)
    import_master("kite-paper", market(), at=FRIDAY)
    return account


@pytest.fixture
def client(account, asha, enter):  # noqa: F811
    return enter(asha)


@pytest.fixture
def path(account):
    return f"/a/{account.code}/orders/new/"


def key_in(answer):
    [key] = re.findall(r'name="key" value="([^"]+)"', answer.content.decode())
    return key


def said(answer):
    return " ".join(strip_tags(answer.content.decode()).split())


def send(client, path, *, key=None, headers=None, **terms):
    key = key or key_in(client.get(path))
    return client.post(path, TERMS | {"key": key} | terms, headers=headers)


def test_an_order_is_taken_once_for_its_form_and_leads_to_its_task(client, path, asha):  # noqa: F811
    key = key_in(client.get(path))

    answers = [send(client, path, key=key) for _ in range(3)]

    task = OrderTask.objects.get()
    assert {answer.status_code for answer in answers} == {303}
    assert {answer["Location"] for answer in answers} == {
        f"/a/{task.account.code}/tasks/{task.pk}/"
    }
    assert (task.user, task.source, task.params["price"]) == (asha, "page", "1450")
    assert "Buy 5 INFY LIMIT 1450" in said(client.get(answers[0]["Location"]))


def test_a_page_with_scripts_gets_an_empty_ticket_and_a_chip(client, path):
    answer = send(client, path, headers=PARTIAL)

    task = OrderTask.objects.get()
    html = answer.content.decode()
    assert answer.status_code == 200
    assert answer["HX-Trigger"] == "task-accepted"
    assert f'id="chip-{task.pk}"' in html
    assert re.search(r'name="instrument"\s+value=""', html)
    assert key_in(answer) != task.key


@pytest.mark.parametrize(
    ("terms", "words", "fill"),
    [
        ({"price": "1450.03"}, "Price must step by", "price=1450.05"),
        ({"price": ""}, "A limit order needs a price.", ""),
        ({"quantity": "0"}, "Quantity must be 1 or more.", "quantity=1"),
        ({"quantity": "ten"}, "Write a number such as", ""),
        ({"product": "NRML"}, "NSE takes CNC, MIS and MTF, not NRML.", "product=CNC"),
        ({"order_type": "MARKET"}, "has no price of its own", "price="),
        ({"order_type": "MARKET", "price": "", "protection": "0"}, "never zero", "protection=-1"),
        ({"order_type": "SL", "trigger_price": ""}, "needs a trigger price", ""),
        ({"order_type": "SL", "trigger_price": "1460"}, "the trigger must not be above", "trigger_price=1450"),
        ({"instrument": "NSE:NOSUCH"}, "is not in the list of instruments", ""),
        ({"instrument": "tata mot"}, "Name an instrument as NSE:INFY.", "instrument=NSE%3ATATAMOTORS"),
        ({"instrument": ""}, "Choose an instrument.", ""),
        ({"quantity": ""}, "Type how many.", ""),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_refused_beside_its_field_with_the_way_out(
    client, path, terms, words, fill
):
    answer = send(client, path, **terms)

    assert answer.status_code == 422
    assert words in said(answer)
    assert (
        f'name="fill" value="{fill}"'.replace("&", "&amp;") in answer.content.decode() or not fill
    )
    assert not OrderTask.objects.exists()


def test_a_fix_fills_its_field_and_sends_nothing(client, path):
    answer = send(client, path, price="1450.03")
    [fill] = set(re.findall(r'name="fill" value="(price=1450.05)"', answer.content.decode()))

    fixed = send(client, path, price="1450.03", fill=fill)

    assert fixed.status_code == 200
    assert 'value="1450.05"' in fixed.content.decode()
    assert "must step" not in said(fixed)
    assert not OrderTask.objects.exists()
    assert send(client, path, **dict(parse_qsl(fill))).status_code == 303


def test_an_instrument_that_is_chosen_brings_a_product_that_fits(client, path):
    answer = send(client, path, instrument="", fill="instrument=NFO:NIFTY26NOVFUT")

    chosen = re.findall(r'name="product"\s+value="(\w+)"\s+checked', answer.content.decode())
    assert chosen == ["NRML"]


def test_one_who_types_hears_of_what_is_wrong_but_not_of_what_is_missing(client, account):
    path = f"/a/{account.code}/orders/check/"

    typing = client.post(path, TERMS | {"price": "", "quantity": ""}, headers=PARTIAL)
    wrong = client.post(path, TERMS | {"price": "1450.03"}, headers=PARTIAL)

    words = client.post(path, TERMS | {"instrument": "nifty 26000 pe"}, headers=PARTIAL)

    assert "needs a price" not in said(typing)
    assert "Name an instrument" not in said(words)
    assert "Price must step by" in said(wrong)
    assert "Buy 5 INFY" in said(wrong)


def test_the_same_content_from_another_form_is_a_question_and_is_sent_again_on_purpose(
    client, path
):
    send(client, path)
    earlier = OrderTask.objects.get()
    key = key_in(client.get(path))

    asked = send(client, path, key=key)
    again = [send(client, path, key=key, confirms=str(earlier.pk)) for _ in range(2)]

    assert asked.status_code == 422
    assert "The same order again?" in said(asked)
    assert earlier.code in said(asked)
    assert [answer.status_code for answer in again] == [303, 303]
    assert OrderTask.objects.count() == 2


def test_a_used_form_with_other_terms_is_refused_and_gets_a_key_of_its_own(client, path):
    key = key_in(client.get(path))
    send(client, path, key=key)

    answer = send(client, path, key=key, quantity="6")

    assert answer.status_code == 422
    assert "used for another order" in said(answer)
    assert key_in(answer) != key
    assert OrderTask.objects.count() == 1


def test_a_key_of_somebody_else_of_another_account_or_of_nobody_is_refused(
    client, path, account, asha, make_person, enter  # noqa: F811
):  # fmt: skip
    ravi = make_person("ravi@example.com")
    Membership.objects.create(account=account, user=ravi, role=Role.TRADER)
    other = linking.link_paper(owner=asha)
    keys = [
        key_in(enter(ravi).get(path)),
        key_in(client.get(f"/a/{other.code}/orders/new/")),
        "made-up",
        signing.dumps("nonsense", salt=form_keys.SALT),
        signing.dumps(["k", asha.pk, account.pk], salt="another"),
    ]

    answers = [send(client, path, key=key) for key in keys]

    assert [answer.status_code for answer in answers] == [422] * len(keys)
    assert not OrderTask.objects.exists()


def test_a_form_is_good_for_a_day(client, path, time_machine):
    key = key_in(client.get(path))

    time_machine.move_to(timezone.now() + timedelta(seconds=form_keys.LIVES + 1))

    with pytest.raises(form_keys.KeyRefused, match="older than a day"):
        form_keys.read(key, *whose(client))


def whose(client):
    member = Membership.objects.get(role=Role.OWNER)
    return member.user, member.account


def test_what_stops_trading_is_said_on_the_ticket_and_refused(client, path, account):
    switch.press("L1", why="Margin call", who="Anita", account=account)

    answer = send(client, path)

    assert answer.status_code == 422
    assert "stopped by Anita: Margin call" in said(answer)


def test_an_address_prefills_the_ticket(client, path):
    html = client.get(
        f"{path}?instrument=NSE:INFY&side=SELL&quantity=7&price=1500&product=MIS"
    ).content.decode()

    assert 'value="NSE:INFY"' in html
    assert re.search(r'value="SELL"\s+checked', html)
    assert re.search(r'value="MIS"\s+checked', html)
    assert 'value="7"' in html
    assert "Sell 7 INFY" in html
    assert 'value="1500"' in html


def test_a_list_that_has_not_come_is_told_apart_from_a_word_that_finds_nothing(
    client, account, path
):
    search = f"/a/{account.code}/instruments/"
    nothing = said(client.get(search, {"instrument": "zzzz"}, headers=PARTIAL))
    MasterImport.objects.all().delete()
    Instrument.objects.all().delete()

    missing = said(client.get(search, {"instrument": "zzzz"}, headers=PARTIAL))

    assert "Nothing is listed under these words." in nothing
    assert "has not come yet" in missing
    assert "has not come yet" in said(client.get(path))


def test_the_search_offers_what_can_be_traded(client, account):
    path = f"/a/{account.code}/instruments/"

    found = client.get(path, {"instrument": "nifty"}, headers=PARTIAL)

    assert "instrument=NFO%3ANIFTY26NOVFUT" in found.content.decode()
    assert "NIFTY+50" not in found.content.decode()


def test_the_strategy_on_the_ticket_goes_into_the_task(client, path, asha):  # noqa: F811
    refused = send(client, path, strategy="momentum")
    assert refused.status_code == 422
    assert "up to three letters or digits" in said(refused)

    send(client, path, strategy="mom")

    assert OrderTask.objects.get().strategy == "MOM"
