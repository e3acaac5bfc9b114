"""Kite's rows of positions, holdings, funds and mutual funds, in our words."""

from collections.abc import Iterator, Mapping
from typing import Any

from accounts.brokers.kite.values import day, ist, money, or_none, raw, text, token, whole
from accounts.brokers.types import (
    AuctionLot,
    FundHolding,
    FundInstrument,
    FundOrder,
    FundPlan,
    Funds,
    Holding,
    Position,
    SegmentFunds,
    Side,
)

type Row = Mapping[str, Any]


def position_from(row: Row) -> Position:
    return Position(
        exchange=text(row["exchange"]),
        symbol=text(row["tradingsymbol"]),
        instrument_token=token(row.get("instrument_token")),
        product=text(row["product"]),
        quantity=whole(row["quantity"]),
        overnight_quantity=whole(row.get("overnight_quantity")),
        multiplier=money(row.get("multiplier", 1)),
        average_price=money(row.get("average_price")),
        close_price=money(row.get("close_price")),
        last_price=money(row.get("last_price")),
        value=money(row.get("value")),
        pnl=money(row.get("pnl")),
        m2m=money(row.get("m2m")),
        realised=money(row.get("realised")),
        unrealised=money(row.get("unrealised")),
        buy_quantity=whole(row.get("buy_quantity")),
        buy_price=money(row.get("buy_price")),
        buy_value=money(row.get("buy_value")),
        sell_quantity=whole(row.get("sell_quantity")),
        sell_price=money(row.get("sell_price")),
        sell_value=money(row.get("sell_value")),
        day_buy_quantity=whole(row.get("day_buy_quantity")),
        day_buy_price=money(row.get("day_buy_price")),
        day_buy_value=money(row.get("day_buy_value")),
        day_sell_quantity=whole(row.get("day_sell_quantity")),
        day_sell_price=money(row.get("day_sell_price")),
        day_sell_value=money(row.get("day_sell_value")),
        raw=raw(row),
    )


def holding_from(row: Row) -> Holding:
    mtf = row.get("mtf") or {}
    return Holding(
        exchange=text(row["exchange"]),
        symbol=text(row["tradingsymbol"]),
        instrument_token=token(row.get("instrument_token")),
        isin=text(row.get("isin")),
        product=text(row.get("product")),
        quantity=whole(row["quantity"]),
        t1_quantity=whole(row.get("t1_quantity")),
        used_quantity=whole(row.get("used_quantity")),
        opening_quantity=whole(row.get("opening_quantity")),
        realised_quantity=whole(row.get("realised_quantity")),
        collateral_quantity=whole(row.get("collateral_quantity")),
        collateral_type=text(row.get("collateral_type")),
        authorised_quantity=whole(row.get("authorised_quantity")),
        authorised_at=ist(row.get("authorised_date")),
        mtf_quantity=whole(mtf.get("quantity")),
        mtf_average_price=money(mtf.get("average_price")),
        mtf_initial_margin=money(mtf.get("initial_margin")),
        average_price=money(row.get("average_price")),
        last_price=money(row.get("last_price")),
        close_price=money(row.get("close_price")),
        pnl=money(row.get("pnl")),
        day_change=money(row.get("day_change")),
        day_change_percent=money(row.get("day_change_percentage")),
        has_discrepancy=bool(row.get("discrepancy")),
        raw=raw(row),
    )


def auction_lot_from(row: Row) -> AuctionLot:
    return AuctionLot(
        auction_number=text(row["auction_number"]),
        exchange=text(row["exchange"]),
        symbol=text(row["tradingsymbol"]),
        quantity=whole(row["quantity"]),
        last_price=money(row.get("last_price")),
        raw=raw(row),
    )


def funds_from(answer: Row) -> Funds:
    return Funds(
        equity=segment_from(answer.get("equity")), commodity=segment_from(answer.get("commodity"))
    )


def segment_from(row: Row | None) -> SegmentFunds | None:
    if not row:
        return None
    available, utilised = row.get("available") or {}, row.get("utilised") or {}
    names = (
        "span", "exposure", "option_premium", "m2m_realised", "m2m_unrealised", "holding_sales",
        "delivery", "payout", "turnover", "liquid_collateral", "stock_collateral",
    )  # fmt: skip
    return SegmentFunds(
        is_enabled=bool(row.get("enabled")),
        net=money(row["net"]),
        cash=money(available.get("cash")),
        opening_balance=money(available.get("opening_balance")),
        live_balance=money(available.get("live_balance")),
        collateral=money(available.get("collateral")),
        intraday_payin=money(available.get("intraday_payin")),
        adhoc_margin=money(available.get("adhoc_margin")),
        used=money(utilised.get("debits")),
        **{name: money(utilised.get(name)) for name in names},
        raw=raw(row),
    )


def fund_order_from(row: Row) -> FundOrder:
    return FundOrder(
        order_id=text(row["order_id"]),
        fund=text(row.get("fund")),
        symbol=text(row["tradingsymbol"]),
        status=text(row["status"]),
        message=text(row.get("status_message")),
        side=Side(row["transaction_type"]),
        amount=money(row.get("amount")),
        quantity=money(row.get("quantity")),
        average_price=money(row.get("average_price")),
        last_price=money(row.get("last_price")),
        folio=text(row.get("folio")),
        tag=or_none(row.get("tag")),
        ordered_at=ist(row.get("order_timestamp")),
        raw=raw(row),
    )


def fund_plan_from(row: Row) -> FundPlan:
    return FundPlan(
        plan_id=text(row["sip_id"]),
        fund=text(row.get("fund")),
        symbol=text(row["tradingsymbol"]),
        status=text(row["status"]),
        side=Side(row["transaction_type"]),
        frequency=text(row.get("frequency")),
        amount=money(row.get("instalment_amount")),
        instalments=whole(row.get("instalments")),
        completed=whole(row.get("completed_instalments")),
        pending=whole(row.get("pending_instalments")),
        next_on=day(row.get("next_instalment")),
        last_at=ist(row.get("last_instalment")),
        made_at=ist(row.get("created")),
        raw=raw(row),
    )


def fund_holding_from(row: Row) -> FundHolding:
    return FundHolding(
        folio=text(row.get("folio")),
        fund=text(row.get("fund")),
        symbol=text(row["tradingsymbol"]),
        quantity=money(row["quantity"]),
        pledged_quantity=money(row.get("pledged_quantity")),
        average_price=money(row.get("average_price")),
        last_price=money(row.get("last_price")),
        priced_on=day(row.get("last_price_date")),
        pnl=money(row.get("pnl")),
        raw=raw(row),
    )


def funds_in(rows: Iterator[Row]) -> Iterator[FundInstrument]:
    for row in rows:
        yield FundInstrument(
            symbol=row["tradingsymbol"],
            amc=row["amc"],
            name=row["name"],
            can_buy=row["purchase_allowed"] == "1",
            can_sell=row["redemption_allowed"] == "1",
            minimum_amount=money(row["minimum_purchase_amount"]),
            amount_multiplier=money(row["purchase_amount_multiplier"]),
            minimum_more=money(row["minimum_additional_purchase_amount"]),
            minimum_units=money(row["minimum_redemption_quantity"]),
            units_multiplier=money(row["redemption_quantity_multiplier"]),
            dividend=row["dividend_type"],
            scheme=row["scheme_type"],
            plan=row["plan"],
            settlement=row["settlement_type"],
            last_price=money(row["last_price"]),
            priced_on=day(row["last_price_date"]),
        )
