"""The depository's page, where people agree to the sale of their shares."""

from typing import Any, Final

from . import pages
from .messages import Answer, redirect
from .routes import Call, Route

PLACE: Final = "/connect/portfolio/authorise/holdings/{api_key}/{request_id}"
FINISH: Final = "/connect/portfolio/authorise/finish"
UNKNOWN: Final = "This request is unknown or was answered before."


def pending(call: Call) -> dict[str, Any] | None:
    """The request in the address, if its app is the one that asked."""
    exchange = call.clerk.exchange
    found: dict[str, Any] | None = exchange.query(
        "authorisation", request_id=call.part("request_id")
    )
    app = exchange.query("app", api_key=call.part("api_key"))
    if found is None or app is None or app["user_id"] != found["user_id"]:
        return None
    return found


async def show(call: Call) -> Answer:
    found = pending(call)
    if found is None:
        return pages.page(pages.notice("Nothing to authorise", UNKNOWN), status=404)
    return pages.page(pages.shares_form(call.request.path, found["shares"]))


async def decide(call: Call) -> Answer:
    """Carry out what was chosen on the page, once."""
    found = pending(call)
    if found is None:
        return pages.page(pages.notice("Nothing to authorise", UNKNOWN), status=404)
    agreed = call.form().maybe("agreed") == "yes"
    status = "success" if agreed else "error"
    answer = {"request_id": call.part("request_id"), "status": status}
    await call.clerk.carry_out("holdings.authorised", answer, found["user_id"])
    return redirect(f"{FINISH}?status={status}", status=303)


async def finish(call: Call) -> Answer:
    agreed = call.query().maybe("status") == "success"
    said = "Your shares may be sold today." if agreed else "Nothing was authorised."
    return pages.page(pages.notice("Authorisation", said))


ROUTES = [
    Route("depository", "GET", PLACE, show, kind="none", signed=False),
    Route("depository", "POST", PLACE, decide, kind="none", signed=False),
    Route("depository", "GET", FINISH, finish, kind="none", signed=False),
]
