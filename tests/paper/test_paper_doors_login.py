"""Logging in by page and by JSON, with codes that count once."""

import hashlib
import re
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pyotp
import pytest
from kiteconnect.exceptions import TokenException

CALLBACK = "https://desk.example/kite/callback?from=paper"


@pytest.fixture
def member(paper):
    """A trader whose app has an address to come back to."""
    return paper.trader(redirect_url=CALLBACK)


@pytest.fixture
def browser(paper):
    with httpx.Client(base_url=paper.url, trust_env=False, timeout=20) as web:
        yield web


def fresh_code(trader: Any) -> str:
    return pyotp.TOTP(trader.totp_secret).now()


def next_code(trader: Any) -> str:
    """The code of the following step, which is accepted a little early."""
    return pyotp.TOTP(trader.totp_secret).at(time.time() + 30)


def open_page(browser: httpx.Client, trader: Any, **more: str) -> str:
    """Open the log-in page and give the id of this visit."""
    query = {"api_key": trader.api_key, "v": "3", **more}
    page = browser.get("/connect/login", params=query, follow_redirects=True)
    assert page.status_code == 200
    found = re.search(r'name="sess_id" value="([^"]+)"', page.text)
    assert found
    return found[1]


def give_password(browser: httpx.Client, trader: Any, sess_id: str, **other: str) -> httpx.Response:
    form = {"sess_id": sess_id, "user_id": trader.user_id, "password": trader.password, **other}
    return browser.post("/connect/login", data=form)


def give_code(browser: httpx.Client, sess_id: str, code: str) -> httpx.Response:
    return browser.post("/connect/twofa", data={"sess_id": sess_id, "twofa_value": code})


