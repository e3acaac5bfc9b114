"""What the environment may say, and how a wrong word is answered."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tradedesk import env

ROOT = Path(__file__).resolve().parents[2]
SAFE = {
    "TRADEDESK_MODE": "production",
    "SECRET_KEY": "a-key-of-production-that-is-long-enough-for-everybody-1",
    "FIELD_ENCRYPTION_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "ALLOWED_HOSTS": "desk.example.in",
    "DATABASE_URL": "postgres://u:p@127.0.0.1/x",
    "REDIS_URL": "redis://127.0.0.1/0",
}


def start(**settings):
    environment = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": "/dev/null",
        "TRADEDESK_HOME": "/nonexistent/home",
    }
    given = {name: value for name, value in settings.items() if value is not None}
    return subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment | given, capture_output=True, text=True
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY is missing"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is missing or short"),
        ({"FIELD_ENCRYPTION_KEY": None}, "FIELD_ENCRYPTION_KEY is missing"),
        ({"DEBUG": "on"}, "DEBUG is on"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS has a wildcard"),
        ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS is empty"),
        ({"DATABASE_URL": None}, "DATABASE_URL is missing"),
        ({"REDIS_URL": None}, "REDIS_URL is missing"),
    ],
)
def test_production_refuses_to_start_with_an_unsafe_setting_and_names_it(changed, named):
    refused = start(**SAFE | changed)

    assert refused.returncode == 1
    assert named in refused.stderr
    assert "Traceback" not in refused.stderr
    assert SAFE["SECRET_KEY"] not in refused.stderr


def test_production_starts_when_all_is_safe():
    started = start(**SAFE)

    assert started.returncode == 0, started.stderr


def test_a_word_that_cannot_be_read_is_answered_with_what_to_write():
    refused = start(SESSION_IDLE_MINUTES="soon")

    assert refused.returncode == 1
    assert "SESSION_IDLE_MINUTES is 'soon': give a whole number from 1 up" in refused.stderr


def test_an_old_name_is_refused_with_the_new_one():
    refused = start(ORDERS_A_SECOND="3")
    renamed = start(MAX_ORDERS_PER_SECOND="3")

    assert refused.returncode == 1
    assert "ORDERS_A_SECOND is called MAX_ORDERS_PER_SECOND now: rename it" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert renamed.returncode == 0, renamed.stderr


def test_the_example_names_every_variable_that_the_product_reads_and_no_other():
    sources = [*ROOT.glob("tradedesk/**/*.py"), *ROOT.glob("accounts/**/*.py")]
    text = "\n".join(file.read_text() for file in sources) + (ROOT / "manage.py").read_text()
    kinds = "text|number|flag|choice|clock|words|secret|matching|address|hosts|peers|dsn"
    readers = rf"(?:env\.(?:{kinds})|environ\.get)\(\s*\"([A-Z_]+)\""
    foreign = {"XDG_RUNTIME_DIR", "XDG_DATA_HOME", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"}
    taken = {"API_KEY", "API_SECRET", "USER_ID", "PASSWORD", "TOTP_SECRET"}  # by link_account
    foreign |= {"PROMETHEUS_MULTIPROC_DIR", "DATABASE_POOL", "TRADEDESK_HTTPS", "ENV_FILE"}
    named = set(re.findall(r"^#?\s?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))

    assert named == set(re.findall(readers, text)) - foreign | {f"KITE_{name}" for name in taken}


def test_a_secret_comes_from_a_file_or_a_command(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.setenv("ONE_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("TWO_COMMAND", "echo from a command")

    assert env.secret("ONE") == "from a file"
    assert env.secret("TWO") == "from a command"
    assert env.secret("THREE") == ""


def test_a_command_that_fails_never_shows_its_words(monkeypatch):
    monkeypatch.setenv("ONE_COMMAND", "sh -c 'echo the-secret-itself >&2; exit 3'")

    with pytest.raises(ImproperlyConfigured) as refused:
        env.secret("ONE")

    assert "ONE_COMMAND did not work" in str(refused.value)
    assert "the-secret-itself" not in str(refused.value)


def test_a_line_of_the_env_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("ENV_FILE", raising=False)
    (tmp_path / ".env").write_text("# fine\nDEBUG=off\nnot a setting\n")

    with pytest.raises(ImproperlyConfigured, match="line 3"):
        env.load(tmp_path)


def test_a_database_address_is_read_whole():
    found = env.database("postgres://us%40er:p%2Fw@db:6432/desk?sslmode=verify-full", pool=7)

    assert (found["USER"], found["PASSWORD"]) == ("us@er", "p/w")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db", "6432", "desk")
    assert found["OPTIONS"]["sslmode"] == "verify-full"
    assert found["OPTIONS"]["pool"]["max_size"] == 7
    assert found["OPTIONS"]["pool"]["timeout"] == 2


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("REDIS_URL", "nonsense", "write it like redis://"),
        ("REDIS_URL", "http://host", "write it like redis://"),
        ("REDIS_URL", "redis://:hunter2@host:port/0", "write it like redis://"),
        ("DATABASE_URL", "postgres://u:hunter2@host:99999999/x", "must look like"),
        ("SITE_URL", "desk.example.in", "write it like https://"),
        ("PAPER_URL", "8100", "write it like http://"),
        ("SENTRY_DSN", "nonsense", "write it like https://"),
        ("SENTRY_DSN", "https://errors.example.in/", "write it like https://"),
        ("ADMIN_PATH", "/", "give a path"),
        ("ADMIN_PATH", "login", "give a path"),
        ("ADMIN_PATH", "me/tables", "give a path"),
        ("ALLOWED_HOSTS", "https://desk.example.in", "is no host"),
        ("ALLOWED_HOSTS", "desk.example.in:443", "is no host"),
        ("TRUSTED_PROXIES", "10.0.0.0/8", "name each proxy"),
        ("ENV_FILE", "nowhere.env", "there is no file"),
    ],
)
def test_a_value_of_no_use_stops_the_start_with_its_name_and_without_its_password(
    name, value, advice
):
    refused = start(**SAFE | {name: value})

    assert refused.returncode == 1
    assert name in refused.stderr
    assert advice in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "hunter2" not in refused.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "rediss://:p%40ss@host:6379/1"),
        ("REDIS_URL", "unix:///run/redis.sock?db=1"),
        ("SENTRY_DSN", "https://key@errors.example.in/sub/7"),
        ("ADMIN_PATH", "/back-office/tables/"),
        ("ADMIN_PATH", "loginless"),
        ("ALLOWED_HOSTS", "desk.example.in,.example.in,10.0.0.1,[fd00::1]"),
        ("TRUSTED_PROXIES", "127.0.0.1,::1,unix"),
    ],
)
def test_a_value_of_use_is_taken(name, value):
    started = start(**SAFE | {name: value})

    assert started.returncode == 0, started.stderr


@pytest.mark.parametrize("url", ["mysql://x/y", "postgres://host", "nonsense"])
def test_an_address_of_something_else_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must look like"):
        env.database(url, pool=0)


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("redis://127.0.0.1", "0"),
        ("redis://:secret@127.0.0.1:6379/3", "3"),
        ("rediss://127.0.0.1/0?db=4", "4"),
        ("unix:///run/redis.sock", "0"),
        ("unix:///run/redis.sock?db=5", "5"),
    ],
)
def test_desks_that_share_a_redis_hear_only_what_is_said_in_their_own_database(address, number):
    assert env.redis_database(address) == number


def test_what_is_announced_is_named_after_the_database(settings):
    number = env.redis_database(settings.REDIS_URL)

    assert settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] == f"live{number}"
