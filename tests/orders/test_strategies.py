"""The strategy of an order is read from its tag, and never guessed."""

import string

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from orders import book, strategies
from orders.engine.models import Kind, OrderAttempt, OrderTask
from orders.engine.spelling import spell
from orders.engine.store import fresh_tag
from orders.models import Order
from tests.engine.desk import limit
from tests.orders.test_book import NOW, account, told  # noqa: F401

CODES = st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=3).filter(
    lambda code: code != "TD"
)
NUMBERS = st.integers(0, 10**12)


@given(NUMBERS, st.sampled_from(["strategy_{}", "strat:{}", "s{}", "strategy:{}", "X:{}"]))
def test_every_written_form_gives_its_number(number, form):
    assert strategies.parse(form.format(number)) == str(number)


@given(CODES)
def test_our_own_tags_fit_every_broker_and_give_their_code_back(code):
    tag = fresh_tag(code)
    assert len(tag) <= 18
    assert tag.isascii()
    assert tag.isalnum()
    assert strategies.ours(tag) == code
    assert strategies.parse(tag) == ""
    assert strategies.ours(fresh_tag("")) == ""


@given(st.text(max_size=25))
def test_whatever_else_a_tag_says_is_a_number_or_nothing(tag):
    found = strategies.parse(tag)
    assert found == "" or (found.isascii() and found.isdecimal() and tag.endswith(found))


@pytest.mark.parametrize(
    "tag",
    ["", "s", "S123", "strategy_", "strategy_1x", "a:b:1", ":1", "strat: 1", "s\u0661", "s12 ", "s1.5", "mktp"],
)  # fmt: skip
def test_what_is_none_of_the_forms_is_no_strategy(tag):
    assert strategies.parse(tag) == ""


@pytest.mark.parametrize(("text", "code"), [("", ""), (" mom ", "MOM"), ("7", "7"), ("a1", "A1")])
def test_codes_are_read(text, code):
    assert strategies.check(text) == code


@pytest.mark.parametrize("text", ["LONG", "A-B", "é", "td", "M M"])
def test_what_is_no_code_is_refused(text):
    with pytest.raises(strategies.BadStrategy):
        strategies.check(text)


def sent(account, strategy, tag):  # noqa: F811
    now = timezone.now()
    task = OrderTask.objects.create(
        account=account, kind=Kind.PLACE, source="command", key=tag, params=spell(limit()), sequence=1,
        request="00000000-0000-0000-0000-000000000000", fingerprint=tag, strategy=strategy,
        try_at=now, expires_at=now, created_at=now, state="COMPLETED",
    )  # fmt: skip
    OrderAttempt.objects.create(task=task, number=1, tag=tag, began_at=now)


@pytest.mark.django_db
def test_the_book_knows_the_strategy_of_what_we_sent_and_of_what_says_so(account):  # noqa: F811
    ours, foreign = fresh_tag("MOM"), fresh_tag("MOM")
    sent(account, "MOM", ours)
    tags = {
        "1": (ours,), "2": (foreign,), "3": ("strategy_123",), "4": ("mktp", "s7"), "5": (),
        "6": ("s7", "strat:8"), "7": ("s7", "strategy_7"),
    }  # fmt: skip
    news = [
        told(order_id=one, tag=some[0] if some else None, tags=some) for one, some in tags.items()
    ]
    book.absorb(account, news, heard_from="sync", at=NOW)

    found = dict(Order.objects.values_list("order_id", "strategy"))
    assert found == {"1": "MOM", "2": "", "3": "123", "4": "7", "5": "", "6": "", "7": "7"}


@pytest.mark.django_db
def test_later_news_without_a_tag_keeps_the_strategy(account):  # noqa: F811
    book.absorb(account, [told(tag="s7")], heard_from="sync", at=NOW)
    book.absorb(account, [told(filled=3, second=5)], heard_from="stream", at=NOW)

    assert Order.objects.get().strategy == "7"
