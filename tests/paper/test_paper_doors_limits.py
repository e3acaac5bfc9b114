"""Rate limits, by class, answered with 429."""

import time

import pytest

from accounts.brokers.paper.server.limits import Limits

ORDER = {
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "quantity": 1,
    "price": "1450",
    "product": "CNC",
}


@pytest.fixture
def limited(start_paper):
    return start_paper()


def start_of_second() -> None:
    """Wait for the next second, so that all calls fall into one."""
    time.sleep(1 - time.time() % 1 + 0.01)


@pytest.mark.parametrize(
    ("paths", "allowed"),
    [
        (["/quote/ltp?i=NSE:INFY", "/quote?i=NSE:INFY", "/quote/ohlc?i=NSE:INFY"], 1),
        (["/instruments/historical/408065/day?from=2026-11-02&to=2026-11-06"], 3),
        (["/orders", "/portfolio/positions", "/user/margins"], 10),
    ],
)
def test_a_class_of_calls_has_its_own_limit_a_second(limited, paths, allowed):
    trader = limited.trader()
    start_of_second()

    answers = [
        limited.web.get(paths[number % len(paths)], headers=trader.headers)
        for number in range(allowed + 3)
    ]

    assert [one.status_code for one in answers] == [200] * allowed + [429] * 3
    assert answers[-1].json() == {
        "status": "error",
        "message": "Too many requests",
        "error_type": "NetworkException",
        "data": None,
    }


def test_orders_are_counted_by_account_and_wrong_ones_count_too(limited):
    trader, other = limited.trader(), limited.trader()
    wrong = {**ORDER, "quantity": "none"}
    start_of_second()

    statuses = [
        limited.web.post("/orders/regular", data=wrong, headers=trader.headers).status_code
        for _ in range(12)
    ]

    assert statuses == [400] * 10 + [429] * 2
    assert limited.web.post("/orders/regular", data=wrong, headers=other.headers).status_code == 400
    start_of_second()
    assert (
        limited.web.post("/orders/regular", data=ORDER, headers=trader.headers).status_code == 200
    )


def test_the_minute_has_its_own_limit_for_placing():
    at = [1_800_000_000_000]
    limits = Limits(lambda: at[0])

    refusals = []
    for _ in range(401):
        at[0] += 101
        refusals.append(limits.refusal("order", api_key="k", user="u", places=True))

    assert refusals[:400] == [None] * 400
    assert refusals[400] == "Maximum allowed order requests exceeded."
    at[0] += 60_000
    assert limits.refusal("order", api_key="k", user="u", places=True) is None


def test_the_day_has_its_own_limit_for_placing():
    at = [1_800_000_000_000 // 86_400_000 * 86_400_000]
    limits = Limits(lambda: at[0])
    taken = 0
    for _ in range(5_100):
        at[0] += 200
        taken += limits.refusal("order", api_key="k", user="u", places=True) is None

    assert taken == 5_000
    assert limits.refusal("order", api_key="k", user="u", places=False) is None
