"""Every rule of the exchange that is uncertain or that somebody may want otherwise."""

from dataclasses import dataclass, field, replace

SYNC, ASYNC = "sync", "async"

# Kite's automatic protection: below this price, this many hundredths of a percent.
PROTECTION_SHARES = ((100, 200), (500, 100), (10**9, 50))
PROTECTION_OPTIONS = ((10, 500), (100, 300), (500, 200), (10**9, 100))

SPANS_2026 = {"minute": 60, "2minute": 60, "15minute": 200, "30minute": 200}
SPANS_2026 |= dict.fromkeys(["3minute", "4minute", "5minute", "10minute"], 100)
SPANS_2026 |= dict.fromkeys(["60minute", "hour", "2hour", "3hour", "4hour"], 400)
SPANS_2026 |= dict.fromkeys(["day", "week"], 2000)
SPANS_2019 = SPANS_2026 | {"minute": 30, "3minute": 90, "5minute": 90, "10minute": 90}
SPANS_2019 |= {"15minute": 180, "30minute": 180, "60minute": 365, "hour": 365}


@dataclass(frozen=True, slots=True)
class Rules:
    """Named settings with the recommended defaults."""

    # Timing of an order, in milliseconds after it was received
    validation_ms: int = 40  # the risk checks have spoken
    exchange_ms: int = 90  # OPEN, or rejected by the exchange
    fill_ms: int = 60  # from OPEN to the first fill
    change_ms: int = 60  # a modification or cancellation takes effect

    # Orders
    protection_required: bool = True  # a market order must say how far it may go
    protection_echo: int = 0  # market_protection as shown afterwards
    limit_orders_only: bool = False
    wrong_side_trigger: str = SYNC
    no_funds: str = SYNC
    no_holdings: str = ASYNC
    outside_band: str = ASYNC
    above_freeze: str = SYNC
    most_modifications: int = 25
    most_slices: int = 10
    fewest_legs: int = 2
    most_legs: int = 50
    longest_tag: int = 20
    mcx_ioc: bool = False
    amo_release: str = "09:15"  # in the clock `open`, where no session ever begins

    # Margins, in hundredths of a percent of the value
    intraday_margin: int = 2_000
    mtf_margin: int = 4_000
    sale_held_back: int = 2_000  # of today's sale of holdings until it settles
    square_off_fee: int = 50  # rupees, and GST on it

    # Prices
    pin_ms: int = 60_000  # a price set by hand stands this long before the walk resumes
    spans: dict[str, int] = field(default_factory=lambda: dict(SPANS_2026))

    # Sessions
    request_token_ms: int = 300_000
    relogin: str = "same_token"  # or new_token_old_valid, new_token_old_revoked
    refresh_tokens: bool = False
    ragged_expiry: bool = False

    # Others
    gtt_enabled: bool = True
    margin_calculators: bool = True
    gtt_distance: int = 25  # hundredths of a percent between trigger and last price
    gtt_days: int = 365
    gtt_shown_days: int = 7
    most_alerts: int = 500
    ledger_days: int = 7  # how long finished orders stay in the ledger
    autoslice_array: bool = False  # the older answer, a bare list of the children


PROFILES = {
    "kite": Rules(),
    "kite-sandbox": replace(
        Rules(), limit_orders_only=True, gtt_enabled=False, margin_calculators=False
    ),
    "compat2019": replace(
        Rules(), protection_required=False, wrong_side_trigger=ASYNC, spans=SPANS_2019
    ),
}
