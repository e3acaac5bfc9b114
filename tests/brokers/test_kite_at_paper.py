"""What only Kite has, at paper exchanges of its profiles and with its real limits."""

import json
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from decimal import Decimal

import httpx
import pytest
from django.conf import settings

from accounts.brokers.errors import AuthorisationNeeded, OrderRejected
from accounts.brokers.kite import environments, offers
from accounts.brokers.paper.server.trial import trial
from accounts.brokers.types import OrderStatus, OrderType, Product, Side, Variety
from tests.brokers.conftest import PaperAccount
from tests.patience import until

SENDER = """
import json, sys, time
from decimal import Decimal
from accounts.brokers.errors import BrokerError
from accounts.brokers.limits import Limiter, connect
from accounts.brokers.registry import Access, kind
from accounts.brokers.types import CallClass, OrderRequest, OrderType, Product, Side

url, root, api_key, token, price, number = sys.argv[1:]
access = Access(environment="paper", api_key=api_key, access_token=token, root=root)
broker = kind("kite").make(access)
limiter = Limiter(connect(url), kind("kite").limits(7))
sent, errors = 0, []
print("ready", flush=True)
ends = float(sys.stdin.readline())
while limiter.wait("A", CallClass.ENTRY, timeout=max(0, ends - time.time())).is_granted:
    order = OrderRequest(
        exchange="NSE", symbol="INFY", side=Side.BUY, quantity=1, product=Product.CNC,
        order_type=OrderType.LIMIT, price=Decimal(price), tag=f"P{number}N{sent}",
    )
    try:
        broker.place(order)
        sent += 1
    except BrokerError as error:
        errors.append(str(error))
print(json.dumps([sent, errors]))
"""


@pytest.fixture
def strict():
    """An exchange that counts calls as Kite does."""
    with trial() as running:
        yield running


def low_price(account):
    last = account.broker.ltp(["NSE:INFY"])["NSE:INFY"]
    return (last * Decimal("0.95")).quantize(Decimal(1))


def test_four_processes_send_real_orders_and_the_exchange_never_says_too_many(strict, kite):
    account = PaperAccount(strict, kite, cash="9000000")
    price = low_price(account)
    api_key, token = account.facts["api_key"], account.access_token
    facts = [settings.REDIS_URL, strict.url, api_key, token, str(price)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", SENDER, *facts, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n"
    ends = f"{time.time() + 5}\n"
    told = [json.loads(worker.communicate(ends, timeout=40)[0]) for worker in workers]

    sent = sum(count for count, _ in told)
    assert [errors for _, errors in told] == [[], [], [], []]
    orders = account.ledger()["orders"]
    assert len(orders) == sent >= 21
    seconds = Counter(str(one["placed_at"])[:19] for one in orders)
    # 7 left in any second; a slow network may move some of them into the next.
    assert max(seconds.values()) <= 9


def test_shares_are_authorised_at_the_depository_before_they_are_sold(account, order):
    row = {
        "exchange": "NSE", "tradingsymbol": "INFY", "quantity": 9, "average_price": "1400.5",
        "authorised_quantity": 0,
    }  # fmt: skip
    account.exchange.control("POST", "holdings", {"user_id": account.user_id, "holdings": [row]})
    held = account.broker.holdings()[0]

    wanted = account.broker.authorise({held.isin: Decimal(5)})
    with httpx.Client(trust_env=False) as browser:
        done = browser.post(wanted.url, data={"agreed": "yes"}, follow_redirects=True)

    assert "may be sold" in done.text
    assert account.broker.holdings()[0].authorised_quantity == 5


def test_a_sale_that_needs_the_depository_says_so(account, order, faults):
    faults(
        "status_428_before_acceptance",
        route="order.place",
        user_id=account.user_id,
        count=1,
        error_type="HoldingException",
        message="10 quantity needs authorisation at depository.",
    )

    with pytest.raises(AuthorisationNeeded):
        account.broker.place(order(side=Side.SELL))


def test_the_sandbox_profile_is_served_below_its_prefix(kite, order):
    with trial("--profile", "kite-sandbox") as running:
        place = environments.paper(running.url, like_sandbox=True)
        account = PaperAccount(running, kite, cash="1000000")
        broker = account.adapter(place=place, capabilities=offers.SANDBOX)

        price = low_price(account)
        placed = broker.place(order(price=price))
        with broker.instruments("NSE") as rows:
            assert next(rows).exchange == "NSE"
        time.sleep(0.3)
        (found,) = broker.orders()
        broker.cancel(placed.order_id, variety=Variety.REGULAR)

        assert found.status is OrderStatus.OPEN
        assert broker.profile().user_id == account.user_id


def test_a_cover_order_is_known_by_its_parent(account, order):
    last = account.broker.ltp(["NSE:INFY"])["NSE:INFY"]
    placed = account.broker.place(
        order(
            variety=Variety.COVER,
            product=Product.MIS,
            order_type=OrderType.MARKET,
            price=None,
            trigger_price=(last * Decimal("0.97")).quantize(Decimal(1)),
            market_protection=Decimal(-1),
        )
    )
    legs = until(
        lambda: [
            one
            for one in account.broker.orders()
            if one.parent_order_id == placed.order_id and one.status is OrderStatus.TRIGGER_PENDING
        ]
    )

    assert (legs[0].variety, legs[0].product) == (Variety.COVER, Product.CO)
    account.broker.cancel(legs[0].order_id, variety=Variety.COVER, parent_order_id=placed.order_id)


def test_a_market_order_without_protection_is_refused_by_name(account, order):
    with pytest.raises(OrderRejected) as caught:
        account.broker.place(order(order_type=OrderType.MARKET, price=None))

    assert type(caught.value).__name__ == "MarketProtectionRequired"


def test_times_are_those_of_the_exchange(account, order):
    placed = account.broker.place(order(price=low_price(account)))
    time.sleep(0.2)

    (found,) = account.broker.find_by_tag("TEST1")

    assert found.order_id == placed.order_id
    assert found.ordered_at is not None
    assert abs((datetime.now(found.ordered_at.tzinfo) - found.ordered_at).total_seconds()) < 5
