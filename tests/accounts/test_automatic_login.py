"""The desk logs an account in by itself: one try at a time, and nothing that was refused again."""

import json
import threading
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from accounts import linking, logins, ways_in
from accounts.brokerage import AutomaticLogin, BrokerAccount, State
from accounts.brokers.errors import AuthExpired, AuthFailed
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.accounts.test_kite_linking import UP, account, allowed, logins_at, opened  # noqa: F401


def stored():
    return ways_in.fresh(BrokerAccount.objects.get())


@pytest.mark.django_db(transaction=True)
def test_a_double_click_logs_in_once_and_sends_no_code_twice(allowed, exchange, asha, enter):  # noqa: F811
    before = logins_at(exchange)
    client, answers = enter(asha), []

    def click():
        try:
            answers.append(client.post("/accounts/anita-rao/login/alone/").status_code)
        finally:
            connection.close()

    clicks = [threading.Thread(target=click) for _ in range(3)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()

    assert sorted(answers) == [302, 422, 422]
    assert logins_at(exchange) - before == 1
    assert AutomaticLogin.objects.get().stopped_why == ""
    assert logins.state_of(stored()) in UP


@pytest.mark.django_db
def test_a_refused_api_secret_stops_it_as_a_refused_password_does(allowed):  # noqa: F811
    linking.change_credentials(allowed, changed={"api_secret": "z" * 32})

    with pytest.raises(AuthFailed):
        ways_in.alone(stored())

    assert "refused" in AutomaticLogin.objects.get().stopped_why
    with pytest.raises(AuthExpired):
        ways_in.ensure(stored())


@pytest.mark.django_db
def test_who_waited_for_a_try_that_was_refused_does_not_repeat_it(allowed):  # noqa: F811
    waited = stored()
    ways_in.stop(stored(), "Invalid TOTP.")

    with pytest.raises(ways_in.NotAllowed, match="Invalid TOTP"):
        ways_in.alone(waited)

    assert AutomaticLogin.objects.get().tries == 0


@pytest.mark.django_db
def test_the_command_tells_the_state_after_the_log_in(allowed):  # noqa: F811
    assert logins.state_of(stored()) == State.NEEDS_LOGIN
    out = StringIO()

    call_command("login_account", "anita-rao", "--json", stdout=out)

    assert json.loads(out.getvalue())["state"] in UP
