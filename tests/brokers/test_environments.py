"""Live, sandbox and paper never mix: a paper account cannot send one byte to a live host."""

import subprocess
import sys

import pytest

from accounts.brokers.errors import BrokerError, ForbiddenHost, Unsupported
from accounts.brokers.kite import environments
from accounts.brokers.registry import Access, kind
from tests.brokers.peers import answers, good, http

REAL = [
    "https://api.kite.trade",
    "http://api.kite.trade:8100",
    "https://API.Kite.Trade.",
    "https://sandbox.kite.trade/oms",
    "https://kite.zerodha.com",
]
# Every address the process asks for is written down by the interpreter itself.
WATCHED = """
import sys
asked = []
def watch(event, arguments):
    if event in {{"socket.connect", "socket.sendto"}}:
        asked.append(repr(arguments[1]))
    elif event == "socket.getaddrinfo":
        asked.append(repr(arguments[:2]))
sys.addaudithook(watch)

from accounts.brokers.errors import BrokerError
from accounts.brokers.registry import Access, kind

access = Access(environment="paper", api_key="k", access_token="t", root={root!r})
broker = kind("kite").make(access)
refusals = []
def attempt(call):
    try:
        call()
    except BrokerError as error:
        refusals.append(type(error).__name__)

for real in {real!r}:
    broker.kite.root = real                       # the official client's own way to be moved
    attempt(broker.profile)
    object.__setattr__(broker.kite.environment, "root", real)   # and the hard way
    attempt(broker.profile)
    attempt(broker.orders)
    attempt(broker.logout)
    object.__setattr__(broker.kite.environment, "root", {root!r})
attempt(broker.profile)
print(sorted(set(asked)))
print(sorted(set(refusals)))
"""


@pytest.mark.parametrize("root", REAL)
def test_a_paper_exchange_cannot_have_a_real_brokers_address(root):
    with pytest.raises(ForbiddenHost):
        kind("kite").make(Access(environment="paper", api_key="k", root=root))


@pytest.mark.parametrize("root", ["", "ftp://127.0.0.1", "127.0.0.1:8100", "http://u:p@127.0.0.1"])
def test_an_address_that_is_none_is_refused(root):
    with pytest.raises(ForbiddenHost):
        kind("kite").make(Access(environment="paper", api_key="k", root=root))


def test_a_paper_account_sends_not_one_byte_to_a_live_host(peer):
    """The interpreter's audit events tell every connection and every name that is looked up."""
    targets = ["https://api.kite.trade", "https://kite.zerodha.com", "http://127.0.0.1:9"]
    hop = http(307, b"", "text/html", Location="https://api.kite.trade/user/profile")
    server = peer(answers(hop))
    program = WATCHED.format(root=server.root, real=targets)

    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )

    asked, refusals = run.stdout.splitlines()
    assert asked == repr([f"('127.0.0.1', {server.port})"])
    assert "ForbiddenHost" in refusals


def test_a_live_client_speaks_to_its_one_host_and_only_by_tls(kite, peer):
    server = peer(answers(good({})))
    for place in (environments.LIVE, environments.SANDBOX):
        broker = kite("", place=place)
        assert broker.environment == place.name
        for url in (server.root, place.root.replace("https:", "http:")):
            broker.kite.environment = environments.Environment(
                name="moved", root=url, login="", socket=""
            )
            with pytest.raises(BrokerError, match="does not belong"):
                broker.profile()
    assert server.connections == 0


def test_each_environment_has_its_own_addresses():
    live, sandbox = environments.LIVE, environments.SANDBOX

    assert live.url("orders", "/orders") == "https://api.kite.trade/orders"
    assert sandbox.url("orders", "/orders") == "https://sandbox.kite.trade/oms/orders"
    assert (
        sandbox.url("market.instruments.all", "/instruments")
        == "https://sandbox.kite.trade/instruments"
    )
    assert sandbox.socket_wants_user
    paper = environments.paper("http://127.0.0.1:8100/")
    assert paper.socket == "ws://127.0.0.1:8100"
    assert paper.login == "http://127.0.0.1:8100/connect/login"


def test_what_does_not_exist_is_refused():
    with pytest.raises(Unsupported):
        kind("no-such-broker")
    with pytest.raises(Unsupported):
        kind("kite").make(Access(environment="elsewhere", api_key="k"))
