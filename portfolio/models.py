"""What the desk keeps of positions, holdings and funds."""

from portfolio.state import FundsRow, HoldingRow, PositionRow, SyncRun

__all__ = ["FundsRow", "HoldingRow", "PositionRow", "SyncRun"]
