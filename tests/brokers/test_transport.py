"""The way to the broker: reads again, writes never, nothing followed, nothing told to the logs."""

import gzip
import json
import logging
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest

from accounts.brokers.errors import AuthExpired, BrokerUnavailable, InvalidRequest, RateLimited
from accounts.brokers.kite import offers
from accounts.brokers.patience import within
from accounts.brokers.types import CallClass, Variety
from tests.brokers import peers
from tests.brokers.peers import answers, error, good, http

PROFILE = {"user_id": "AB1234", "user_name": "Asha Rao"}
BROKEN = {
    "a time-out": peers.silence,
    "a reset": peers.reset_after_reading,
    "half an answer": peers.half_an_answer,
    "a page": answers(http(502, b"<html>no</html>", "text/html")),
    "an error of theirs": answers(error(500, "GeneralException")),
    "broken JSON": answers(http(200, b"{")),
    "a redirect": answers(http(307, b"", "text/html", Location="/user/profile")),
}


@pytest.mark.parametrize("behave", BROKEN.values(), ids=BROKEN)
def test_a_read_is_tried_three_times(kite, peer, behave):
    server = peer(behave)

    with pytest.raises(BrokerUnavailable):
        kite(server.root).profile()

    assert len(server.requests) == 3


def test_a_read_is_answered_by_a_later_try(kite, peer):
    bad = error(503, "NetworkException")
    server = peer(answers(bad, bad, good(PROFILE)))

    assert kite(server.root, patience=1.0).profile().user_id == "AB1234"
    assert len(server.requests) == 3


def test_a_calculation_sent_by_post_is_a_read(kite, peer, order):
    server = peer(answers(error(503, "NetworkException"), good([])))

    assert kite(server.root, patience=1.0).margins([order()]) == []
    assert len(server.requests) == 2


def test_a_refused_read_is_not_tried_again(kite, peer):
    server = peer(answers(error(403, "TokenException")))

    with pytest.raises(AuthExpired):
        kite(server.root, patience=1.0).profile()

    assert len(server.requests) == 1


def test_a_read_waits_as_long_as_the_broker_asks(kite, peer):
    server = peer(answers(error(429, "NetworkException", Retry_After="1"), good(PROFILE)))
    began = time.monotonic()

    kite(server.root, patience=1.0).profile()

    assert time.monotonic() - began >= 1.0


def test_who_is_watched_waits_no_longer_than_he_says(kite, peer):
    server = peer(peers.silence)
    began = time.monotonic()

    with within(0.3), pytest.raises(BrokerUnavailable):
        kite(server.root, patience=20.0).profile()

    assert time.monotonic() - began < 10
    assert len(server.requests) == 1


def test_a_broken_line_is_told_also_when_no_permit_is_left_for_another_try(kite, peer):
    permits = iter([None])

    def gate(call_class):
        if next(permits, "none left") is not None:
            raise RateLimited("wait for the desk's own limit")

    server = peer(answers(error(503, "NetworkException")))

    with pytest.raises(BrokerUnavailable) as caught:
        kite(server.root, patience=1.0, gate=gate).profile()

    assert caught.value.status == 503  # the breaker counts it; a limit of ours says nothing
    assert len(server.requests) == 1


def test_a_long_wait_is_handed_to_the_caller(kite, peer):
    server = peer(answers(error(429, "NetworkException", Retry_After="30")))

    with pytest.raises(RateLimited) as caught:
        kite(server.root, patience=1.0).profile()

    assert caught.value.retry_after == 30
    assert len(server.requests) == 1


def test_a_moment_to_wait_for_is_understood(kite, peer):
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    server = peer(answers(error(429, "NetworkException", Retry_After=moment)))

    with pytest.raises(RateLimited) as caught:
        kite(server.root, patience=1.0).profile()

    assert 38 < caught.value.retry_after <= 40