def parameters(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 302, answer.text
    place = answer.headers["location"]
    assert place.startswith("https://desk.example/kite/callback?")
    return dict(parse_qsl(urlsplit(place).query))


def exchange_token(trader: Any, request_token: str) -> dict[str, Any]:
    found: dict[str, Any] = trader.kite().generate_session(request_token, trader.api_secret)
    return found


def test_a_person_logs_in_by_the_pages_and_the_app_gets_a_session(browser, member):
    sess_id = open_page(browser, member, redirect_params="account=7&view=book", state="s1")

    page = give_password(browser, member, sess_id)
    found = parameters(give_code(browser, sess_id, fresh_code(member)))
    session = exchange_token(member, found["request_token"])

    assert "Paper exchange: practice money" in page.text
    assert found | {"request_token": ""} == {
        "from": "paper",
        "account": "7",
        "view": "book",
        "state": "s1",
        "action": "login",
        "type": "login",
        "status": "success",
        "request_token": "",
    }
    assert session["user_id"] == member.user_id


def test_the_pages_let_nothing_in_and_work_without_scripts(browser, member):
    page = browser.get("/connect/login", params={"api_key": member.api_key}, follow_redirects=True)

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://desk.example" in policy
    assert "<script" not in page.text
    assert page.text.count("<label for=") == 2
    assert "http" not in page.text.split("</style>")[1]
    assert page.headers["cache-control"] == "no-store"


def test_a_code_counts_once(browser, member):
    code = fresh_code(member)
    first = open_page(browser, member)
    give_password(browser, member, first)
    parameters(give_code(browser, first, code))
    browser.cookies.clear()
    second = open_page(browser, member)
    give_password(browser, member, second)

    refused = give_code(browser, second, code)

    assert refused.status_code == 403
    assert "Invalid TOTP." in refused.text


def test_a_wrong_password_shows_the_form_again_with_the_reason(browser, member):
    sess_id = open_page(browser, member)

    page = give_password(browser, member, sess_id, password="wrong")

    assert page.status_code == 403
    assert 'role="alert"' in page.text
    assert member.password not in page.text
    assert f'value="{member.user_id}"' in page.text


def test_what_people_type_is_escaped(browser, member):
    sess_id = open_page(browser, member)

    page = give_password(browser, member, sess_id, user_id='"><script>alert(1)</script>')

    assert "<SCRIPT" not in page.text.upper()


def test_too_many_mistakes_shut_the_door_for_a_while(browser, member):
    sess_id = open_page(browser, member)
    for _ in range(10):
        give_password(browser, member, sess_id, password="wrong")

    page = give_password(browser, member, sess_id)

    assert page.status_code == 429
    assert "Too many wrong attempts" in page.text


def test_a_code_without_a_password_leads_nowhere(browser, member):
    sess_id = open_page(browser, member)

    assert give_code(browser, sess_id, fresh_code(member)).status_code == 400
    assert browser.get("/connect/finish", params={"sess_id": sess_id}).status_code == 400


def test_an_unknown_app_is_told_so_and_not_redirected(browser):
    page = browser.get("/connect/login", params={"api_key": "nobody"})

    assert page.status_code == 400
    assert "location" not in page.headers


def test_a_stranger_to_the_app_ends_on_a_page_without_redirect(paper, browser, member):
    stranger = paper.trader()
    sess_id = open_page(browser, member)
    give_password(browser, stranger, sess_id)

    page = give_code(browser, sess_id, fresh_code(stranger))

    assert page.status_code == 403
    assert "The user is not enabled for the app." in page.text


def test_a_cancelled_log_in_tells_the_app(browser, member):
    sess_id = open_page(browser, member, redirect_params="account=7")

    answer = browser.post("/connect/cancel", data={"sess_id": sess_id})

    found = parameters(answer)
    assert found["status"] == "cancelled"
    assert found["account"] == "7"
    assert "request_token" not in found


def test_a_program_logs_in_by_json_and_cookies(browser, member):
    login = browser.post(
        "/api/login", data={"user_id": member.user_id, "password": member.password}
    ).json()["data"]
    second = browser.post(
        "/api/twofa",
        data={
            "user_id": member.user_id,
            "request_id": login["request_id"],
            "twofa_value": fresh_code(member),
            "twofa_type": login["twofa_type"],
        },
    )
    visit = browser.get(
        "/connect/login", params={"api_key": member.api_key, "skip_session": "true"}
    )
    found = parameters(browser.get(visit.headers["location"]))

    assert login["twofa_type"] == "totp"
    assert second.json()["status"] == "success"
    assert {"enctoken", "public_token"} <= set(second.cookies)
    assert exchange_token(member, found["request_token"])["api_key"] == member.api_key


@pytest.mark.parametrize(
    ("path", "form", "kind"),
    [
        ("/api/login", {"user_id": "ZZ9999", "password": "x"}, "UserException"),
        ("/api/login", {"user_id": "ZZ9999"}, "InputException"),
        (
            "/api/twofa",
            {"user_id": "ZZ9999", "request_id": "x", "twofa_value": "000000"},
            "TwoFAException",
        ),
    ],
)
def test_a_program_that_gets_it_wrong_gets_an_envelope(browser, path, form, kind):
    answer = browser.post(path, data=form)

    assert answer.status_code in {400, 403}
    assert answer.json()["error_type"] == kind


def test_a_request_token_is_good_for_one_session(browser, member):
    sess_id = open_page(browser, member)
    give_password(browser, member, sess_id)
    token = parameters(give_code(browser, sess_id, next_code(member)))["request_token"]
    exchange_token(member, token)

    with pytest.raises(TokenException, match="Token is invalid or has expired"):
        exchange_token(member, token)


def test_a_wrong_checksum_gets_no_session_and_spares_the_token(paper, browser, member):
    sess_id = open_page(browser, member)
    give_password(browser, member, sess_id)
    token = parameters(give_code(browser, sess_id, fresh_code(member)))["request_token"]
    form = {"api_key": member.api_key, "request_token": token}

    wrong = paper.web.post("/session/token", data={**form, "checksum": "0" * 64})
    right = hashlib.sha256((member.api_key + token + member.api_secret).encode()).hexdigest()
    good = paper.web.post("/session/token", data={**form, "checksum": right})

    assert wrong.status_code == 403
    assert wrong.json()["message"] == "Invalid `checksum`."
    assert good.status_code == 200
