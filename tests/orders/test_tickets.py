"""Each rule says what is wrong with a ticket and what to enter instead; the rest passes in silence."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from accounts.brokers.kite import offers
from accounts.brokers.words import OrderType, Product, Side, Validity, Variety
from orders.tickets import Caps, Only, Restriction, Severity, Ticket, check, refusals, slices
from tests.orders.asking import (
    FREEZE,
    LOT,
    circuit,
    facts,
    future,
    on_future,
    seen,
    share,
    texts,
    ticket,
)

ROOT = Path(__file__).parents[2]
MARKET = {"order_type": OrderType.MARKET, "price": None}
STOP = {"order_type": OrderType.SL, "price": "1020", "trigger_price": "1018"}
STOP_AT_MARKET = {"order_type": OrderType.SL_M, "price": None, "trigger_price": "1018"}
COVER = {"variety": Variety.COVER, "product": Product.MIS, "trigger_price": "1000"}
ICEBERG = {"variety": Variety.ICEBERG, "iceberg_legs": 5}


@pytest.mark.parametrize(
    "terms",
    [
        {}, MARKET, STOP, STOP_AT_MARKET, COVER, ICEBERG,
        {"product": Product.MTF}, {"product": Product.MIS}, {"variety": Variety.AMO},
        STOP | {"side": Side.SELL, "price": "1000", "trigger_price": "1005"},
        STOP | {"trigger_price": "1020"},
        MARKET | {"protection": "2.5"}, MARKET | {"protection": "100"},
        COVER | {"side": Side.SELL, "trigger_price": "1020"}, COVER | MARKET,
        {"validity": Validity.IOC}, {"validity": Validity.TTL, "validity_minutes": 5},
        {"disclosed_quantity": 2}, {"quantity": 100_000, "price": "950"},
        {"variety": Variety.AUCTION, "auction_number": "42"},
    ],
)  # fmt: skip
def test_a_right_ticket_passes(terms):
    assert texts(ticket(**terms)) == []


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"price": "1012.52"}, "Price must step by 0.05. Use 1,012.50 or 1,012.55."),
        (STOP | {"trigger_price": "1018.01"}, "Trigger price must step by 0.05. Use 1,018.00 or 1,018.05."),
        ({"price": "0.02"}, "Price must step by 0.05. Use 0.05."),
        ({"price": None}, "A limit order needs a price. Use 1,012.50."),
        (MARKET | {"price": "1000"}, "A market order has no price of its own. Leave it empty, or use type LIMIT."),
        ({"trigger_price": "1000"}, "A limit order has no trigger. Leave it empty, or use type SL."),
        (STOP | {"trigger_price": None}, "A stop order (SL) needs a trigger price. Enter the price that releases it."),
        (COVER | {"trigger_price": None}, "A cover order needs a trigger price. Enter the price that releases it."),
        ({"price": "-5"}, "Price must be above zero. Enter the price."),
        ({"price": "NaN"}, "Price is not a number. Enter one."),
        ({"price": "1e308"}, "Price is too large. Enter what you mean."),
        ({"price": "1e-308"}, "Price is too small. Enter what you mean."),
        ({"quantity": 10**12}, "Quantity is too large. Enter what you mean."),
        ({"quantity": 0}, "Quantity must be 1 or more. Use 1."),
    ],
)  # fmt: skip
def test_a_price_or_quantity_that_cannot_be_is_refused(terms, said):
    assert said in texts(ticket(**terms))


@pytest.mark.parametrize(
    ("terms", "known", "said"),
    [
        ({"price": "900"}, {}, "Price must be between 911.25 and 1,113.75 today. Use 911.25 or more."),
        ({"price": "1200"}, {}, "Price must be between 911.25 and 1,113.75 today. Use 1,113.75 or less."),
        ({"price": "900"}, {"band": circuit("911.23")}, "Price must be between 911.23 and 1,113.75 today. Use 911.25 or more."),
        (STOP_AT_MARKET | {"trigger_price": "1200"}, {}, "Trigger price must be between 911.25 and 1,113.75 today. Use 1,113.75 or less."),
        ({"price": "1100"}, {"caps": Caps(distance=Decimal(3))},
         "Price is 8.64% above the last price of 1,012.50; this account allows 3%. Use 1,042.85 or less."),
    ],
)  # fmt: skip
def test_a_price_out_of_the_market_is_refused(terms, known, said):
    assert texts(ticket(**terms), facts(**known)) == [said]


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (STOP | {"trigger_price": "1021"},
         "To buy, the trigger must not be above the limit price, or it would be released where it"
         " cannot be filled. Use a trigger of 1,020.00 or a price of 1,021.00."),
        (STOP | {"side": Side.SELL, "price": "1005", "trigger_price": "1000"},
         "To sell, the trigger must not be below the limit price, or it would be released where it"
         " cannot be filled. Use a trigger of 1,005.00 or a price of 1,000.00."),
        (STOP | {"trigger_price": "1012.50"},
         "The trigger must be above the last price of 1,012.50. Use 1,012.55 or more."),
        (STOP_AT_MARKET | {"side": Side.SELL, "trigger_price": "1012.50"},
         "The trigger must be below the last price of 1,012.50. Use 1,012.45 or less."),
        (COVER | {"trigger_price": "1012.50"}, "The stop of this cover order must be below its price. Use 1,012.45."),
        (COVER | MARKET | {"trigger_price": "1020"},
         "The trigger must be below the last price of 1,012.50. Use 1,012.45 or less."),
    ],
)  # fmt: skip
def test_a_trigger_on_the_wrong_side_is_refused(terms, said):
    assert said in texts(ticket(**terms))


def test_without_a_fresh_price_the_side_of_a_trigger_only_warns():
    wrong = ticket(**(STOP | {"trigger_price": "1000"}))

    assert refusals(check(wrong, facts()))
    (old,) = check(wrong, facts(last=seen(age=90)))
    assert old.severity == Severity.WARNS
    assert old.text.endswith("Use 1,012.55 or more. That price is 90 seconds old.")
    (unknown,) = check(wrong, facts(last=None))
    assert unknown.severity == Severity.NOTE
    (right,) = check(ticket(**STOP), facts(last=seen(age=90)))
    assert right.severity == Severity.NOTE


@pytest.mark.parametrize(
    ("band", "said"),
    [
        (None, "The circuit limits of INFY are not known: the price was not compared with them."),
        (circuit(age=180), "The circuit limits of INFY are 3 minutes old: the price was not compared with them."),
    ],
)  # fmt: skip
def test_a_rule_about_the_market_without_the_market_leaves_a_note(band, said):
    (note,) = check(ticket(price="500"), facts(band=band))

    assert (note.severity, note.text) == (Severity.NOTE, said)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"restrictions": None}, "The lists of restricted instruments could not be read. Try again."),
        ({"caps": None}, "The limits of this account could not be read. Try again."),
        ({"listing": share(tick_size=Decimal(0))}, "The step of prices of NSE:INFY is not known. Fetch the instruments again."),
        ({"listing": share(lot_size=0)}, "The lot size of NSE:INFY is not known. Fetch the instruments again."),
    ],
)  # fmt: skip
def test_a_rule_about_our_own_figures_refuses_without_them(known, said):
    assert [one.text for one in refusals(check(ticket(), facts(**known)))] == [said]


def test_an_instrument_that_is_not_there_is_refused_and_nothing_else_is_said_of_it():
    unknown = replace(facts(), listing=None)

    assert texts(ticket(price="1012.52"), unknown) == [
        "NSE:INFY is not in the list of instruments. Choose it from the search."
    ]


@pytest.mark.parametrize(
    ("listing", "said"),
    [
        (future(expiry=date(2026, 11, 19)), "NIFTY26NOVFUT expired on 19 Nov 2026. Choose a later expiry."),
        (future(is_active=False), "NIFTY26NOVFUT is not listed any more. Choose it anew from the search."),
        (future(kind="INDEX"), "NIFTY26NOVFUT is an index and cannot be traded. Choose one of its futures or options."),
    ],
)  # fmt: skip
def test_what_cannot_be_traded_today_is_refused(listing, said):
    assert texts(on_future(), facts(listing)) == [said]


def test_a_contract_is_traded_on_the_day_it_expires():
    assert texts(on_future(), facts(future(expiry=date(2026, 11, 20)))) == []


def test_an_exchange_that_broker_or_account_lack_is_refused():
    only_nse = replace(offers.LIVE, exchanges=frozenset({"NSE"}))

    assert texts(on_future(), facts(future(), capabilities=only_nse)) == [
        "This broker does not trade on NFO. Choose the instrument elsewhere."
    ]
    assert texts(on_future(), facts(future(), account_exchanges=frozenset({"NSE"}))) == [
        "NFO is not enabled for this account. Enable the segment at the broker."
    ]


@pytest.mark.parametrize("exchange", ["NSE", "BSE"])
@pytest.mark.parametrize("product", ["CNC", "MIS", "MTF", "NRML", "CO"])
def test_shares_are_kept_traded_for_the_day_or_on_margin(exchange, product):
    asked = ticket(exchange=exchange, product=Product(product))
    wrong = texts(asked, facts(share(exchange=exchange)))

    said = f"{exchange} takes CNC, MIS and MTF, not {product}. Use CNC, MIS or MTF."
    assert wrong == ([] if product in {"CNC", "MIS", "MTF"} else [said])


@pytest.mark.parametrize("exchange", ["NFO", "BFO", "CDS", "BCD", "MCX", "NCO"])
@pytest.mark.parametrize("product", ["CNC", "MIS", "MTF", "NRML", "CO"])
def test_contracts_are_carried_or_traded_for_the_day(exchange, product):
    asked = on_future(exchange=exchange, product=Product(product))
    wrong = texts(asked, facts(future(exchange=exchange)))

    said = f"{exchange} takes NRML and MIS, not {product}. Use NRML or MIS."
    assert wrong == ([] if product in {"NRML", "MIS"} else [said])


def test_a_product_that_broker_or_account_lack_is_not_offered_as_a_way_out():
    without = replace(offers.LIVE, products=frozenset({Product.CNC, Product.MIS}))

    assert texts(ticket(product=Product.MTF), facts(capabilities=without)) == [
        "This broker does not offer MTF. Use CNC or MIS."
    ]
    assert texts(ticket(product=Product.MTF), facts(account_products=frozenset({"CNC"}))) == [
        "MTF is not enabled for this account. Use CNC."
    ]


def test_an_instrument_on_a_list_takes_the_products_of_that_list_alone():
    intraday = Restriction(only=Only.INTRADAY, why="Promoter shares are pledged.")
    delivery = Restriction(only=Only.DELIVERY)

    assert texts(ticket(), facts(restrictions=(intraday,))) == [
        "INFY can be traded intraday only: Promoter shares are pledged. Use MIS."
    ]
    assert texts(ticket(product=Product.MIS), facts(restrictions=(delivery,))) == [
        "INFY can be traded for delivery only. Use CNC."
    ]
    assert texts(ticket(), facts(restrictions=(intraday, delivery))) == [
        "INFY can be traded intraday only: Promoter shares are pledged. It cannot be ordered in this way."
    ]
    assert texts(ticket(**COVER), facts(restrictions=(delivery,))) == [
        "INFY can be traded for delivery only. It cannot be ordered in this way."
    ]


def test_lists_and_caps_do_not_hold_back_an_exit():
    held = facts(
        restrictions=(Restriction(only=Only.INTRADAY),), caps=Caps(quantity=1, value=Decimal(1))
    )

    assert len(texts(ticket(side=Side.SELL), held)) == 2
    assert texts(ticket(side=Side.SELL), replace(held, is_exit=True)) == []


@pytest.mark.parametrize(
    ("terms", "known", "said"),
    [
        ({"validity": Validity.IOC}, {"exchange": "MCX"}, "MCX takes no IOC orders from programs. Use DAY."),
        ({"validity": Validity.TTL}, {}, "TTL needs its minutes, from 1 to 1,440. Use 5 minutes or 30 minutes."),
        ({"validity": Validity.TTL, "validity_minutes": 1441}, {}, "TTL needs its minutes, from 1 to 1,440. Use 5 minutes or 30 minutes."),
        ({"validity_minutes": 5}, {}, "Only TTL has minutes. Leave it empty."),
    ],
)  # fmt: skip
def test_a_validity_that_the_segment_lacks_is_refused(terms, known, said):
    assert texts(on_future(**terms, **known), facts(future(**known))) == [said]


@pytest.mark.parametrize("protection", ["0", "-2", "100.5", "-0.5"])
@pytest.mark.parametrize("terms", [MARKET, STOP_AT_MARKET])
def test_market_protection_is_never_zero(terms, protection):
    assert texts(ticket(**terms, protection=protection)) == [
        "Market protection is never zero: it is a percentage above 0 and up to 100. Use automatic (-1)."
    ]


def test_market_protection_is_automatic_unless_asked_otherwise():
    assert ticket(**MARKET).request().market_protection == -1
    assert ticket(**MARKET, protection="2").request().market_protection == 2
    assert ticket().request().market_protection is None
    assert texts(ticket(protection="2")) == [
        "A limit order has a price and needs no market protection. Leave it empty."
    ]


def test_a_broker_that_does_not_choose_wants_a_percentage():
    chooses_not = replace(offers.LIVE, automatic_protection=None)

    assert texts(ticket(**MARKET), facts(capabilities=chooses_not)) == [
        "This broker does not choose the market protection by itself. Enter a percentage."
    ]
    assert texts(ticket(**MARKET, protection="2"), facts(capabilities=chooses_not)) == []


def test_what_a_broker_does_not_offer_is_refused():
    sandbox = facts(capabilities=replace(offers.SANDBOX, varieties=frozenset({Variety.REGULAR})))

    assert texts(ticket(**MARKET), sandbox) == [
        "This broker does not take the type MARKET. Use LIMIT."
    ]
    assert texts(ticket(variety=Variety.AMO), sandbox) == [
        "This broker does not offer the variety amo. Use regular."
    ]
    assert texts(ticket(**(STOP | {"variety": Variety.COVER, "product": Product.MIS, "trigger_price": "1000"})))[0] == (
        "A cover order does not take the type SL. Use LIMIT."
    )  # fmt: skip
    assert texts(ticket(variety=Variety.AUCTION)) == [
        "An auction order needs the number of its auction. Choose it from the auctions."
    ]


@pytest.mark.parametrize(
    ("quantity", "said"),
    [
        (70, "Quantity must be a multiple of the lot of 65. Use 65 or 130."),
        (1, "Quantity must be a multiple of the lot of 65. Use 65."),
        (-65, "Quantity must be 1 or more. Use 65."),
        (65 * 28, "The exchange takes at most 1,755 of NIFTY26NOVFUT in one order."
                  " Use 2 slices (1 of 1,755 and 1 of 65) or 1,755."),
        (65 * 300, "The exchange takes at most 1,755 of NIFTY26NOVFUT in one order. At most 10 slices"
                   " are allowed, 12 would be needed. Use 1,755 or 17,550 in 10 slices."),
    ],
)  # fmt: skip
def test_a_quantity_fits_lots_and_the_freeze(quantity, said):
    small = facts(future(), band=circuit("1", "100"), last=seen("50"))

    assert texts(on_future(quantity=quantity, price="50"), small) == [said]


def test_slices_fit_below_the_freeze_and_are_sliced_by_the_broker():
    asked = on_future(quantity=4500, price="50", autoslice=True)
    known = facts(future(lot_size=75), band=circuit("1", "100"), last=seen("50"))

    assert texts(asked, known) == []
    assert slices(4500, FREEZE) == [1800, 1800, 900]
    assert slices(3600, FREEZE) == [1800, 1800]
    without = replace(offers.LIVE, has_autoslice=False)
    assert texts(asked, replace(known, capabilities=without)) == [
        "The exchange takes at most 1,800 of NIFTY26NOVFUT in one order. Use 1,800.",
        "This broker does not slice orders. Send it as one order.",
    ]


def test_a_freeze_quantity_that_nobody_knows_leaves_a_note():
    (note,) = check(on_future(), facts(future(freeze_quantity=None)))

    assert note.severity == Severity.NOTE
    assert texts(ticket(), facts(share(freeze_quantity=None))) == []


@pytest.mark.parametrize(
    ("terms", "caps", "said"),
    [
        ({"quantity": 11}, Caps(quantity=10), "Quantity is above 10, the most that this account allows in one order. Use 10."),
        ({}, Caps(value=Decimal(9000)), "The order is worth ₹10,125.00; this account allows ₹9,000.00 in one order. Use 8."),
        ({}, Caps(value=Decimal(1000)), "The order is worth ₹10,125.00; this account allows ₹1,000.00 in one order."),
        ({"quantity": 100_001, "price": "912"}, Caps(), "Quantity is above 1,00,000, the most that the broker takes in one order. Use 1,00,000."),
        ({"quantity": 99_999}, Caps(), "The order is worth ₹10,12,48,987.50; the broker takes ₹10,00,00,000.00 in one order. Use 98,765."),
        (MARKET | {"quantity": 11}, Caps(quantity=10), "Quantity is above 10, the most that this account allows in one order. Use 10."),
    ],
)  # fmt: skip
def test_an_order_above_a_cap_is_refused(terms, caps, said):
    assert texts(ticket(**terms), facts(caps=caps)) == [said]


def test_an_offer_below_the_market_is_worth_what_the_market_pays():
    capped = facts(caps=Caps(value=Decimal(10_000)))
    cheap = {"price": "950", "quantity": 10}

    assert texts(ticket(**cheap, side=Side.BUY), capped) == []
    assert texts(ticket(**cheap, side=Side.SELL), capped) == [
        "The order is worth ₹10,125.00; this account allows ₹10,000.00 in one order. Use 9."
    ]


def test_a_market_order_whose_value_nobody_knows_does_not_pass_a_cap():
    capped = facts(caps=Caps(value=Decimal(9000)), last=None)

    assert texts(ticket(**MARKET), capped) == [
        "This account allows ₹9,000.00 in one order, and no price of INFY is known. Use a limit order."
    ]
    old = replace(capped, last=seen(age=10_000))
    assert texts(ticket(**MARKET), old)[0].startswith("The order is worth ₹10,125.00")


def test_a_multiplier_makes_a_lot_dear():
    dear = facts(share(multiplier=Decimal(1000)), caps=Caps(value=Decimal(5_000_000)))

    assert texts(ticket(), dear)[0].endswith("allows ₹50,00,000.00 in one order. Use 4.")
    unknown = replace(dear, listing=share(multiplier=None))
    assert texts(ticket(), unknown)[0].startswith(
        "This account allows ₹50,00,000.00 in one order, and no worth of one INFY is known."
    )
    assert texts(ticket(), replace(unknown, caps=Caps())) == []


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"disclosed_quantity": 11}, "Disclosed quantity must be above zero and at most the quantity. Leave it empty."),
        ({"disclosed_quantity": 0}, "Disclosed quantity must be above zero and at most the quantity. Leave it empty."),
        ({"disclosed_quantity": 2, "validity": Validity.IOC},
         "An IOC order does not stay in the book, so there is nothing to hide. Leave it empty."),
        (ICEBERG | {"disclosed_quantity": 2}, "An iceberg hides its quantity by its legs. Leave it empty."),
        (ICEBERG | {"iceberg_legs": None}, "An iceberg needs the number of its legs, from 2 to 50. Use 2 legs of 5 or 3 legs of 4."),
        (ICEBERG | {"iceberg_legs": 51, "quantity": 1000}, "An iceberg has from 2 to 50 legs. Use 49 legs of 21 or 50 legs of 20."),
        (ICEBERG | {"iceberg_legs": 11}, "An iceberg has at most as many legs as its quantity. Use 9 legs of 2 or 10 legs of 1."),
        (ICEBERG | {"quantity": 1}, "An iceberg has at most as many legs as its quantity. Use a regular order."),
        (ICEBERG | {"iceberg_quantity": 3}, "5 legs of 10 have 2 each. Use 2."),
        (ICEBERG | {"validity": Validity.IOC}, "The legs of an iceberg follow one another; IOC ends with the first. Use DAY."),
        (ICEBERG | STOP, "The legs of an iceberg are limit or market orders. Use LIMIT or MARKET."),
        ({"iceberg_legs": 5}, "Only an iceberg has legs. Leave it empty."),
        (COVER | {"validity": Validity.IOC}, "A cover order stands for the day. Use DAY."),
        (COVER | {"product": Product.CNC}, "A cover order is for today only. Use MIS."),
        ({"auction_number": "42"}, "Only an auction order has one. Leave it empty."),
        (ICEBERG | {"autoslice": True}, "An order of the variety iceberg is not sliced. Send it as one order."),
    ],
)  # fmt: skip
def test_a_hidden_or_special_order_keeps_to_its_kind(terms, said):
    assert said in texts(ticket(**terms))


def test_a_disclosed_part_is_a_whole_number_of_lots():
    part = on_future(quantity=4 * LOT, disclosed_quantity=100)

    assert texts(part, facts(future())) == [
        "Disclosed quantity must be a multiple of the lot of 65. Use 130, or leave it empty."
    ]


def test_a_leg_is_a_whole_number_of_lots_below_the_freeze():
    known = facts(future(), band=circuit("1", "100"), last=seen("50"))
    iceberg = on_future(quantity=10 * LOT, price="50", variety=Variety.ICEBERG, iceberg_legs=3)

    assert texts(iceberg, known) == [
        "A leg of 217 is no whole number of lots of 65. Use 2 legs of 325 or 5 legs of 130."
    ]
    large = replace(iceberg, quantity=60 * LOT, iceberg_legs=2)
    assert texts(large, known)[0].startswith("A leg of 1,950 is above 1,800, the exchange's freeze")


def test_a_ticket_is_written_in_one_way_and_read_back():
    asked = ticket(**STOP_AT_MARKET, disclosed_quantity=2, autoslice=True)

    assert asked.canonical() == {
        "exchange": "NSE", "symbol": "INFY", "side": "BUY", "quantity": "10", "order_type": "SL-M",
        "price": "", "trigger_price": "1018", "product": "CNC", "validity": "DAY",
        "validity_minutes": "", "variety": "regular", "protection": "-1", "disclosed_quantity": "2",
        "iceberg_legs": "", "iceberg_quantity": "", "autoslice": "yes", "auction_number": "",
    }  # fmt: skip
    assert Ticket.read(asked.canonical()).canonical() == asked.canonical()
    same = [ticket(price=price).canonical() for price in ("1012.5", "1012.50", "1.0125E+3")]
    assert same[0] == same[1] == same[2]
    assert ticket(price="1012.55").canonical() != same[0]


@pytest.mark.parametrize("form", [{}, {"exchange": "NSE"}, ticket().canonical() | {"price": "x"}, ticket().canonical() | {"side": "HOLD"}])  # fmt: skip
def test_what_is_no_ticket_is_not_read(form):
    with pytest.raises(ValueError):  # noqa: PT011 - each reader has its own words
        Ticket.read(form)


def test_the_rules_know_no_django():
    asked = "import sys, orders.tickets; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", asked], check=False, cwd=ROOT).returncode == 0


def test_a_ticket_becomes_the_order_that_the_broker_is_asked_for():
    request = ticket(**STOP, validity=Validity.TTL, validity_minutes=5).request(
        tag="T1", algo_id="A"
    )

    assert (request.exchange, request.symbol, request.side, request.quantity) == (
        "NSE",
        "INFY",
        "BUY",
        10,
    )
    assert (request.price, request.trigger_price, request.order_type) == (1020, 1018, "SL")
    assert (request.validity, request.validity_minutes, request.product) == ("TTL", 5, "CNC")
    assert (request.tag, request.algo_id, request.variety) == ("T1", "A", "regular")
