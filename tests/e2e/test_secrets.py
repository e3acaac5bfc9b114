"""After a person used the desk, none of their secrets lies anywhere it could be read.

A desk of its own: a real browser logs in, sets up a second factor, errs, changes the password. Then
everything the desk wrote is searched, and the same search must find canaries left in clear on purpose.
"""

import base64
import json
import re
import subprocess
from urllib.parse import quote

import pyotp
import pytest
import redis

from tests.e2e.conftest import Complaints
from tradedesk.desk.postgres import binaries
from tradedesk.desk.throwaway import throwaway_desk, wait_until

NEW_PASSWORD = "Canary-new-password-7301"
WRONG_PASSWORD = "Canary-wrong-password-5512"
DECODE_SESSIONS = """
import json
from accounts.models import Session
from accounts.sessions import SessionStore
print(json.dumps([SessionStore().decode(row.session_data) for row in Session.objects.all()], default=str))
"""
DECODE_AUTHENTICATORS = """
import json
from allauth.mfa.models import Authenticator
print(json.dumps([row.data for row in Authenticator.objects.all()], default=str))
"""


@pytest.fixture(scope="module")
def desk():
    with throwaway_desk() as running:
        yield running


@pytest.fixture(scope="module")
def secrets(desk, browser):
    """Use the desk as a person does, and give every secret that came up."""
    complaints = Complaints()
    context = browser.new_context(base_url=desk.url)
    page = context.new_page()
    complaints.listen(page)
    email, first_password = desk.first_login()
    found = {
        "first password": first_password,
        "new password": NEW_PASSWORD,
        "wrong": WRONG_PASSWORD,
        "control token": (desk.home / "paper" / "control.token").read_text().strip(),
        "field key": (desk.home / "keys" / "field-key").read_text().strip(),
        "secret key": (desk.home / "keys" / "secret-key").read_text().strip(),
    }

    log_in(page, email, WRONG_PASSWORD)
    log_in(page, email, first_password)
    found["session 1"] = session_key(context)
    page.goto("/me/second-factor/app/")
    if page.get_by_label("Password").count():
        page.get_by_label("Password").fill(first_password)
        page.get_by_role("button", name=re.compile("confirm|go on|continue", re.IGNORECASE)).click()
        page.goto("/me/second-factor/app/")
    seed = re.sub(r"\s", "", page.locator("[data-totp-key]").inner_text())
    found["totp seed"] = seed
    found["session during set-up"] = session_key(context)
    before = decoded(desk, DECODE_SESSIONS)  # the seed waits in the session until it is confirmed
    page.get_by_label("Code").fill(pyotp.TOTP(seed).now())
    page.get_by_role("button", name="Turn it on").click()
    page.wait_for_load_state()
    for number, code in enumerate(
        re.findall(r"\b\d{4} ?\d{4}\b", page.locator("main").inner_text())
    ):
        found[f"recovery code {number}"] = code
    page.goto("/nothing-here/?password=" + WRONG_PASSWORD)
    page.goto("/me/password/")
    page.get_by_label("Current password").fill(first_password)
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password again").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    page.wait_for_load_state()
    found["session 2"] = session_key(context)
    context.close()
    assert complaints.lines == []
    return found, before


def log_in(page, email, password):
    page.goto("/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_load_state()


def session_key(context):
    return next(cookie["value"] for cookie in context.cookies() if "session" in cookie["name"])


def decoded(desk, code):
    ran = desk.manage("shell", "--no-imports", "-c", code)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def everything(desk):
    """All that the desk wrote, by place, as bytes."""
    pipes = {"host": f"{desk.home}/run/postgres", "user": "tradedesk"}
    dump = subprocess.run(
        [binaries() / "pg_dump", "--inserts", "-h", pipes["host"], "-U", pipes["user"], "tradedesk"],
        capture_output=True, check=True,
    )  # fmt: skip
    yield "the database", dump.stdout
    yield "the sessions, decoded", decoded(desk, DECODE_SESSIONS).encode()
    yield "the second factors", decoded(desk, DECODE_AUTHENTICATORS).encode()
    with redis.Redis(unix_socket_path=f"{desk.home}/run/redis/redis.sock") as client:
        for key in client.scan_iter():
            yield f"Redis, {key!r}", key + b" " + (client.dump(key) or b"") + read(client, key)
    for file in [*(desk.home / "redis").rglob("*"), *(desk.home / "log").iterdir()]:
        if file.is_file():
            yield str(file.relative_to(desk.home)), file.read_bytes()
    for file in (desk.home / "postgres" / "pg_wal").glob("0*"):
        yield f"write-ahead log {file.name}", file.read_bytes()


def read(client, key):
    kind = client.type(key)
    readers = {b"string": client.get, b"list": lambda k: client.lrange(k, 0, -1), b"hash": client.hgetall,
               b"set": client.smembers, b"zset": lambda k: client.zrange(k, 0, -1)}  # fmt: skip
    return repr(readers[kind](key)).encode() if kind in readers else b""


def spellings(secret):
    """The ways in which a secret could lie there."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield quote(secret, safe="").encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):  # base64 of the secret somewhere inside a longer text
            coded = encode(b"x" * shift + raw).rstrip(b"=")
            yield coded[4 if shift else 0 : -2]


def found_in(places, secrets):
    return [
        f"{name} in {place}"
        for place, content in places
        for name, secret in secrets.items()
        if any(spelling in content for spelling in spellings(secret))
    ]


def test_no_secret_of_a_person_lies_in_database_redis_or_logs(desk, secrets):
    known, sessions_during_set_up = secrets
    places = [*everything(desk), ("the sessions during set-up", sessions_during_set_up.encode())]

    assert {"first password", "totp seed", "recovery code 0", "session 2"} <= set(known)
    assert found_in(places, known) == []


def test_the_search_finds_what_is_left_in_clear_on_purpose(desk):
    canary = "Canary-left-in-clear-9914"
    code = (
        "from tradedesk.models import Failure;"
        f"Failure.objects.create(fingerprint='canary', kind='Canary', place='{canary}');"
        "from accounts.sessions import SessionStore;"
        f"store = SessionStore(); store['note'] = '{canary}'; store.create()"
    )
    decoded(desk, code)
    with redis.Redis(unix_socket_path=f"{desk.home}/run/redis/redis.sock") as client:
        client.set("canary", base64.b64encode(b"ab" + canary.encode()))
    with (desk.home / "log" / "web.log").open("a") as log:
        log.write(json.dumps({"message": quote(canary)}) + "\n")

    wait_until(
        lambda: (
            b"canary" in (desk.home / "redis" / "appendonlydir").joinpath(aof(desk)).read_bytes()
        )
    )
    found = {
        line.removeprefix("canary in ") for line in found_in(everything(desk), {"canary": canary})
    }

    assert {"the database", "the sessions, decoded", "Redis, b'canary'", "log/web.log"} <= found
    assert any("appendonlydir" in place for place in found)
    assert any("write-ahead" in place for place in found)


def aof(desk):
    return next(
        file.name
        for file in (desk.home / "redis" / "appendonlydir").iterdir()
        if ".incr." in file.name
    )
