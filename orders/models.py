"""What the desk keeps of instruments and orders."""

from orders.instruments.models import Instrument, MasterImport

__all__ = ["Instrument", "MasterImport"]
