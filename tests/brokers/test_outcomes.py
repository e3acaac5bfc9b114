"""What each failure of a write proves, case by case, against peers that fail in just that way."""

import ssl
import time

import pytest

from accounts.brokers.errors import (
    AmbiguousOutcome,
    AuthExpired,
    BrokerError,
    BrokerUnavailable,
    InsufficientFunds,
    InvalidOrder,
    NotFound,
    OrderRejected,
    RateLimited,
    StaticIpRejected,
    UntrustedBroker,
)
from accounts.brokers.types import Line, Outcome
from tests.brokers import peers
from tests.brokers.peers import answers, error, http

PAGE = b"<html><head><title>Bad gateway</title></head><body>nginx</body></html>"
IP_TEXT = "IP (203.0.113.7) is not allowed to place orders for this app. Update allowed IPs."


def failure_of(broker, order):
    with pytest.raises(BrokerError) as caught:
        broker.place(order())
    return caught.value


# Nothing left: the same order may be sent again ---------------------------------------------------


def test_a_refused_connection_is_not_sent(kite, order):
    failure = failure_of(kite(f"http://127.0.0.1:{peers.unused_port()}"), order)

    assert type(failure) is BrokerUnavailable
    assert failure.outcome is Outcome.NOT_SENT
    assert failure.line is Line.BROKEN
    assert failure.retry_helps


def test_a_name_that_does_not_resolve_is_not_sent(kite, order):
    failure = failure_of(kite("http://no-such-broker.invalid:8100"), order)

    assert type(failure) is BrokerUnavailable
    assert failure.outcome is Outcome.NOT_SENT


def test_a_time_out_while_connecting_is_not_sent(kite, order):
    full = peers.FullQueue()
    began = time.monotonic()

    failure = failure_of(kite(full.root), order)

    assert time.monotonic() - began < 10  # the system itself gives up after minutes
    assert type(failure) is BrokerUnavailable
    assert failure.outcome is Outcome.NOT_SENT
    full.stop()


def test_a_certificate_nobody_vouches_for_is_not_sent_and_not_tried_again(
    kite, peer, order, tmp_path
):
    server = peer(answers(peers.good({})), tls=peers.self_signed(tmp_path))

    failure = failure_of(kite(server.root, patience=1.0), order)

    assert type(failure) is UntrustedBroker
    assert failure.outcome is Outcome.NOT_SENT
    assert not failure.retry_helps
    with pytest.raises(UntrustedBroker):
        kite(server.root, patience=1.0).profile()
    assert server.requests == []
    assert server.connections == 2


def test_a_peer_that_speaks_no_tls_is_not_trusted(kite, peer, order):
    server = peer(peers.plain_words)

    failure = failure_of(kite(server.root.replace("http:", "https:"), patience=1.0), order)

    assert isinstance(failure, UntrustedBroker)
    assert failure.outcome is Outcome.NOT_SENT


def test_silence_in_the_handshake_is_not_sent(kite, peer, order):
    server = peer(peers.silent_from_the_start)

    failure = failure_of(kite(server.root.replace("http:", "https:")), order)

    assert type(failure) is BrokerUnavailable
    assert failure.outcome is Outcome.NOT_SENT


def test_a_call_whose_time_is_over_before_it_begins_is_not_sent(kite, peer, order):
    server = peer(answers(peers.good({"order_id": "1"})))

    failure = failure_of(kite(server.root, patience=0.0), order)

    assert failure.outcome is Outcome.NOT_SENT
    assert server.requests == []


# It left, and no answer tells -----------------------------------------------------------------

SILENT_ENDS = {
    "a time-out after sending": peers.silence,
    "a reset before anything was read": peers.reset_before_reading,
    "a reset after it was read": peers.reset_after_reading,
    "a clean end without an answer": peers.close_after_reading,
    "half an answer": peers.half_an_answer,
    "an answer that drips": peers.drip,
    "headers that drip": peers.drip_headers_for_ever,
    "no HTTP at all": peers.garbage,
    "an answer without end": peers.endless,
}


@pytest.mark.parametrize("behave", SILENT_ENDS.values(), ids=SILENT_ENDS)
def test_a_write_without_an_answer_is_unknown_and_left_once(kite, peer, order, behave):
    server = peer(behave)
    began = time.monotonic()

    failure = failure_of(kite(server.root), order)

    assert time.monotonic() - began < 10  # some of them would go on for ever
    assert type(failure) is AmbiguousOutcome
    assert failure.outcome is Outcome.UNKNOWN
    assert failure.line is Line.BROKEN
    assert not failure.retry_helps
    assert server.connections == 1
    assert len(server.requests) <= 1


