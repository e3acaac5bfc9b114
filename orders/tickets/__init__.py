"""Tickets: what a trader asks for, looked over before it becomes an order."""

from orders.tickets.checking import check
from orders.tickets.facts import Band, Caps, Facts, LastPrice, Listing, Only, Restriction
from orders.tickets.problems import Fix, Problem, Severity, refusals
from orders.tickets.quantities import slices
from orders.tickets.ticket import AUTOMATIC, Ticket
from orders.tickets.triggers import check_gtt

__all__ = [
    "AUTOMATIC",
    "Band",
    "Caps",
    "Facts",
    "Fix",
    "LastPrice",
    "Listing",
    "Only",
    "Problem",
    "Restriction",
    "Severity",
    "Ticket",
    "check",
    "check_gtt",
    "refusals",
    "slices",
]
