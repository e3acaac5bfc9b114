"""Sessions end when the broker says so, and never because the line is bad."""

from datetime import datetime, timedelta

import pytest
import time_machine
from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from accounts import lines, linking, logins, upkeep, ways_in
from accounts.brokerage import BrokerAccount, LoginSession, State
from accounts.brokers.registry import kind
from accounts.brokers.types import BrokerSession
from accounts.models import AuditEvent
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.accounts.test_sockets import connected
from tradedesk.times import IST

pytestmark = pytest.mark.django_db
UP = {State.LIVE, State.EXPIRING}


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


def expire_tokens(exchange):  # noqa: F811
    exchange.control("POST", "faults", {"rules": [{"effect": "expire_tokens"}]})


def check_all():
    """Do what beat and the workers do together."""
    for account_id in upkeep.due_for_a_check():
        upkeep.check(account_id)


def session_made(account, at, token="t"):
    policy = kind(account.broker).capabilities(account.environment).session
    return BrokerSession(
        user_id=account.broker_user_id,
        access_token=token,
        logged_in_at=at,
        expires_at=policy.expires_at(at),
    )


def stored():
    return BrokerAccount.objects.get()


def test_a_dead_token_asks_for_a_log_in_and_one_step_brings_it_back(exchange, account):  # noqa: F811
    expire_tokens(exchange)

    check_all()

    assert logins.state_of(stored()) == State.NEEDS_LOGIN
    assert stored().session.access_token is None
    ways_in.by_counter(stored())
    assert logins.state_of(stored()) in UP


def test_a_broken_line_leaves_the_session_as_it_is(exchange, account):  # noqa: F811
    rule = {"effect": "drop_before_acceptance"}
    exchange.control("POST", "faults", {"rules": [rule]})

    check_all()

    assert logins.state_of(stored()) in UP
    assert stored().last_error


def test_an_old_check_cannot_end_a_newer_session(account):
    old = account.session.generation
    ways_in.by_counter(account)

    assert not logins.end(account, "late", generation=old)

    assert logins.state_of(stored()) in UP


def test_logging_out_ends_the_session_at_the_exchange_too(account, asha):
    token = account.session.access_token

    lines.log_out(account, actor=asha)

    assert logins.state_of(stored()) == State.NEEDS_LOGIN
    logins.store(stored(), session_made(account, timezone.now(), token), how="test")
    assert not lines.verify(stored())


@pytest.mark.parametrize(
    ("made", "ends", "provisional"),
    [
        ("2026-11-20T05:59:00", "2026-11-20T06:00:00", False),
        ("2026-11-20T06:00:00", "2026-11-21T06:00:00", True),
        ("2026-11-20T07:59:59", "2026-11-21T06:00:00", True),
        ("2026-11-20T08:00:00", "2026-11-21T06:00:00", False),
    ],
)
def test_a_session_ends_at_the_next_six_o_clock(account, made, ends, provisional):
    at = datetime.fromisoformat(made).replace(tzinfo=IST)

    logins.store(account, session_made(account, at), how="test")

    session = stored().session
    assert session.expires_at == datetime.fromisoformat(ends).replace(tzinfo=IST)
    assert session.is_provisional is provisional


def test_half_an_hour_before_the_end_it_says_so_and_then_it_needs_a_log_in(account):
    end = account.session.expires_at.timestamp()

    with time_machine.travel(end - 1799, tick=False):
        assert logins.state_of(stored()) == State.EXPIRING
    with time_machine.travel(end + 1, tick=False):
        assert logins.state_of(stored()) == State.NEEDS_LOGIN
        check_all()
        assert stored().session.ended_why == "it ended at the broker's hour"


@pytest.mark.django_db(transaction=True)
def test_its_members_hear_of_it_and_nobody_else(exchange, account, asha, stranger, enter):  # noqa: F811
    LoginSession.objects.update(expires_at=timezone.now() + timedelta(hours=5))

    async def listen():
        heard = await connected(await sync_to_async(enter)(asha))
        silent = await connected(await sync_to_async(enter)(stranger))
        await sync_to_async(expire_tokens)(exchange)
        await sync_to_async(check_all)()
        event = await heard.receive_json_from(timeout=2)
        nothing = await silent.receive_nothing(timeout=0.3)
        await heard.disconnect()
        await silent.disconnect()
        return event, nothing

    event, nothing = async_to_sync(listen)()

    assert event == {"type": "account", "account": account.code, "state": "NEEDS_LOGIN"}
    assert nothing


def test_an_account_that_the_broker_blocks_says_so_until_it_answers_again(exchange, account):  # noqa: F811
    effect = "status_403_before_acceptance"
    rule = {"effect": effect, "error_type": "UserException", "message": "Complete your KYC."}
    exchange.control("POST", "faults", {"rules": [rule]})

    lines.verify(stored())
    lines.verify(stored())

    assert logins.state_of(stored()) == State.BLOCKED
    assert stored().blocked_why == "Complete your KYC."
    assert AuditEvent.objects.filter(what="account.blocked").count() == 1
    exchange.control("DELETE", "faults")
    lines.verify(stored())
    assert logins.state_of(stored()) in UP
    assert AuditEvent.objects.filter(what="account.unblocked").count() == 1