UNCLEAR = {
    "500 with JSON": error(500, "GeneralException"),
    "500 that calls itself a refusal": error(500, "OrderException"),
    "502 of the order system": error(502, "DataException"),
    "503 with JSON": error(503, "NetworkException"),
    "503 with a page": http(503, PAGE, "text/html"),
    "502 with a page": http(502, PAGE, "text/html"),
    "502 without a type": http(502, PAGE, None),
    "504 with nothing": http(504, b"", "text/html"),
    "500 with nothing": http(500, b"", None),
    "403 from something in between": http(403, PAGE, "text/html"),
    "307 to somewhere else": http(307, b"", "text/html", Location="/orders/regular"),
    "301": http(301, b"", "text/html", Location="http://127.0.0.1:9/"),
    "200 with broken JSON": http(200, b'{"status": "success", "data": {"order'),
    "200 with a page": http(200, PAGE, "text/html"),
    "200 with nothing": http(200, b""),
    "200 without an id": peers.good({}),
    "200 with an empty id": peers.good({"order_id": ""}),
    "200 with null": peers.good(None),
    "200 with a list": peers.good([1]),
    "200 with no number": http(200, b'{"status": "success", "data": {"order_id": NaN}}'),
    "200 that is an error without a type": http(200, b'{"status": "error"}'),
    "400 about the line": error(400, "NetworkException"),
}


@pytest.mark.parametrize("answer", UNCLEAR.values(), ids=UNCLEAR)
def test_an_answer_that_does_not_say_is_unknown_and_the_order_left_once(kite, peer, order, answer):
    server = peer(answers(answer))

    failure = failure_of(kite(server.root, patience=1.0), order)

    assert type(failure) is AmbiguousOutcome
    assert failure.outcome is Outcome.UNKNOWN
    assert len(server.requests) == 1


# The broker said no -------------------------------------------------------------------------------

REFUSALS = {
    "input": (error(400, "InputException", "Tick size for this script is 0.10."), InvalidOrder),
    "order": (error(400, "OrderException", "Market is closed."), OrderRejected),
    "money": (error(400, "MarginException", "Insufficient funds."), InsufficientFunds),
    "unknown order": (
        error(400, "GeneralException", "Couldn't find that `order_id`."),
        NotFound,
    ),
    "address": (error(403, "PermissionException", IP_TEXT), StaticIpRejected),
    "route": (http(404, PAGE, "text/html"), NotFound),
}


@pytest.mark.parametrize(("answer", "kind"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_rejected(kite, peer, order, answer, kind):
    server = peer(answers(answer))

    failure = failure_of(kite(server.root, patience=1.0), order)

    assert type(failure) is kind
    assert failure.outcome is Outcome.REJECTED
    assert failure.line is not Line.BROKEN
    assert len(server.requests) == 1


def test_a_refusal_keeps_what_the_broker_said(kite, peer, order):
    server = peer(answers(error(403, "PermissionException", IP_TEXT)))

    failure = failure_of(kite(server.root, patience=1.0), order)

    assert isinstance(failure, StaticIpRejected)
    assert failure.address == "203.0.113.7"
    assert (failure.status, failure.error_type, failure.text) == (
        403,
        "PermissionException",
        IP_TEXT,
    )
    assert str(failure).startswith("place the order: orders are not allowed from this address")


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (error(429, "NetworkException", "Too many requests"), 1.0),
        (error(429, "NetworkException", "Too many requests", Retry_After="3"), 3.0),
        (http(429, PAGE, "text/html"), 1.0),
        (http(429, b"", None, Retry_After="7"), 7.0),
    ],
)
def test_too_many_requests_is_not_sent(kite, peer, order, answer, pause):
    server = peer(answers(answer))

    failure = failure_of(kite(server.root, patience=1.0), order)

    assert isinstance(failure, RateLimited)
    assert failure.outcome is Outcome.NOT_SENT
    assert failure.line is Line.NEUTRAL
    assert failure.retry_after == pause
    assert len(server.requests) == 1


def test_the_allowance_of_the_day_is_told_from_that_of_the_second(kite, peer, order):
    text = "Maximum allowed order requests exceeded."
    server = peer(answers(error(429, "NetworkException", text)))

    failure = failure_of(kite(server.root, patience=1.0), order)

    assert isinstance(failure, RateLimited)
    assert failure.is_long
    assert failure.retry_after >= 60


def test_a_dead_token_is_not_sent_and_says_so(kite, peer, order):
    server = peer(answers(error(403, "TokenException", "Incorrect `api_key` or `access_token`.")))

    failure = failure_of(kite(server.root, patience=1.0), order)

    assert type(failure) is AuthExpired
    assert failure.outcome is Outcome.NOT_SENT
    assert failure.line is Line.NEUTRAL


def test_the_certificate_error_is_that_of_tls():
    from accounts.brokers.kite.sending import failed_the_check

    assert failed_the_check(ssl.SSLCertVerificationError("self-signed"))
    assert not failed_the_check(ssl.SSLEOFError("cut"))
    assert not failed_the_check(ConnectionResetError())
