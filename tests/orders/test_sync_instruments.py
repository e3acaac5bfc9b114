"""The list comes from the brokers of the accounts that are logged in."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import lines, linking
from accounts.models import User
from orders.instruments import Instrument, MasterImport, Outcome, search
from orders.instruments.syncing import sync_due
from orders.tasks import sync_instruments_task
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.orders.listing import kept

pytestmark = pytest.mark.django_db
MASTER = "kite-paper"


@pytest.fixture
def account(exchange):  # noqa: F811
    owner = User.objects.create_user("asha@example.com")
    return linking.link_paper(owner=owner)


def test_the_exchanges_whole_list_is_brought_in_and_found(account, capsys):
    call_command("sync_instruments", json=True)

    (record,) = json.loads(capsys.readouterr().out)
    assert (record["master"], record["outcome"]) == (MASTER, "done")
    assert record["added"] == record["rows"] == Instrument.objects.of(MASTER).active().count()
    assert record["rows"] > 1000
    assert record["duplicates"] == record["unreadable"] == 0
    assert kept("INFY", master=MASTER).instrument_token == 408065
    assert [row.key for row in search("reliance", master=MASTER)][:2] == [
        "NSE:RELIANCE", "BSE:RELIANCE",
    ]  # fmt: skip


def test_the_task_brings_in_what_is_due_once(account):
    sync_instruments_task()
    sync_instruments_task()

    assert MasterImport.objects.get().outcome == Outcome.DONE


def test_a_broken_line_is_written_down_and_tried_again_later(account, exchange):  # noqa: F811
    exchange.control("POST", "faults", {"rules": [{"effect": "drop_before_acceptance"}]})
    now = timezone.now()

    (failed,) = sync_due(at=now)

    assert failed.outcome == Outcome.FAILED
    assert failed.error
    exchange.control("DELETE", "faults")
    assert sync_due(at=now + timedelta(minutes=5)) == []
    assert sync_due(at=now + timedelta(minutes=15))[0].outcome == Outcome.DONE


def test_the_command_ends_with_the_reason(account, exchange, capsys):  # noqa: F811
    exchange.control("POST", "faults", {"rules": [{"effect": "drop_before_acceptance"}]})

    with pytest.raises(CommandError, match="kite-paper stays as it was"):
        call_command("sync_instruments", account=account.code)

    assert "Failed" in capsys.readouterr().out


def test_an_account_that_is_logged_out_is_not_asked(account):
    lines.log_out(account, actor=User.objects.get())

    assert sync_due(at=timezone.now()) == []
    with pytest.raises(CommandError, match="no account is logged in"):
        call_command("sync_instruments")


def test_an_unknown_account_is_named():
    with pytest.raises(CommandError, match="no account has the code nobody"):
        call_command("sync_instruments", account="nobody")
