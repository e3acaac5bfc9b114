"""The order ticket: a page, a sheet over other pages, and the look at what is being typed."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import find_account, why_no_trading
from accounts.brokerage import BrokerAccount, Role
from accounts.brokers.words import Side
from orders import form_keys, front, margins, task_shown
from orders.engine.accept import Asked, KeyUsed, NotAccepted, PossibleDuplicate
from orders.engine.models import OrderTask, Source
from orders.quote_shown import quote_facts
from orders.ticket_shown import (
    filled,
    instrument_of,
    instruments_like,
    list_trouble,
    remarks_of,
    starting,
    ticket_facts,
)
from orders.tickets.forms import TicketForm
from tradedesk.http import DeskRequest, SeeOther

KEPT = ("side", "product")  # what the next ticket starts with


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_order(request: DeskRequest, code: str) -> HttpResponse:
    """Show a ticket, and take it."""
    account = find_account(request.user, code, needs=Role.TRADER)
    if request.method == "POST":
        return submitted(request, account)
    # Reading judges nothing: what is prefilled is looked over when somebody types or sends.
    return show(request, account, TicketForm(initial=starting(request.GET.dict())))


def show(
    request: DeskRequest, account: BrokerAccount, form: TicketForm, *, key: str = "", **more: Any
) -> HttpResponse:
    """Answer with the ticket as it stands; with mistakes in it, as a refusal."""
    about = ticket_facts(form, account)
    facts = {
        "account": account,
        "key": key or form_keys.make(request.user, account),
        "no_trading": why_no_trading(request.user.pk, account.pk),
        "remarks": remarks_of(form, is_typing="fill" in request.POST) if form.is_bound else {},
        **about,
        **quote_facts(account, about["chosen"], request.user),
        "has_margins": margins.offers_margins(account),
        **more,
    }
    template = "orders/ticket.html"
    if request.htmx.request_type == "partial":
        template += "#ticket"
    return render(request, template, facts, status=more.get("status"))


def submitted(request: DeskRequest, account: BrokerAccount) -> HttpResponse:
    """Do what the pressed button says: fill in, look over, or send."""
    signed = request.POST.get("key", "")
    if "fill" in request.POST or "check" in request.POST:
        form = TicketForm(filled(request.POST, request.POST.get("fill", "")))
        look_over(request, form, account)
        return show(request, account, form, key=signed, is_filled=True)
    form = TicketForm(request.POST)
    try:
        key = form_keys.read(signed, request.user, account)
        if not form.is_valid():
            return show(request, account, form, key=signed, status=422)
        asked = asked_by(request, account, key, strategy=form.strategy_code)
        accepted = front.place(asked, form.ticket, timezone.now())
    except front.Refused as refusal:
        form.take(refusal.problems)
        return show(request, account, form, key=signed, status=422)
    except PossibleDuplicate as question:
        return ask(request, account, form, question.earlier, signed)
    except (form_keys.KeyRefused, KeyUsed) as error:
        form.add_error(None, str(error))
        return show(request, account, form, status=422)  # with a key of its own
    except NotAccepted as error:
        form.add_error(None, str(error))
        return show(request, account, form, key=signed, status=422)
    return taken(request, account, accepted.task)


def asked_by(
    request: DeskRequest, account: BrokerAccount, key: str, *, strategy: str = ""
) -> Asked:
    confirms = request.POST.get("confirms", "")
    return Asked(
        account=account,
        key=key,
        source=Source.PAGE,
        user=request.user,
        strategy=strategy,
        confirms=int(confirms) if confirms.isdecimal() and len(confirms) < 19 else None,
    )


def look_over(request: DeskRequest, form: TicketForm, account: BrokerAccount) -> None:
    if form.is_valid():
        facts = front.facts_of(
            form.ticket, account, timezone.now(), user=request.user, may_wait=True
        )
        form.judge(facts)


def ask(
    request: DeskRequest,
    account: BrokerAccount,
    form: TicketForm,
    earlier: OrderTask,
    signed: str,
) -> HttpResponse:
    """Ask whether the same is meant twice. Sending it again needs a press on another button."""
    facts = {
        "account": account,
        "action": reverse("new_order", args=[account.code]),
        "is_sell": form.ticket.side == Side.SELL,
        "key": signed,
        "given": [(name, request.POST[name]) for name in form.fields if request.POST.get(name)],
        "earlier": task_shown.line_of(earlier),
        "back": f"{reverse('new_order', args=[account.code])}?{urlencode(kept(request))}",
    }
    template = "orders/duplicate.html"
    if request.htmx.request_type == "partial":
        template += "#ticket"
    return render(request, template, facts, status=422)


def kept(request: DeskRequest) -> dict[str, str]:
    names = TicketForm.base_fields
    return {name: request.POST[name] for name in names if request.POST.get(name)}


def taken(request: DeskRequest, account: BrokerAccount, task: OrderTask) -> HttpResponse:
    """Lead to the task; on a page with scripts, give an empty ticket and a chip that follows it."""
    if request.htmx.request_type != "partial":
        return SeeOther(task_shown.href(task))
    values = starting({name: request.POST.get(name, "") for name in KEPT})
    answered = show(request, account, TicketForm(initial=values), chips=[task_shown.line_of(task)])
    answered["HX-Trigger"] = "task-accepted"
    return answered


@login_required
@require_POST
def check_order(request: DeskRequest, code: str) -> HttpResponse:
    """Say what is wrong with what has been typed so far; nothing is stored, nothing is sent."""
    account = find_account(request.user, code, needs=Role.TRADER)
    form = TicketForm(request.POST)
    look_over(request, form, account)
    remarks = remarks_of(form, is_typing=True)
    places = [(name, remarks.get(name, [])) for name in form.fields]
    facts = {"places": places, "account": account, **ticket_facts(form, account)}
    return render(request, "orders/_ticket_checks.html", facts)


@login_required
@require_safe
def instruments(request: DeskRequest, code: str) -> HttpResponse:
    """Offer the instruments that these words may mean."""
    account = find_account(request.user, code, needs=Role.TRADER)
    text = request.GET.get("instrument", "")[:80]
    if request.htmx.request_type != "partial":
        ticket = reverse("new_order", args=[code])
        return redirect(f"{ticket}?{urlencode({'instrument': text})}")
    found = instruments_like(account, text.replace(":", " "))
    trouble = "" if found else list_trouble(account)
    return render(request, "orders/_found.html", {"found": found, "text": text, "trouble": trouble})


@login_required
@require_POST
def margin(request: DeskRequest, code: str) -> HttpResponse:
    """Say what the order that is being typed would block; nothing while it cannot be sent."""
    account = find_account(request.user, code, needs=Role.TRADER)
    form = TicketForm(request.POST)
    look_over(request, form, account)
    need = margins.need_of(account, form.ticket) if form.is_valid() else None
    return render(request, "orders/_margin.html", {"need": need})


@login_required
@require_safe
def quote(request: DeskRequest, code: str) -> HttpResponse:
    """Show the market of the instrument that stands in a ticket now."""
    account = find_account(request.user, code, needs=Role.TRADER)
    text = request.GET.get("instrument", "")[:80]
    if request.htmx.request_type != "partial":
        ticket = reverse("new_order", args=[code])
        return redirect(f"{ticket}?{urlencode({'instrument': text})}")
    facts = quote_facts(account, instrument_of(account, text), request.user)
    return render(request, "orders/_quote.html", facts)
