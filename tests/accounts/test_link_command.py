"""Accounts linked and logged in by command: from the environment, twice the same, and never half right."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.brokerage import BrokerAccount, Credentials, Role
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401

pytestmark = pytest.mark.django_db
VALUES = {
    "API_KEY": "a1b2c3d4e5f6g7h8",
    "API_SECRET": "b" * 32,
    "USER_ID": "ab1234",
    "PASSWORD": "a real password",
    "TOTP_SECRET": "JBSWY3DPEHPK3PXP",
}


@pytest.fixture
def owner(make_person):
    return make_person(is_superuser=True)


@pytest.fixture
def environment(monkeypatch):
    """Set the credentials as a shell does."""

    def set_to(prefix="KITE", **changed):
        for name, value in {**VALUES, **changed}.items():
            monkeypatch.setenv(f"{prefix}_{name}", value)

    return set_to


def linked(**options):
    out = StringIO()
    call_command("link_account", "--from-env", "--json", stdout=out, **options)
    return json.loads(out.getvalue())


@pytest.mark.parametrize("prefix", ["KITE", "ZERODHA"])
def test_credentials_of_the_environment_are_sealed_once_and_changed_alone(
    owner, environment, prefix
):
    environment(prefix)

    assert linked() == {"code": "ab1234", "what": "linked"}
    assert linked()["what"] == "nothing new"
    environment(prefix, PASSWORD="another password")
    assert linked()["what"] == "changed password"

    account = BrokerAccount.objects.get()
    assert (account.broker_user_id, account.environment) == ("AB1234", "live")
    assert account.memberships.get(user=owner).role == Role.OWNER
    assert Credentials.objects.get().password == "another password"


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("value", ["your_value_here", "your-value-here"])
def test_a_placeholder_of_an_example_is_no_credential(owner, environment, name, value):
    environment(**{name: value})

    with pytest.raises(CommandError, match=f"KITE_{name}: Not configured"):
        linked()

    assert not BrokerAccount.objects.exists()


@pytest.mark.parametrize("option", ["--access-token", "--request-token"])
def test_an_empty_token_logs_in_no_other_way(exchange, owner, option):  # noqa: F811
    out = StringIO()
    call_command("link_paper", "--owner", owner.email, stdout=out)
    assert out.getvalue().strip() in {"paper: LIVE", "paper: EXPIRING"}
    generation = BrokerAccount.objects.get().session.generation

    with pytest.raises(CommandError, match="the token is empty"):
        call_command("login_account", "paper", f"{option}=")

    assert BrokerAccount.objects.get().session.generation == generation
