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
from orders.instruments.resolving import Unresolved, expiries_of, resolve, strikes_of
from orders.instruments.same import all_at, same_at, twin_of, twins_of
from orders.instruments.searching import search
from orders.instruments.standing import NoMaster, Standing, standing

__all__ = [
    "Instrument",
    "Kind",
    "MasterImport",
    "NoMaster",
    "Outcome",
    "Standing",
    "Unresolved",
    "all_at",
    "expiries_of",
    "find",
    "find_by_token",
    "import_master",
    "master_of",
    "resolve",
    "same_at",
    "search",
    "standing",
    "strikes_of",
    "twin_of",
    "twins_of",
]
