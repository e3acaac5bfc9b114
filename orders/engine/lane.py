"""The queue of one account: what is next in it, and who may send it."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from accounts.brokerage import BrokerAccount, Credentials, LoginSession
from accounts.brokers.limits import Decision
from accounts.brokers.words import CallClass
from accounts.lines import limiter
from orders.engine import outlook
from orders.engine.models import TASKS, OrderTask
from orders.engine.outlook import Outlook
from tradedesk.database import Rows, answers

LOCKS = 7_301  # our name among the advisory locks
ACCOUNTS, SESSIONS = Rows(BrokerAccount), Rows(LoginSession)
KEYS = Rows(Credentials, "id", "account_id", "api_key")  # the secrets stay where they are


@cache
def whats_next() -> str:
    """Spell the question for the next task with all that sending it needs, its outlook first."""
    parts = [
        TASKS.columns("task"), ACCOUNTS.columns("account"), SESSIONS.columns("session"),
        KEYS.columns("keys"),
    ]  # fmt: skip
    return (
        f"SELECT {outlook.COLUMNS}, {', '.join(parts)} {outlook.SOURCE}"  # noqa: S608 - our own names
        "JOIN LATERAL (SELECT * FROM orders_ordertask "
        "WHERE account_id = asked.account AND state = 'PENDING' "
        "AND clock_timestamp() >= least(try_at, expires_at) ORDER BY is_exit DESC, sequence LIMIT 1"
        ") task ON true "
        "JOIN accounts_brokeraccount account ON account.id = asked.account "
        "LEFT JOIN accounts_loginsession session ON session.account_id = asked.account "
        "LEFT JOIN accounts_credentials keys ON keys.account_id = asked.account"
    )


def next_task(account_id: int) -> tuple[OrderTask, Outlook] | None:
    """Give what is due: exits and cancels first, then in the order of arrival."""
    for told in answers(whats_next(), [account_id]):
        view, of_task, of_account, of_session, of_keys = split(
            told, outlook.WIDTH, len(TASKS.fields), len(ACCOUNTS.fields), len(SESSIONS.fields)
        )
        task = TASKS.read(of_task)
        task.account = account = ACCOUNTS.read(of_account)
        if of_session[0] is not None:
            account.session = SESSIONS.read(of_session)
        if of_keys[0] is not None:
            account.credentials = KEYS.read(of_keys)
        return task, outlook.read(account_id, view)
    return None


def split(told: Sequence[Any], *widths: int) -> Iterator[Sequence[Any]]:
    """Cut an answer into the parts that it was asked for in, and the rest."""
    begin = 0
    for width in widths:
        yield told[begin : begin + width]
        begin += width
    yield told[begin:]


def until_next(account_id: int) -> float | None:
    """Tell in how many seconds something that waits by itself is due."""
    question = (
        "SELECT extract(epoch FROM min(try_at) - clock_timestamp()) FROM orders_ordertask "
        "WHERE account_id = %s AND state = 'PENDING'"
    )
    [(seconds,)] = answers(question, [account_id])
    return None if seconds is None else max(0.0, float(seconds))


def lock(account_id: int) -> bool:
    """Take the account's lock for this transaction, unless somebody holds it."""
    [(is_ours,)] = answers("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCKS, account_id])
    return bool(is_ours)


def class_of(task: OrderTask) -> CallClass:
    return CallClass.EXIT if task.is_exit else CallClass.ENTRY


def permit_for(task: OrderTask, account: BrokerAccount) -> Decision:
    """Ask whether one more call fits into this second, of all processes."""
    return limiter(account.broker).ask(str(account.pk), class_of(task))


def spend(permit: Decision, task: OrderTask, account: BrokerAccount) -> None:
    """Count the call from now on: the broker has heard it."""
    limiter(account.broker).arrived(str(account.pk), class_of(task), permit)


def turn_of(permit: Decision) -> str:
    return "Redis to come back" if permit.is_limiter_away else "its turn"
