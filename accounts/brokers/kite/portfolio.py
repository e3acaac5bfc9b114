"""What the account holds at Kite."""

import csv
from collections.abc import Mapping
from decimal import Decimal
from io import TextIOWrapper

from accounts.brokers.errors import AmbiguousOutcome
from accounts.brokers.kite.client import Client, reading, writing
from accounts.brokers.kite.portfolio_rows import (
    auction_lot_from,
    fund_holding_from,
    fund_order_from,
    fund_plan_from,
    funds_from,
    funds_in,
    holding_from,
    position_from,
)
from accounts.brokers.kite.values import text
from accounts.brokers.types import (
    AuctionLot,
    Authorisation,
    Conversion,
    FundHolding,
    FundInstrument,
    FundOrder,
    FundPlan,
    Funds,
    Holding,
    Positions,
)

AUTHORISE = "authorise the holdings"


class Portfolio(Client):
    """Positions, holdings, money and mutual funds."""

    def positions(self) -> Positions:
        with reading("read the positions"):
            answer = self.kite.positions()
            return Positions(
                net=tuple(position_from(row) for row in answer["net"]),
                day=tuple(position_from(row) for row in answer["day"]),
            )

    def holdings(self) -> list[Holding]:
        with reading("read the holdings"):
            return [holding_from(row) for row in self.kite.holdings()]

    def funds(self) -> Funds:
        with reading("read the funds"):
            return funds_from(self.kite.margins())

    def convert(self, conversion: Conversion) -> None:
        answer = self.kite.convert_position(
            exchange=conversion.exchange,
            tradingsymbol=conversion.symbol,
            transaction_type=conversion.side.value,
            position_type="overnight" if conversion.is_overnight else "day",
            quantity=conversion.quantity,
            old_product=conversion.old_product,
            new_product=conversion.new_product,
        )
        if answer is not True:
            raise AmbiguousOutcome("convert the position", text=text(answer))

    def auction_lots(self) -> list[AuctionLot]:
        with reading("read the auction"):
            return [auction_lot_from(row) for row in self.kite.get_auction_instruments()]

    def authorise(self, shares: Mapping[str, Decimal]) -> Authorisation:
        """Ask the depository. The official client has no method for it."""
        with writing(AUTHORISE):
            # Pairs are told apart by their order alone.
            answer = self.kite._post(
                "portfolio.holdings.authorise",
                params={"isin": list(shares), "quantity": list(shares.values())},
            )
            request_id = text(answer["request_id"])
        page = self.place_of_business.login.removesuffix("/login")
        return Authorisation(
            request_id=request_id,
            url=f"{page}/portfolio/authorise/holdings/{self.kite.api_key}/{request_id}",
        )

    def fund_orders(self) -> list[FundOrder]:
        with reading("read the fund orders"):
            return [fund_order_from(row) for row in self.kite.mf_orders()]

    def fund_plans(self) -> list[FundPlan]:
        with reading("read the fund plans"):
            return [fund_plan_from(row) for row in self.kite.mf_sips()]

    def fund_holdings(self) -> list[FundHolding]:
        with reading("read the fund holdings"):
            return [fund_holding_from(row) for row in self.kite.mf_holdings()]

    def fund_instruments(self) -> list[FundInstrument]:
        """Read the funds on offer, from the route of the official client, without its floats."""
        with reading("read the funds"), self.kite._get("mf.instruments") as body:
            return list(funds_in(csv.DictReader(TextIOWrapper(body, "utf-8", newline=""))))
