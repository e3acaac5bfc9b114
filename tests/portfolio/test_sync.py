"""Bringing data in: whole or not at all, contained, repeatable, and as fresh as somebody looks."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from accounts import linking, logins
from accounts.brokerage import State
from accounts.brokers import patience
from accounts.brokers.types import OrderRequest, OrderType, Product, Side
from accounts.lines import line_to
from accounts.ways_in import fresh
from orders import datasets
from orders.models import Dataset, GttTrigger, Order, OrderStep, Trade
from portfolio import sync
from portfolio.models import FundsRow, HoldingRow, PositionRow, SyncRun

pytestmark = pytest.mark.django_db
MODELS = [PositionRow, HoldingRow, FundsRow, Order, OrderStep, Trade, GttTrigger]


@pytest.fixture
def account(exchange, asha):
    return linking.link_paper(owner=asha)


def buy(account, symbol="INFY", quantity=5, product=Product.MIS, side=Side.BUY, **more):
    request = OrderRequest(
        exchange="NSE", symbol=symbol, side=side, quantity=quantity, product=product,
        order_type=OrderType.MARKET, market_protection=Decimal(-1), **more,
    )  # fmt: skip
    with line_to(account) as broker:
        return broker.place(request).order_id


def faults(running, *rules):
    running.control("DELETE", "faults")
    if rules:
        running.control("POST", "faults", {"rules": list(rules)})


def everything():
    skipped = {"synced_at", "heard_at"}
    return {
        model: [
            {name: value for name, value in row.items() if name not in skipped}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in MODELS
    }


def wait_for_fill(account, order_id):
    with line_to(account) as broker:
        for _ in range(100):
            if broker.order_history(order_id)[-1].status == "COMPLETE":
                return
    raise AssertionError("not filled")


def dataset(part):
    return Dataset.objects.get(part=part)


def test_a_sync_brings_all_parts_and_a_second_one_writes_nothing(account):
    wait_for_fill(account, buy(account))

    run = sync.sync_account(account.pk)

    assert run.success, run.error
    assert (run.orders_synced, run.trades_synced, run.positions_synced) == (1, 1, 2)
    assert Trade.objects.get().quantity == 5
    assert PositionRow.objects.get(is_day=False).quantity == 5
    assert {row.segment for row in FundsRow.objects.all()} == {"equity", "commodity"}
    # Prices walk at an open market, so positions and funds may differ: trades and orders do not.
    orders_before = [everything()[model] for model in (Order, OrderStep, Trade)]
    again = sync.sync_account(account.pk)
    assert again.success
    assert [everything()[model] for model in (Order, OrderStep, Trade)] == orders_before
    assert "trades" not in again.changes
    assert SyncRun.objects.count() == 2


def test_an_unchanged_answer_touches_nothing_but_the_age(account):
    sync.sync_account(account.pk, ["holdings", "gtts", "orders"])
    before, versions = everything(), {one.part: one.version for one in Dataset.objects.all()}

    with time_machine.travel(timezone.now() + timedelta(seconds=30)):
        sync.sync_account(account.pk, ["holdings", "gtts", "orders"])

    assert everything() == before
    assert {one.part: one.version for one in Dataset.objects.all()} == versions


def test_one_failure_spoils_nothing_else(account, exchange):
    sync.sync_account(account.pk)
    stood = everything()[HoldingRow]
    faults(exchange, {"route": "holdings", "effect": "status_503_before_acceptance"})

    with patience.within(20):
        run = sync.sync_account(account.pk)

    assert not run.success
    assert run.error.startswith("holdings: ")
    assert ";" not in run.error
    assert everything()[HoldingRow] == stood
    assert dataset("holdings").error
    assert dataset("funds").error == ""
    faults(exchange)
    assert sync.sync_account(account.pk).success
    assert dataset("holdings").error == ""
    assert dataset("holdings").failing_since is None


@pytest.mark.parametrize(
    "effect",
    [
        {"effect": "status_200_before_acceptance", "body": "html"},
        {"effect": "status_502_before_acceptance", "body": "html"},
        {"effect": "drop_after_acceptance"},
        {"effect": "close_after_acceptance"},
    ],
)
def test_odd_answers_leave_what_stood_with_its_age_and_a_reason(account, exchange, effect):
    wait_for_fill(account, buy(account))
    sync.sync_account(account.pk)
    before, age = everything()[PositionRow], dataset("positions").synced_at
    faults(exchange, effect | {"route": "positions"})

    with patience.within(1.5):
        outcome = sync.refresh_part(account.pk, "positions")

    assert outcome.error
    assert everything()[PositionRow] == before
    assert dataset("positions").synced_at == age
    assert dataset("positions").error
    assert logins.state_of(fresh(account)) in {State.LIVE, State.EXPIRING}


def test_a_dead_session_hides_behind_no_error_and_is_not_asked_again(account, exchange):
    exchange.control("POST", "faults", {"rules": [{"effect": "expire_tokens"}]})

    run = sync.sync_account(account.pk)

    assert not run.success
    assert logins.state_of(fresh(account)) == State.NEEDS_LOGIN
    assert sync.due_accounts() == []
    assert all(one.error == "" for one in Dataset.objects.all())


def rows(number):
    return [("row", index) for index in range(number)]


def source_of(kept):
    return datasets.Source(
        part=datasets.Part.GTTS,
        fetch=lambda broker: [],
        key=lambda row: row,
        keep=lambda account, told, at: kept.append(len(told)) or len(told),
    )


def test_an_answer_that_lost_most_of_its_rows_waits_for_a_second_reading(account):
    kept: list[int] = []
    source = source_of(kept)
    state = datasets.of(account, datasets.Part.GTTS)
    datasets.keep(state, source, rows(10))

    with pytest.raises(datasets.Implausible, match="2 rows where 10 stood"):
        datasets.keep(datasets.of(account, datasets.Part.GTTS), source, rows(2))
    assert kept == [10]
    datasets.keep(datasets.of(account, datasets.Part.GTTS), source, rows(2))
    assert kept == [10, 2]


def test_an_answer_that_names_something_twice_is_refused(account):
    kept: list[int] = []
    with pytest.raises(datasets.Implausible, match="twice"):
        datasets.keep(
            datasets.of(account, datasets.Part.GTTS), source_of(kept), [("row", 1), ("row", 1)]
        )
    assert kept == []


def test_only_one_of_many_fetches(account):
    state = datasets.of(account, datasets.Part.FUNDS)

    assert [datasets.lease(state) for _ in range(3)] == [True, False, False]
    assert sync.refresh_part(account.pk, "funds").is_skipped


def test_what_is_watched_is_due_once_an_interval_and_nothing_else_is(account):
    now = timezone.now()
    datasets.looks().delete(datasets.WATCHED)
    assert datasets.due(now) == []
    for _ in range(100):  # as many tabs as one likes
        datasets.watch([account.pk], ["positions"], now)

    assert datasets.due(now) == [(account.pk, "positions")]
    assert datasets.due(now + timedelta(seconds=4)) == []
    assert datasets.due(now + timedelta(seconds=5)) == [(account.pk, "positions")]
    assert datasets.due(now + timedelta(seconds=60)) == []  # nobody looks any more


def test_an_account_that_needs_a_log_in_is_never_due(account):
    now = timezone.now()
    datasets.watch([account.pk], ["positions"], now)
    logins.end(account, "test", generation=account.session.generation)

    assert datasets.due(now) == []
