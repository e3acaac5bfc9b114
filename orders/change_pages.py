"""Pages that change what stands: new terms for an order, cancelling one, cancelling all."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import find_account, why_no_trading
from accounts.brokerage import BrokerAccount, Role
from accounts.brokers.words import OrderType
from orders import changes, changing, form_keys, front, task_shown
from orders.engine.accept import Asked, KeyUsed, NotAccepted
from orders.engine.models import OrderTask, Source
from orders.ledger import Order
from orders.quote_shown import quote_facts
from orders.ticket_shown import filled, instrument_of, remarks_of
from orders.tickets.forms import TicketForm, typed
from tradedesk.http import DeskRequest, SeeOther
from tradedesk.money import quantity

FIXED = ("instrument", "side", "product", "variety", "validity_minutes")


def asked_from(request: DeskRequest, account: BrokerAccount, key: str) -> Asked:
    """Say who asks, on a page, under the key of its form."""
    return Asked(account=account, key=key, source=Source.PAGE, user=request.user)


def see_other(href: str, request: DeskRequest, *tasks: OrderTask) -> HttpResponse:
    """Lead on from a form that was taken; a page with scripts stays and gets chips instead."""
    if request.htmx.request_type != "partial":
        return SeeOther(href)
    answered = render(request, "orders/_taken.html", {"lines": task_shown.lines_of(tasks)})
    answered["HX-Trigger"] = "task-accepted"
    return answered


def guarded(work: Callable[[], OrderTask]) -> tuple[OrderTask | None, str]:
    """Do what a form asks for; give the task, or why there is none."""
    try:
        return work(), ""
    except (form_keys.KeyRefused, KeyUsed, NotAccepted, front.Refused) as error:
        return None, str(error)


def by_button(
    request: DeskRequest,
    account: BrokerAccount,
    ask: Callable[[Asked], OrderTask],
    *,
    failed: str,
    back: str,
) -> HttpResponse:
    """Take what one button in a row asks for: a plain form whose key is signed."""

    def work() -> OrderTask:
        key = form_keys.read(request.POST.get("key", ""), request.user, account)
        return ask(asked_from(request, account, key))

    task, why = guarded(work)
    if task is not None:
        return see_other(task_shown.href(task), request, task)
    if request.htmx.request_type == "partial":
        facts = {"why": why, "account": account, "what": failed}
        return render(request, "orders/_not_taken.html", facts, status=422)
    messages.error(request, f"{failed}: {why}")
    return SeeOther(back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def modify_order(request: DeskRequest, code: str, order_id: str) -> HttpResponse:
    """Show an order's terms to be changed, and take the new ones."""
    account = find_account(request.user, code, needs=Role.TRADER)
    order = get_object_or_404(Order, account=account, order_id=order_id)
    stands = typed(changes.ticket_of(order))
    signed = request.POST.get("key", "")
    if request.method != "POST":
        return show_change(request, order, TicketForm(initial=stands), stands)
    # What cannot be changed is the order's own, whatever the form says.
    given = {**request.POST.dict(), **{name: stands[name] for name in FIXED}}
    if fill := request.POST.get("fill"):
        changed = filled(request.POST, fill).dict()
        given |= {name: str(value) for name, value in changed.items() if name not in FIXED}
    form, opened = TicketForm(given), opened_with(request, stands)
    if "fill" in request.POST or "check" in request.POST:
        look_over(request, form, order)
        return show_change(request, order, form, opened, key=signed)
    try:
        asked = asked_from(request, account, form_keys.read(signed, request.user, account))
        if not form.is_valid():
            return show_change(request, order, form, opened, key=signed, status=422)
        shown = TicketForm(opened)
        if not shown.is_valid():
            raise NotAccepted("This form is not whole. Open the order again and change it there.")
        task = changing.modify(asked, order, form.ticket, timezone.now(), opened=shown.ticket).task
    except front.Refused as refusal:
        form.take(refusal.problems)
        return show_change(request, order, form, opened, key=signed, status=422)
    except (form_keys.KeyRefused, KeyUsed, NotAccepted) as error:
        form.add_error(None, str(error))
        return show_change(request, order, form, opened, status=422)
    return see_other(task_shown.href(task), request, task)