def test_every_try_of_a_read_passes_the_gate_and_writes_do_not(kite, peer, order):
    passed: list = []
    server = peer(
        answers(
            error(503, "NetworkException"),
            good({"NSE:INFY": {"last_price": 1}}),
            good({"order_id": "1"}),
        )
    )
    broker = kite(server.root, patience=1.0, gate=passed.append)

    broker.ltp(["NSE:INFY"])
    broker.place(order())

    assert passed == [CallClass.QUOTE, CallClass.QUOTE]


def test_a_redirect_of_a_write_goes_nowhere(kite, peer, order):
    elsewhere = peer(answers(good({"order_id": "1"})))
    here = peer(answers(http(307, b"", "text/html", Location=f"{elsewhere.root}/orders/regular")))

    with pytest.raises(Exception, match="no answer tells"):
        kite(here.root, patience=1.0).place(order())

    assert len(here.requests) == 1
    assert elsewhere.connections == 0


def test_connections_are_kept_for_a_while_and_not_longer(kite, peer, monkeypatch):
    server = peer(answers(good(PROFILE)))
    broker = kite(server.root, patience=1.0)
    pool = broker.sender.transport._pool

    broker.profile()
    broker.profile()

    assert server.connections == 1
    assert pool._keepalive_expiry == 5.0


def test_a_connection_that_the_broker_has_closed_carries_no_order(kite, peer, order):
    def answer_once(server, connection):
        server.read(connection)
        connection.sendall(good({"order_id": "1"}))

    server = peer(answer_once)
    broker = kite(server.root, patience=1.0)

    for number in range(3):
        assert broker.place(order(f"T{number}")).order_id == "1"
        time.sleep(0.05)

    assert server.connections == 3


def test_one_adapter_serves_several_threads(kite, peer):
    from concurrent.futures import ThreadPoolExecutor

    server = peer(answers(good(PROFILE)))
    broker = kite(server.root, patience=1.0)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: broker.profile().user_id, range(64)))

    assert found == ["AB1234"] * 64


def test_what_is_sent_is_what_the_official_client_sends(kite, peer, order):
    server = peer(answers(good({"order_id": "1"})))
    broker = kite(server.root, patience=1.0)

    broker.place(order("T1", price=Decimal("1E+3")))
    broker.cancel("../session/token", variety=Variety.REGULAR)

    placed, cancelled = server.requests
    assert (placed.method, placed.target) == ("POST", "/orders/regular")
    assert placed.headers["x-kite-version"] == "3"
    assert placed.headers["authorization"] == "token key:token"
    assert placed.headers["user-agent"].startswith("Kiteconnect-python/")
    assert sorted(placed.body.decode().split("&")) == [
        "exchange=NSE", "order_type=LIMIT", "price=1000", "product=CNC", "quantity=1", "tag=T1",
        "tradingsymbol=INFY", "transaction_type=BUY", "validity=DAY", "variety=regular",
    ]  # fmt: skip
    assert cancelled.target == "/orders/regular/..%2Fsession%2Ftoken"


def test_numbers_come_from_the_text_of_the_answer(kite, peer):
    body = gzip.compress(
        b'{"status":"success","data":{"NSE:X":{"instrument_token":1,"last_price":0.1000000000000000055}}}'
    )
    server = peer(answers(http(200, body, Content_Encoding="gzip")))

    price = kite(server.root, patience=1.0).ltp(["NSE:X"])["NSE:X"]

    assert price == Decimal("0.1000000000000000055")


def test_the_environment_of_the_machine_changes_nothing(kite, peer, monkeypatch, tmp_path):
    proxy = peer(answers(good(PROFILE)))
    server = peer(answers(good(PROFILE)))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.root)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))

    kite(server.root, patience=1.0).profile()

    assert proxy.connections == 0
    assert server.requests[0].headers["authorization"] == "token key:token"


