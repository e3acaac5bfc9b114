"""What a future and an option are worth, given what they follow.

A model, not money: it computes with floats, and its callers round to the tick at once.
"""

from math import erf, exp, log, sqrt

YEAR = 365 * 86_400
CARRY = 0.065
INDEX_VOLATILITY = 0.13
SHARE_VOLATILITY = 0.26
SMILE = 0.35


def forward(spot: int, seconds: int, rate: float = CARRY) -> float:
    """A future: the spot and the cost of carrying it to expiry."""
    return spot * (1 + rate * max(seconds, 0) / YEAR)


def volatility(spot: int, strike: int, *, is_index: bool) -> float:
    """Further strikes are dearer than the plain model says."""
    middle = INDEX_VOLATILITY if is_index else SHARE_VOLATILITY
    return middle + SMILE * min(abs(log(strike / spot)), 0.5)


def option(spot: float, strike: int, seconds: int, sigma: float, *, call: bool) -> float:
    """Black and Scholes, down to the intrinsic value at expiry."""
    intrinsic = max(spot - strike if call else strike - spot, 0.0)
    if seconds <= 0 or spot <= 0:
        return intrinsic
    years = seconds / YEAR
    spread = sigma * sqrt(years)
    d1 = (log(spot / strike) + (CARRY + sigma * sigma / 2) * years) / spread
    discounted = strike * exp(-CARRY * years)
    value = spot * _normal(d1) - discounted * _normal(d1 - spread)
    return max(value if call else value - spot + discounted, intrinsic, 0.0)


def _normal(x: float) -> float:
    return 0.5 * (1.0 + erf(x / 1.4142135623730951))
