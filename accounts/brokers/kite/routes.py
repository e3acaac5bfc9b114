"""What is to be known about Kite's routes beyond their paths, which the official client has."""

from accounts.brokers.kite.sending import DUMP, ORDER, Limits
from accounts.brokers.words import CallClass

# Documented, but without a method in the official client.
ROUTES = {
    "alerts": "/alerts",
    "alert.create": "/alerts",
    "alert.delete": "/alerts",
    "alert.info": "/alerts/{alert_id}",
    "alert.modify": "/alerts/{alert_id}",
    "alert.history": "/alerts/{alert_id}/history",
    "portfolio.holdings.authorise": "/portfolio/holdings/authorise",
}
# Sent by POST, but they only calculate: they may be tried again.
READS = frozenset({"order.margins", "order.margins.basket", "order.contract_note"})
# The official client fails where one of these comes as null instead of an empty list.
LISTS = frozenset({"orders", "trades", "order.info", "order.trades", "mf.orders", "mf.sips"}) | {
    "portfolio.holdings", "portfolio.holdings.auction", "gtt", "alerts", "alert.history",
    "mf.holdings",
}  # fmt: skip
CLASSES = {
    "order.place": CallClass.ENTRY,
    "order.modify": CallClass.ENTRY,
    "order.cancel": CallClass.EXIT,
    "market.quote": CallClass.QUOTE,
    "market.quote.ohlc": CallClass.QUOTE,
    "market.quote.ltp": CallClass.QUOTE,
    "market.historical": CallClass.HISTORICAL,
}
DUMPS = frozenset({"market.instruments", "market.instruments.all", "mf.instruments"})
LIMITS: dict[str, Limits] = {
    "order.place": ORDER,
    "order.modify": ORDER,
    "order.cancel": ORDER,
    **dict.fromkeys(DUMPS, DUMP),
}
# How our messages name what was tried. Errors are told apart by the first word.
OPERATIONS = {
    "api.token": "exchange the request token",
    "api.token.renew": "refresh the session",
    "api.token.invalidate": "log out",
    "user.profile": "read the profile",
    "user.margins": "read the funds",
    "orders": "read the order book",
    "trades": "read the trades",
    "order.info": "read the order",
    "order.trades": "read the trades of the order",
    "order.place": "place the order",
    "order.modify": "modify the order",
    "order.cancel": "cancel the order",
    "portfolio.positions": "read the positions",
    "portfolio.positions.convert": "convert the position",
    "portfolio.holdings": "read the holdings",
    "portfolio.holdings.auction": "read the auction",
    "portfolio.holdings.authorise": "authorise the holdings",
    "gtt": "read the triggers",
    "gtt.info": "read the trigger",
    "gtt.place": "place the trigger",
    "gtt.modify": "modify the trigger",
    "gtt.delete": "delete the trigger",
    "order.margins": "calculate the margins",
    "order.margins.basket": "calculate the basket margin",
    "order.contract_note": "calculate the charges",
    "market.quote": "read the quotes",
    "market.quote.ohlc": "read the day's prices",
    "market.quote.ltp": "read the last prices",
    "market.historical": "read the candles",
    "market.instruments": "read the instruments",
    "market.instruments.all": "read the instruments",
    "market.trigger_range": "read the trigger range",
    "mf.orders": "read the fund orders",
    "mf.sips": "read the fund plans",
    "mf.holdings": "read the fund holdings",
    "mf.instruments": "read the funds",
    "alerts": "read the alerts",
    "alert.info": "read the alert",
    "alert.create": "create the alert",
    "alert.modify": "modify the alert",
    "alert.delete": "delete the alerts",
    "alert.history": "read the alert's history",
}
