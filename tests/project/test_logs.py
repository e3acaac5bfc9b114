"""Logs say what happened and never with what secret."""

import json
import logging

import pytest

from tradedesk import logs, sentry

SECRET = "hunter2-Correct-Horse"


@pytest.mark.parametrize(
    "line",
    [
        f"password={SECRET}",
        f"login failed for a@b.in, password: {SECRET}",
        f'{{"api_secret": "{SECRET}", "ok": 1}}',
        f"{{'access_token': '{SECRET}'}}",
        f"{{'password': b'{SECRET}'}}",
        f"Authorization: token key:{SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"GET /callback?request_token={SECRET}&status=ok",
        f"totp_seed={SECRET}",
        f"connecting to postgres://desk:{SECRET}@10.0.0.1/desk",
        f"GET /me/reset/{SECRET}/",
        f"POST /invite/{SECRET}/ 200",
        f"enctoken={SECRET};",
        f"Cookie: sessionid={SECRET}",
    ],
)
def test_a_secret_is_hidden_under_every_name_it_has(line):
    scrubbed = logs.scrub(line)

    assert SECRET not in scrubbed
    assert logs.HIDDEN in scrubbed


@pytest.mark.parametrize(
    "line",
    [
        "tokens of 3 accounts expire at 06:00",
        "the password was changed by a@b.in",
        "order 42: pinned to NSE",
        "GET /login/ 200",
    ],
)
def test_ordinary_words_stay_readable(line):
    assert logs.scrub(line) == line


def test_a_known_value_is_hidden_wherever_it_turns_up():
    logs.remember("a-very-known-value")

    assert logs.scrub("oops a-very-known-value!") == f"oops {logs.HIDDEN}!"
    logs.known.discard("a-very-known-value")


def test_a_json_line_is_one_line_and_hides_tracebacks_too():
    try:
        raise ValueError(f"password={SECRET}")
    except ValueError as error:
        facts = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "two\nlines token=%s", (SECRET,), facts)

    line = logs.JsonFormatter().format(record)

    assert "\n" not in line
    assert SECRET not in line
    assert json.loads(line)["message"].startswith("two\nlines")


def test_reports_to_the_outside_are_scrubbed_however_deep():
    report = {
        "request": {"headers": [["Cookie", SECRET]], "data": {"api_key": SECRET}},
        "extra": [f"pin={SECRET}"],
    }

    cleaned = json.dumps(sentry.clean(report | {"vars": {"totp": {"seed": SECRET}}}))

    assert SECRET not in cleaned
