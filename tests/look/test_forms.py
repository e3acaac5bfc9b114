"""Forms come out in our look, and say what is wrong where eyes, hands and ears find it."""

import re

import pytest
from django import forms
from django.template import Context, Template


class Ticket(forms.Form):
    quantity = forms.IntegerField(label="Quantity", min_value=1, help_text="In shares.")
    product = forms.ChoiceField(choices=[("MIS", "Intraday")], widget=forms.RadioSelect)
    note = forms.CharField(required=False)
    careful = forms.BooleanField(label="Ask first", required=False)
    key = forms.CharField(widget=forms.HiddenInput)


def render(form):
    return Template("{{ form }}").render(Context({"form": form}))


def tag(html, pattern):
    found = re.search(rf"<[^<>]*{pattern}[^<>]*>", html)
    assert found
    return found.group()


@pytest.fixture
def wrong():
    form = Ticket({"quantity": "0", "note": "", "key": ""})
    form.add_error(None, "The account may not trade <NFO>.")
    return render(form)


def test_a_fresh_form_complains_about_nothing():
    html = render(Ticket())

    assert "error" not in html
    assert "aria-invalid" not in html
    assert 'aria-describedby="id_quantity_helptext"' in tag(html, 'name="quantity"')
    assert "In shares." in html


def test_every_input_has_its_label():
    html = render(Ticket())

    for name in ("quantity", "note", "careful"):
        assert f'<label for="id_{name}">' in html
    assert "<legend>Product</legend>" in html


def test_only_what_may_stay_empty_is_called_optional():
    html = render(Ticket())

    assert html.count("optional") == 2  # the class and the word, at the note


def test_a_wrong_field_is_marked_and_tied_to_its_reason(wrong):
    field = tag(wrong, 'name="quantity"')

    assert 'aria-invalid="true"' in field
    assert 'aria-describedby="id_quantity_helptext id_quantity_error"' in field
    assert 'id="id_quantity_error"' in wrong


def test_the_summary_comes_first_takes_focus_and_names_every_mistake(wrong):
    summary = wrong.index("data-summary")

    assert summary < wrong.index('name="quantity"')
    assert 'tabindex="-1"' in tag(wrong, "data-summary")
    assert "autofocus" in tag(wrong, "data-summary")
    assert '<a href="#id_quantity">Quantity</a>' in wrong
    assert wrong.count("This field is required.") >= 2  # the hidden one is told too


def test_what_is_wrong_is_escaped(wrong):
    assert "&lt;NFO&gt;" in wrong
    assert "<NFO>" not in wrong


def test_one_group_can_be_rendered_by_itself():
    html = Template("{{ form.quantity.as_field_group }}").render(Context({"form": Ticket()}))

    assert html.count("<input") == 1
    assert 'class="field"' in html
