"""What the template tags write: escaped, spoken, and a dash where nothing is known."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from tradedesk.templatetags import desk


def render(source, **facts):
    return Template(source).render(Context(facts))


def test_a_gain_has_sign_arrow_colour_and_word():
    html = render("{{ value|pnl }}", value=Decimal("1234.5"))

    assert 'class="num up"' in html
    assert 'class="tri" aria-hidden="true"' in html
    assert '<span class="visually-hidden">gain </span>+1,234.50' in html


def test_a_loss_has_sign_arrow_colour_and_word():
    html = render("{{ value|pnl }}", value=Decimal("-1234.5"))

    assert 'class="num down"' in html
    assert '<span class="visually-hidden">loss </span>−1,234.50' in html


@given(
    value=st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1, max_value=1)
)
def test_the_colour_follows_what_is_shown(value):
    html = render("{{ value|pnl }}", value=value)

    assert ("up" in html) == ("+" in html)
    assert ("down" in html) == ("−" in html)


FILTERS = ["rupees", "money", "signed", "pnl", "short_money", "price", "quantity", "percent"]


@pytest.mark.parametrize("name", FILTERS)
def test_what_is_missing_is_a_dash_and_never_nought(name):
    html = render(f"{{{{ value|{name}|dash:'No price yet' }}}}", value=None)

    assert 'title="No price yet"' in html
    assert '<span aria-hidden="true">–</span>' in html
    assert '<span class="visually-hidden">No price yet</span>' in html
    assert "0" not in html


@pytest.mark.parametrize("name", FILTERS)
def test_no_filter_takes_a_float(name):
    with pytest.raises(TypeError):
        render(f"{{{{ value|{name} }}}}", value=0.5)


def test_a_dash_leaves_a_known_nought_alone():
    assert render("{{ value|dash:'why' }}", value=0) == "0"


def test_a_reason_is_escaped():
    assert "<b>" not in render("{{ value|dash:reason }}", value=None, reason="<b>")


def test_a_price_takes_its_tick_from_the_template():
    assert "84.2125" in render("{{ value|price:'0.0025' }}", value=Decimal("84.2125"))


@time_machine.travel(datetime(2026, 11, 20, 9, 0, tzinfo=UTC), tick=False)
def test_a_moment_carries_the_whole_truth():
    html = render("{{ at|moment }}", at=datetime(2026, 11, 19, 8, 11, 52, tzinfo=UTC))

    assert 'datetime="2026-11-19T13:41:52+05:30"' in html
    assert 'title="19 Nov 2026, 13:41:52 IST"' in html
    assert ">19 Nov 13:41<" in html


def test_an_icon_is_decoration_unless_it_has_a_name():
    assert 'aria-hidden="true"' in render('{% icon "bell" %}')
    assert 'role="img" aria-label="Held &amp; free"' in render(
        '{% icon "bell" label=words %}', words="Held & free"
    )


@pytest.mark.parametrize("state", desk.STATES)
def test_every_state_is_told_by_icon_word_and_colour(state):
    html = render("{% status state %}", state=state)

    kind, icon = desk.STATES[state]
    assert state in html
    assert f"is-{kind}" in html
    assert f"#{icon}" in html


def test_a_state_we_do_not_know_is_a_mistake():
    with pytest.raises(KeyError):
        render('{% status "MAYBE" %}')
