"""Instruments: the broker's list, brought in every morning, looked up and searched."""

from orders.instruments.importing import import_master
from orders.instruments.models import (
    Instrument,
    Kind,
    MasterImport,
    Outcome,
    find,
    find_by_token,
    master_of,
)
from orders.instruments.searching import search
from orders.instruments.standing import NoMaster, Standing, standing

__all__ = [
    "Instrument",
    "Kind",
    "MasterImport",
    "NoMaster",
    "Outcome",
    "Standing",
    "find",
    "find_by_token",
    "import_master",
    "master_of",
    "search",
    "standing",
]
