"""The morning's list: taken whole or not at all, and never forgetting what was traded once."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import connection

from orders.instruments import Instrument, MasterImport, Outcome, find_by_token, standing
from tests.orders.listing import FRIDAY, MASTER, MONDAY, brought_in, contract, kept, listed, market

pytestmark = pytest.mark.django_db


def row_versions():
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, xmin::text, ctid::text FROM orders_instrument ORDER BY id")
        return cursor.fetchall()


def many(number, exchange="NSE", **facts):
    return [listed(f"SHARE{each:03}", exchange=exchange, **facts) for each in range(number)]


def test_a_list_comes_in_with_everything_it_tells():
    option = contract(
        "USDINR26NOV84.25CE", "CE", "2026-11-26", "84.25", exchange="CDS", name="USDINR",
        lot_size=1000, tick_size=Decimal("0.0025"), token=77,
    )  # fmt: skip

    record = brought_in([option, *market()[:3]])

    assert (record.outcome, record.rows, record.added, record.gone) == (Outcome.DONE, 4, 4, 0)
    found = kept("USDINR26NOV84.25CE", exchange="CDS")
    assert found
    assert (found.segment, found.kind, found.underlying) == ("CDS-OPT", "CE", "USDINR")
    assert (found.lot_size, found.tick_size) == (1000, Decimal("0.0025"))
    assert (found.expiry, found.strike) == (date(2026, 11, 26), Decimal("84.25"))
    assert (found.is_active, found.first_seen, found.last_seen) == (True, date(2026, 11, 20), None)
    assert found.freeze_quantity is None
    assert find_by_token(MASTER, 77) == found


def test_an_index_is_told_from_a_share():
    brought_in()

    assert kept("NIFTY 50").kind == "INDEX"
    assert kept("INFY").kind == "EQ"


def test_the_same_list_again_touches_nothing():
    brought_in()
    before = row_versions()

    record = brought_in(at=MONDAY)

    assert (record.added, record.changed, record.gone) == (0, 0, 0)
    assert record.rows == len(before)
    assert row_versions() == before


def test_what_changed_is_changed_and_nothing_else():
    rows = market()
    brought_in(rows)
    rows[2] = replace(rows[2], tick_size=Decimal("0.10"))

    record = brought_in(rows, at=MONDAY)

    assert (record.added, record.changed, record.gone) == (0, 1, 0)
    assert kept("INFY").tick_size == Decimal("0.10")


def test_what_disappears_stays_and_what_returns_is_the_same_row():
    rows = market()
    brought_in(rows)
    number = kept("LT").pk

    record = brought_in([row for row in rows if row.symbol != "LT"], at=MONDAY)
    gone = kept("LT")
    brought_in(rows, at=MONDAY + timedelta(days=1))
    back = kept("LT")

    assert record.gone == 1
    assert (gone.pk, gone.is_active, gone.last_seen) == (number, False, date(2026, 11, 20))
    assert (back.pk, back.is_active, back.last_seen) == (number, True, None)


def test_a_token_used_again_means_the_listed_contract():
    old = contract("NIFTY26NOVFUT", "FUT", "2026-11-24", token=500)
    new = contract("NIFTY26DECFUT", "FUT", "2026-12-29", token=500)
    others = many(10)
    brought_in([old, *others])
    brought_in([new, *others], at=FRIDAY + timedelta(days=5))

    assert find_by_token(MASTER, 500) == kept("NIFTY26DECFUT", exchange="NFO")


def test_masters_do_not_touch_each_other():
    brought_in(many(10))

    brought_in(many(2), master="kite-paper")

    assert Instrument.objects.of(MASTER).active().count() == 10


@pytest.mark.parametrize(("left", "outcome"), [(70, Outcome.DONE), (69, Outcome.REFUSED), (0, Outcome.REFUSED)])  # fmt: skip
def test_a_list_without_much_of_an_exchange_is_refused(left, outcome):
    others = many(50, exchange="BSE")
    brought_in([*many(100), *others])
    before = row_versions()

    record = brought_in([*many(left), *others], at=MONDAY)

    assert record.outcome == outcome
    if outcome == Outcome.REFUSED:
        assert row_versions() == before
        assert record.error == f"{100 - left} of 100 of NSE are gone"
        assert (record.added, record.changed, record.gone) == (0, 0, 0)


def test_expired_contracts_may_all_go():
    shares = many(5)
    week = [
        contract(f"NIFTY26N24{strike}CE", "CE", "2026-11-24", strike) for strike in range(100, 150)
    ]
    brought_in([*shares, *week])

    early = brought_in(shares, at=MONDAY + timedelta(days=1))  # they expire today
    record = brought_in(shares, at=MONDAY + timedelta(days=2))

    assert early.outcome == Outcome.REFUSED
    assert (record.outcome, record.gone) == (Outcome.DONE, 50)


def test_an_operator_can_accept_what_is_gone():
    brought_in([*many(10), *many(10, exchange="BCD")])

    record = brought_in(many(10), at=MONDAY, accept_shrinkage=True)

    assert (record.outcome, record.gone) == (Outcome.DONE, 10)


def test_an_empty_list_is_refused_even_the_first_time_and_for_the_operator():
    assert brought_in([]).error == "the list is empty"
    assert brought_in([], accept_shrinkage=True).outcome == Outcome.REFUSED
    assert not Instrument.objects.exists()


@pytest.mark.parametrize("error", [OSError("reset"), ValueError("no list"), UnicodeError("cut")])
def test_a_torn_list_leaves_the_old_one(error):
    def torn():
        yield from market()[:20]
        yield listed("NEWCOMER")
        raise error

    brought_in()
    before = row_versions()

    record = brought_in(torn(), at=MONDAY)

    assert (record.outcome, record.added) == (Outcome.FAILED, 0)
    assert str(error) in record.error
    assert row_versions() == before


def test_lines_that_cannot_be_are_left_out_and_counted():
    bad = [
        listed(""), listed("X" * 65), listed("A\x00B"), listed("NOLOT", lot_size=0),
        listed("HUGE", lot_size=10**12), listed("BELOW", tick_size=Decimal(-1)),
        listed("NOTOKEN", token=-1), replace(listed("CUT"), exchange=None),
    ]  # fmt: skip

    record = brought_in([*bad, *market()])

    assert (record.outcome, record.unreadable, record.rows) == (Outcome.DONE, 8, len(market()))


def test_odd_texts_come_in_as_they_are():
    odd = listed("A\\N\tB", name="tab\there, 'quotes' \"too\", \\. and ₹\n")

    brought_in([odd])

    found = Instrument.objects.get()
    assert (found.symbol, found.name) == (odd.symbol, odd.name)


def test_of_lines_with_one_key_the_first_counts():
    record = brought_in([listed("INFY", name="first"), listed("INFY", name="second"), *many(3)])

    assert (record.rows, record.added, record.duplicates) == (4, 4, 1)
    assert kept("INFY").name == "first"


def test_a_freeze_quantity_that_is_known_is_kept():
    brought_in()
    Instrument.objects.filter(symbol="NIFTY26NOVFUT").update(freeze_quantity=1800)

    brought_in(
        [replace(row, lot_size=65) if row.name == "NIFTY" else row for row in market()], at=MONDAY
    )

    future = kept("NIFTY26NOVFUT", exchange="NFO")
    assert (future.lot_size, future.freeze_quantity) == (65, 1800)


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_take_turns():
    start = Barrier(2)
    records = []

    def bring():
        start.wait()
        records.append(brought_in())
        connection.close()

    threads = [Thread(target=bring) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(record.added for record in records) == [0, len(market())]
    assert {record.outcome for record in records} == {Outcome.DONE}


# How a master stands --------------------------------------------------------------------------


def at(text):
    day, clock = text.split()
    hours, minutes = clock.split(":")
    return FRIDAY.replace(day=int(day), hour=int(hours), minute=int(minutes))


@pytest.mark.parametrize(
    ("imported", "now", "due", "warns"),
    [
        ("20 08:30", "20 08:30", False, False),
        ("20 08:30", "21 08:29", False, False),
        ("20 08:30", "21 08:30", True, False),
        ("20 08:30", "21 08:59", True, False),
        ("20 08:30", "21 09:00", True, True),
        ("20 08:29", "20 09:15", True, True),
        ("20 11:00", "21 08:00", False, False),
    ],
)
def test_a_master_is_due_at_half_past_eight_and_warns_at_nine(imported, now, due, warns):
    brought_in(at=at(imported))

    found = standing(MASTER, at=at(now))

    assert (found.is_due, bool(found.warning)) == (due, warns)


def test_after_a_failure_the_old_list_serves_and_the_reason_is_told():
    brought_in(at=at("19 08:30"))
    brought_in([], at=at("20 09:10"))

    found = standing(MASTER, at=at("20 09:15"))

    assert found.age == timedelta(hours=24, minutes=45)
    assert found.warning == "instruments of kite-live are of 19 Nov 08:30: the list is empty"
    assert not found.is_due  # tried five minutes ago
    assert standing(MASTER, at=at("20 09:25")).is_due
    found.ensure()


def test_a_first_list_that_does_not_come_is_told_too():
    assert standing(MASTER, at=at("20 09:15")).warning == ""
    brought_in([], at=at("20 09:10"))

    assert standing(MASTER, at=at("20 09:15")).warning == (
        "no instruments of kite-live came yet: the list is empty"
    )


def test_every_attempt_is_written_down():
    brought_in()
    brought_in([], at=MONDAY)

    newest, oldest = MasterImport.objects.all()
    assert (str(newest), newest.is_done) == ("kite-live at 2026-11-23 03:00: refused", False)
    assert (oldest.at, oldest.rows) == (FRIDAY, len(market()))