def opened_with(request: DeskRequest, stands: dict[str, str]) -> dict[str, str]:
    """Give the terms that the form was opened with: what differs from them is what a person changed."""
    shown = {name: request.POST.get(f"was_{name}") for name in changes.CHANGEABLE}
    return stands | {name: text for name, text in shown.items() if text is not None}


def look_over(request: DeskRequest, form: TicketForm, order: Order) -> None:
    """Judge new terms by the rules of a new order, and by what is filled already."""
    if not form.is_valid():
        return
    facts = front.facts_of(
        form.ticket, order.account, timezone.now(), user=request.user, may_wait=True
    )
    form.take(changes.problems_of(order, form.ticket, facts))


def show_change(
    request: DeskRequest,
    order: Order,
    form: TicketForm,
    opened: dict[str, str],
    *,
    key: str = "",
    status: int = 200,
) -> HttpResponse:
    account = order.account
    chosen = instrument_of(account, f"{order.exchange}:{order.symbol}")
    facts = {
        "account": account,
        "order": order,
        "form": form,
        "opened": [(name, opened[name]) for name in changes.CHANGEABLE],
        "key": key or form_keys.make(request.user, account),
        "remarks": remarks_of(form, is_typing="fill" in request.POST) if form.is_bound else {},
        "is_filled": status == 200,
        "chosen": chosen,
        **quote_facts(account, chosen, request.user),
        "no_trading": why_no_trading(request.user.pk, account.pk),
        "types": [(one, one) for one in OrderType],
    }
    template = "orders/modify.html"
    if request.htmx.request_type == "partial":
        template += "#ticket"
    return render(request, template, facts, status=status)


@login_required
@require_POST
def cancel_order(request: DeskRequest, code: str, order_id: str) -> HttpResponse:
    """Take the wish to cancel an order: a button in its row, a plain form."""
    account = find_account(request.user, code, needs=Role.TRADER)
    order = get_object_or_404(Order, account=account, order_id=order_id)

    return by_button(
        request,
        account,
        lambda asked: changing.cancel(asked, order).task,
        failed=f"{order.symbol} was not cancelled",
        back=reverse("order", args=[code, order_id]),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def cancel_all(request: DeskRequest, code: str) -> HttpResponse:
    """Ask once for all that still works, then have it ended as one request."""
    account = find_account(request.user, code, needs=Role.TRADER)
    why = said = ""
    if request.method == "POST":
        try:
            key = form_keys.read(request.POST.get("key", ""), request.user, account)
            asked = Asked(
                account=account, key=key, source=Source.PAGE, user=request.user,
                request=form_keys.request_of(key),
            )  # fmt: skip
            if withdrawn := changing.withdraw_all(asked):
                said = f"{counted(len(withdrawn), 'waiting order')} withdrawn. "
            taken = changing.cancel_all(asked, timezone.now())
        except (form_keys.KeyRefused, NotAccepted) as error:
            why = f"{said}{error}"
        else:
            said += f"Cancelling {counted(len(taken), 'order')} of {account.name}."
            messages.success(request, said)
            return SeeOther(reverse("orders_of", args=[code]))
    facts = {
        "account": account,
        "key": form_keys.make(request.user, account),
        "working": front.working_orders(account, timezone.now()),
        "waiting": task_shown.lines_of(changing.waiting_orders(account)),
        "why": why,
        "no_trading": why_no_trading(request.user.pk, account.pk),
    }
    return render(request, "orders/cancel_all.html", facts, status=422 if why else 200)


def counted(number: int, thing: str) -> str:
    return f"{quantity(number)} {thing}{'s' if number != 1 else ''}"
