"""What a template may not hold: anything that our content policy blocks, or that skips escaping."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = sorted(ROOT.glob("templates/**/*.html"))
FORBIDDEN = {
    "an inline style": r"\sstyle\s*=",
    "a style element": r"<style\b",
    "an inline script": r"<script(?![^>]*\bsrc=)",
    "an inline handler": r"\son[a-z]+\s*=",
    "hx-on": r"hx-on",
    "a javascript: address": r"javascript:",
    "a js: value": r"""["'{]\s*js:""",
    "a filter in hx-trigger": r"""hx-trigger\s*=\s*["'][^"']*\[""",
    "unescaped output": r"\|\s*safe\b|autoescape\s+off",
    "htmx that inherits by accident": r"hx-(?:headers|vals)\s*=",
}


def complaints(text):
    return [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text, re.IGNORECASE)]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: str(file.relative_to(ROOT)))
def test_template_holds_nothing_that_the_policy_blocks(template):
    assert complaints(template.read_text()) == []


@pytest.mark.parametrize(
    "bad",
    [
        '<p style="color: red">',
        "<style>p { color: red }</style>",
        "<script>alert(1)</script>",
        '<button onclick="go()">',
        '<div hx-on:click="go()">',
        '<a href="javascript:go()">',
        """<div hx-vals='js:{now: Date.now()}'>""",
        """<div hx-trigger="click[ctrlKey]">""",
        "{{ note|safe }}",
    ],
)
def test_the_lint_sees_what_it_looks_for(bad):
    assert complaints(bad) != []


def test_styles_leave_important_to_reset_motion_and_print():
    allowed = {"base.css", "responsive.css"}

    users = {
        file.name for file in ROOT.glob("static/css/*.css") if "!important" in file.read_text()
    }

    assert users <= allowed
