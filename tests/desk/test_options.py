"""How the operator may start the desk, and what is refused."""

import os
import ssl
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tradedesk.desk.parts import Options
from tradedesk.desk.supervisor import Desk
from tradedesk.desk.throwaway import ROOT, clean_environment, free_ports, start_desk, wait_until
from tradedesk.home import Home


def refused(*options, **more):
    ran = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "desk", *map(str, options)],
        env=clean_environment() | more, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode != 0
    assert "Traceback" not in ran.stderr
    return ran.stderr


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of our own for localhost."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "desk.crt").write_bytes(signed.public_bytes(pem))
    (folder / "desk.key").write_bytes(key.private_bytes(pem, *plain))
    return folder / "desk.crt", folder / "desk.key"


def test_a_network_is_not_served_in_clear_unless_somebody_says_so():
    words = refused("--bind", "192.0.2.1")

    assert "--bind to a network needs --tls CERTIFICATE KEY" in words
    assert "--plain-http" in words


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "8071", "--paper-port", "8071"], "--port and --paper-port are the same"),
        (["--bind", "everywhere"], "give an address of this machine"),
        (["--bind", "192.0.2.1", "--tls", "/no/cert", "/no/key"], "cannot read /no/cert"),
        (["--bind", "0.0.0.0", "--plain-http"], "needs ALLOWED_HOSTS"),
        (["--port", "80000"], "invalid port value"),
        (["--port", "many"], "invalid port value"),
        (["--home", "/proc/desk"], "--home"),
        (["--home", "/etc/passwd"], "--home names a folder"),
    ],
)
def test_a_wrong_option_is_answered_with_what_to_write(options, said):
    assert said in refused(*options)


def test_with_a_certificate_the_desk_speaks_https_and_marks_its_cookies(place, certificate):
    desk = start_desk(place / "home", "--tls", *map(str, certificate))
    trust = ssl.create_default_context(cafile=certificate[0])

    def ask():
        try:
            return urllib.request.urlopen(
                f"https://localhost:{desk.port}/login/", context=trust, timeout=3
            )
        except OSError:
            return None

    try:
        with wait_until(ask, seconds=60) as answer:
            cookies = answer.headers.get_all("Set-Cookie")
    finally:
        desk.stop()

    assert cookies
    assert all(cookie.startswith("__Host-") and "Secure" in cookie for cookie in cookies)


def test_servers_of_the_operator_are_used_and_not_started_again(desk, place):
    theirs = {
        "DATABASE_URL": f"postgres://tradedesk@/tradedesk?host={desk.home}/run/postgres",
        "REDIS_URL": f"unix://{desk.home}/run/redis/redis.sock?db=3",
        "FIELD_ENCRYPTION_KEY_FILE": str(desk.home / "keys" / "field-key"),
    }

    second = start_desk(place / "home", environment=theirs)
    try:
        wait_until(second.is_ready, seconds=60)
        assert not (place / "home" / "postgres").exists()
        assert not (place / "home" / "log" / "redis.log").exists()
    finally:
        second.stop()


@pytest.mark.parametrize(
    ("variable", "address"),
    [("DATABASE_URL", "postgres://u:p@127.0.0.1:1/x"), ("REDIS_URL", "redis://127.0.0.1:1/0")],
)
def test_a_server_of_the_operator_that_does_not_answer_is_named(place, variable, address):
    port, paper_port = free_ports(2)
    ports = ("--port", port, "--paper-port", paper_port)
    words = refused("--home", place / "home", *ports, **{variable: address})

    assert "`set_up` failed" in words
    assert "127.0.0.1" in words
    assert ":p@" not in words


def test_a_home_with_blanks_and_quotes_in_its_path_works(place):
    desk = start_desk(place / 'my "first" desk')
    try:
        assert wait_until(desk.is_ready, seconds=60)
    finally:
        desk.stop()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a small disk")
def test_a_full_disk_is_said_plainly(place):
    small = place / "small"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=50m,mode=755", "tmpfs", small],
        stderr=subprocess.DEVNULL,
    ).returncode:
        pytest.skip("this machine lends no small disk")
    try:
        words = refused("--home", small / "home")
    finally:
        subprocess.run(["umount", small], check=True)

    assert "the disk of" in words
    assert "MB are free, a desk needs 200" in words


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        ("127.0.0.1", "http://localhost:8000"),
        ("::1", "http://localhost:8000"),
        ("192.168.1.10", "http://192.168.1.10:8000"),
        ("fd00::10", "http://[fd00::10]:8000"),
        ("0.0.0.0", "http://desk.example.in:8000"),
        ("::", "http://desk.example.in:8000"),
    ],
)
def test_the_printed_address_is_one_that_a_browser_can_open(place, settings, bind, address):
    settings.ALLOWED_HOSTS = ["desk.example.in"]

    assert Desk(Options(Home.at("home", place), bind=bind)).address == address