def test_no_secret_reaches_the_logs(kite, peer, caplog):
    secrets = ["s3cretkey", "s3crettoken", "s3cretrequest", "s3cretsecret"]
    session = {**PROFILE, "access_token": "s3crettoken", "login_time": "2026-11-23 09:00:00"}
    server = peer(answers(good(session), good(PROFILE), http(500, b"no", "text/html"), good(True)))
    caplog.set_level(logging.DEBUG)
    broker = kite(server.root, api_key="s3cretkey", patience=1.0)

    granted = broker.exchange("s3cretrequest", "s3cretsecret")
    broker.profile()
    with pytest.raises(Exception, match="log out") as caught:
        broker.logout()
    broker.logout()

    told = caplog.text + repr(granted) + str(caught.value) + repr(caught.value)
    assert "access_token=s3crettoken" in server.requests[-1].target
    assert [secret for secret in secrets if secret in told] == []


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ünïcode"])
def test_a_token_that_cannot_stand_in_a_header_is_refused_without_a_word_of_it(kite, token):
    broker = kite("http://127.0.0.1:9")

    with pytest.raises(AuthExpired) as caught:
        broker.use(token)

    assert token not in str(caught.value)
    with pytest.raises(InvalidRequest):
        kite("http://127.0.0.1:9", api_key="two words")


def test_the_clock_of_the_broker_is_compared_with_ours(kite, peer):
    ahead = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    server = peer(answers(http(200, json.dumps({"data": PROFILE}).encode(), Date=ahead)))
    broker = kite(server.root, patience=1.0)

    broker.profile()

    skew = broker.clock_skew
    assert skew is not None
    assert skew.seconds == pytest.approx(90, abs=1.5)
    assert 0.5 <= skew.uncertainty < 1


def test_a_master_list_of_110000_rows_is_never_held(kite, peer):
    import tracemalloc

    head = (
        "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
        "lot_size,instrument_type,segment,exchange\n"
    )
    rows = "".join(
        f"{n * 256 + 2},{n},NIFTY26NOV{n}CE,NIFTY,0.0,2026-11-24,{n}.5,0.05,65,CE,NFO-OPT,NFO\n"
        for n in range(110_000)
    )
    odd = '5,1,ODD,"A, B",0.0,,,0.05,1.0,EQ,NSE,NSE\nno,1,BAD,x,,,,,,,,NSE\n'
    server = peer(
        answers(
            http(
                200,
                gzip.compress((head + rows + odd).encode()),
                "text/csv",
                Content_Encoding="gzip",
            )
        )
    )
    broker = kite(server.root, patience=1.0)
    tracemalloc.start()

    began = time.monotonic()
    with broker.instruments() as found:
        first = next(found)
        count, last = 1, first
        for last in found:  # noqa: B007
            count += 1
    seconds = time.monotonic() - began
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 110_001
    assert (first.symbol, first.strike, first.lot_size) == ("NIFTY26NOV0CE", Decimal("0.5"), 65)
    assert (last.name, last.strike, last.expiry, last.lot_size) == ("A, B", None, None, 1)
    assert most < 8_000_000, f"{most:,} bytes"
    assert seconds < 60
    assert server.requests[0].target == "/instruments"


def test_kiteconnect_is_imported_only_where_a_client_is_made():
    """It imports Twisted's global reactor, which the web process chooses for itself."""
    program = (
        "import sys\n"
        "from accounts.brokers import registry, limits, base\n"
        "assert not {'kiteconnect', 'twisted', 'django'} & set(sys.modules)\n"
        "access = registry.Access(environment='paper', api_key='k', root='http://127.0.0.1:9')\n"
        "registry.kind('kite').make(access)\n"
        "assert 'kiteconnect' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_sandbox_is_not_asked_for_what_it_lacks(kite, peer, order):
    from accounts.brokers.errors import Unsupported
    from accounts.brokers.kite import environments
    from accounts.brokers.types import OrderType

    server = peer(answers(good({"order_id": "1"})))
    place = environments.paper(server.root, like_sandbox=True)
    broker = kite(server.root, place=place, capabilities=offers.SANDBOX, patience=1.0)

    broker.place(order())

    assert server.requests[0].target == "/oms/orders/regular"
    with pytest.raises(Unsupported):
        broker.place(order(order_type=OrderType.MARKET))
    with pytest.raises(Unsupported):
        broker.gtts()
    with pytest.raises(Unsupported):
        broker.margins([order()])
    assert len(server.requests) == 1
