"""What every adapter must show when it reads: holdings, triggers, the market, costs."""

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.brokers.types import (
    AlertRequest,
    ChargedOrder,
    GttKind,
    GttLeg,
    GttRequest,
    GttStatus,
    Interval,
    OrderType,
    Product,
    Side,
    Variety,
)
from tests.brokers.contract_base import KEY, Contract, plain


class ReadsContract(Contract):
    """What is read, and what the broker keeps for us."""

    # What the account holds

    def test_funds_and_holdings_are_read(self, desk):
        desk.hold("TCS", 10)

        funds = plain(desk.broker.funds())
        holding = next(one for one in plain(desk.broker.holdings()) if one.symbol == "TCS")

        assert funds.equity.is_enabled
        assert funds.equity.net > 0
        assert holding.quantity == 10
        assert holding.isin
        plain(desk.broker.auction_lots())

    def test_mutual_funds_are_read(self, desk):
        if not desk.broker.capabilities.has_funds:
            pytest.skip("no mutual funds at this broker")
        for read in (
            desk.broker.fund_orders,
            desk.broker.fund_plans,
            desk.broker.fund_holdings,
            desk.broker.fund_instruments,
        ):
            plain(read())

    # Triggers

    def test_a_trigger_is_kept_changed_and_deleted(self, desk):
        if GttKind.OCO not in desk.broker.capabilities.gtt:
            pytest.skip("no such triggers at this broker")
        last = desk.last
        stop, target = desk.near(last * Decimal("0.93")), desk.near(last * Decimal("1.07"))
        legs = tuple(
            GttLeg(side=Side.SELL, quantity=1, product=Product.CNC, price=price)
            for price in (stop, target)
        )
        request = GttRequest(
            kind=GttKind.OCO,
            exchange="NSE",
            symbol="INFY",
            triggers=(stop, target),
            last_price=last,
            legs=legs,
        )

        gtt_id = desk.broker.place_gtt(request)
        kept = plain(desk.broker.gtt(gtt_id))
        desk.broker.modify_gtt(gtt_id, dataclasses.replace(request, triggers=(stop - 1, target)))
        changed = next(one for one in desk.broker.gtts() if one.gtt_id == gtt_id)
        desk.broker.delete_gtt(gtt_id)

        assert kept.status == GttStatus.ACTIVE
        assert kept.triggers == (stop, target)
        assert [(leg.side, leg.price, leg.succeeded) for leg in kept.legs] == [
            (Side.SELL, stop, None),
            (Side.SELL, target, None),
        ]
        assert changed.triggers == (stop - 1, target)
        left = {one.gtt_id: one.status for one in desk.broker.gtts()}
        assert left.get(gtt_id) != GttStatus.ACTIVE

    def test_an_alert_is_kept_changed_and_deleted(self, desk):
        if not desk.broker.capabilities.has_alerts:
            pytest.skip("no alerts at this broker")
        request = AlertRequest(
            name="INFY high", exchange="NSE", symbol="INFY", operator=">=", constant=desk.last * 2
        )

        alert = plain(desk.broker.create_alert(request))
        desk.broker.modify_alert(alert.alert_id, dataclasses.replace(request, name="higher"))
        again = plain(desk.broker.alert(alert.alert_id))
        plain(desk.broker.alert_history(alert.alert_id))
        listed = [one.alert_id for one in desk.broker.alerts()]
        desk.broker.delete_alerts(alert.alert_id)

        assert alert.constant == desk.last * 2
        assert again.name == "higher"
        assert alert.alert_id in listed
        assert alert.alert_id not in [
            one.alert_id for one in desk.broker.alerts() if one.status != "deleted"
        ]

    # The market

    def test_prices_are_read(self, desk):
        last = plain(desk.broker.ltp([KEY, "NSE:NOSUCHSHARE"]))
        day = plain(desk.broker.ohlc([KEY]))[KEY]
        quote = plain(desk.broker.quote([KEY, "NSE:NIFTY 50"]))

        assert list(last) == [KEY]
        assert last[KEY] > 0
        assert day.low <= day.last_price <= day.high
        assert len(quote[KEY].bids) == len(quote[KEY].offers) == 5
        assert quote[KEY].bids[0].price < quote[KEY].offers[0].price
        assert quote[KEY].quoted_at is not None
        assert quote["NSE:NIFTY 50"].last_price > 0

    def test_the_master_is_read_row_by_row(self, desk):
        with desk.broker.instruments() as found:
            rows = plain(list(found))

        keys = {(one.exchange, one.symbol) for one in rows}
        assert len(keys) == len(rows) > 100
        infy = self.instrument(desk)
        assert infy in rows
        assert infy.tick_size > 0
        assert {one.kind for one in rows} >= {"EQ", "FUT", "CE", "PE"}
        assert all(one.expiry and one.strike for one in rows if one.kind in {"CE", "PE"})

    def test_candles_are_read(self, desk):
        infy = self.instrument(desk)
        until = datetime.now(UTC)

        candles = plain(
            desk.broker.candles(
                infy.instrument_token, Interval.DAY, until - timedelta(days=20), until, with_oi=True
            )
        )

        assert candles
        assert [one.at for one in candles] == sorted(one.at for one in candles)
        assert all(one.low <= one.open <= one.high for one in candles)
        assert candles[0].oi is not None

    def test_costs_are_calculated(self, desk):
        order = self.order(desk)
        (margin,) = plain(desk.broker.margins([order]))
        basket = plain(desk.broker.basket_margin([order, self.order(desk, quantity=1)]))
        (charges,) = plain(
            desk.broker.charges(
                [
                    ChargedOrder(
                        order_id="1",
                        exchange="NSE",
                        symbol="INFY",
                        side=Side.SELL,
                        quantity=10,
                        average_price=desk.last,
                        product=Product.CNC,
                        order_type=OrderType.LIMIT,
                        variety=Variety.REGULAR,
                    )
                ]
            )
        )

        assert margin.total == 2 * desk.far_below
        assert len(basket.orders) == 2
        assert basket.final.total <= basket.initial.total
        assert charges.total >= charges.transaction_tax > 0
