"""What every row carries beside our own words."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

type Raw = Mapping[str, Any]

ZERO = Decimal(0)
