"""Fetching the list from the brokers of the accounts that are logged in."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from accounts.brokerage import BrokerAccount
from accounts.brokers.errors import BrokerError
from accounts.brokers.limits import as_sync
from accounts.lines import line_to
from orders.instruments.importing import import_master, note_failure
from orders.instruments.models import MasterImport, Outcome, master_of
from orders.instruments.standing import standing

MOST_TRIES = 3  # accounts that are asked for one list


def sync_due(*, at: datetime) -> list[MasterImport]:
    """Bring in the lists that are due, each through whichever account gets it."""
    return [
        sync_one(accounts, at=at)
        for master, accounts in accounts_by_master(at)
        if standing(master, at=at).is_due
    ]


def sync_all(*, at: datetime, accept_shrinkage: bool = False) -> list[MasterImport]:
    """Bring in the lists of all accounts that are logged in, due or not."""
    return [
        sync_one(accounts, at=at, accept_shrinkage=accept_shrinkage)
        for _, accounts in accounts_by_master(at)
    ]


def accounts_by_master(at: datetime) -> list[tuple[str, list[BrokerAccount]]]:
    """Tell who can be asked for each list."""
    known = BrokerAccount.objects.logged_in(at).select_related("session", "credentials")
    known = known.order_by("broker", "environment", "created_at")
    return [(master, list(accounts)) for master, accounts in groupby(known, master_of_account)]


def master_of_account(account: BrokerAccount) -> str:
    return master_of(account.broker, account.environment)


def sync_one(
    accounts: Sequence[BrokerAccount], *, at: datetime, accept_shrinkage: bool = False
) -> MasterImport:
    """Ask one account after the other until a list arrives, whatever it is worth."""
    for account in accounts[:MOST_TRIES]:
        record = fetch(account, at=at, accept_shrinkage=accept_shrinkage)
        if record.outcome != Outcome.FAILED:
            break
    return record


def fetch(account: BrokerAccount, *, at: datetime, accept_shrinkage: bool = False) -> MasterImport:
    """Bring in the list as this account's broker tells it."""
    master = master_of_account(account)
    try:
        # Fetched to a file first: no transaction waits for the network.
        with line_to(account) as broker, as_sync(), broker.instruments() as rows:
            return import_master(master, rows, at=at, accept_shrinkage=accept_shrinkage)
    except BrokerError as error:
        return note_failure(master, error, at=at)
