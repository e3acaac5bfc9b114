"""Pages that change what waits at the broker: a new trigger (GTT), other terms for one, the end of one."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import find_account
from accounts.brokerage import BrokerAccount, Role
from accounts.brokers.words import Side
from orders import form_keys, front, gtts, task_shown
from orders.change_pages import by_button, see_other
from orders.engine.accept import KeyUsed, NotAccepted, PossibleDuplicate
from orders.engine.models import OrderTask
from orders.gtt_shown import gtt_facts, starting_gtt
from orders.ledger import GttTrigger
from orders.ticket_pages import asked_by
from orders.ticket_shown import filled, remarks_of
from orders.tickets.gtt_form import GttForm, typed_gtt
from tradedesk.http import DeskRequest

FIXED = ("instrument", "side", "kind", "product")  # of a trigger that waits already


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_gtt(request: DeskRequest, code: str) -> HttpResponse:
    """Show the form of a trigger, and take it."""
    account = find_account(request.user, code, needs=Role.TRADER)
    if request.method == "POST":
        return submitted(request, account)
    return show(request, account, GttForm(initial=starting_gtt(request.GET.dict())))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def modify_gtt(request: DeskRequest, code: str, gtt_id: str) -> HttpResponse:
    """Show what a trigger waits for to be changed, and take the new terms."""
    account = find_account(request.user, code, needs=Role.TRADER)
    gtt = get_object_or_404(GttTrigger, account=account, gtt_id=gtt_id)
    if request.method == "POST":
        return submitted(request, account, gtt)
    return show(request, account, GttForm(initial=terms_of(gtt)), gtt=gtt)


def terms_of(gtt: GttTrigger) -> dict[str, str]:
    stands = gtts.request_of(gtt)
    return typed_gtt(stands) if stands else {}


def submitted(
    request: DeskRequest, account: BrokerAccount, gtt: GttTrigger | None = None
) -> HttpResponse:
    """Do what the pressed button says: fill in, look over, or send."""
    signed = request.POST.get("key", "")
    form = form_from(request, gtt)
    if "fill" in request.POST or "check" in request.POST:
        look_over(request, form, account)
        return show(request, account, form, gtt=gtt, key=signed, is_filled=True)
    try:
        asked = asked_by(request, account, form_keys.read(signed, request.user, account))
        if not form.is_valid():
            return show(request, account, form, gtt=gtt, key=signed, status=422)
        at = timezone.now()
        accepted = (
            gtts.modify(asked, gtt, form.request, at)
            if gtt
            else gtts.place(asked, form.request, at)
        )
    except front.Refused as refusal:
        form.take(refusal.problems)
        return show(request, account, form, gtt=gtt, key=signed, status=422)
    except PossibleDuplicate as question:
        return ask(request, account, form, question.earlier, signed)
    except (form_keys.KeyRefused, KeyUsed) as error:
        form.add_error(None, str(error))
        return show(request, account, form, gtt=gtt, status=422)  # with a key of its own
    except NotAccepted as error:
        form.add_error(None, str(error))
        return show(request, account, form, gtt=gtt, key=signed, status=422)
    return see_other(task_shown.href(accepted.task), request, accepted.task)


def form_from(request: DeskRequest, gtt: GttTrigger | None) -> GttForm:
    """Read the form; what cannot be changed of a trigger is its own, whatever the form says."""
    given = filled(request.POST, request.POST.get("fill", ""), GttForm)
    if gtt:
        stands = terms_of(gtt)
        for name in FIXED:
            given[name] = stands.get(name, "")
    return GttForm(given)


def look_over(request: DeskRequest, form: GttForm, account: BrokerAccount) -> None:
    form.is_valid()
    if form.read:  # also while a price is still to come
        form.judge(gtts.facts_of(form.read, account, timezone.now(), user=request.user))


def show(
    request: DeskRequest,
    account: BrokerAccount,
    form: GttForm,
    *,
    gtt: GttTrigger | None = None,
    key: str = "",
    status: int = 200,
    is_filled: bool = False,
) -> HttpResponse:
    """Answer with the form as it stands; with mistakes in it, as a refusal."""
    facts = {
        "account": account,
        "key": key or form_keys.make(request.user, account),
        "remarks": remarks_of(form, is_typing="fill" in request.POST) if form.is_bound else {},
        "is_filled": is_filled,
        **gtt_facts(form, account, request.user, gtt),
    }
    template = "orders/gtt_ticket.html"
    if request.htmx.request_type == "partial":
        template += "#ticket"
    return render(request, template, facts, status=status)


def ask(
    request: DeskRequest, account: BrokerAccount, form: GttForm, earlier: OrderTask, signed: str
) -> HttpResponse:
    """Ask whether the same is meant twice. Sending it again needs a press on another button."""
    action = reverse("new_gtt", args=[account.code])
    given = [(name, request.POST[name]) for name in form.fields if request.POST.get(name)]
    facts = {
        "account": account,
        "action": action,
        "is_sell": form.request.legs[0].side == Side.SELL,
        "key": signed,
        "given": given,
        "earlier": task_shown.line_of(earlier),
        "back": f"{action}?{urlencode(given)}",
    }
    template = "orders/duplicate.html"
    if request.htmx.request_type == "partial":
        template += "#ticket"
    return render(request, template, facts, status=422)


@login_required
@require_POST
def check_gtt(request: DeskRequest, code: str) -> HttpResponse:
    """Say what is wrong with what has been typed so far; nothing is stored, nothing is sent."""
    account = find_account(request.user, code, needs=Role.TRADER)
    gtt = GttTrigger.objects.filter(account=account, gtt_id=request.POST.get("gtt_id", "")).first()
    form = form_from(request, gtt)
    look_over(request, form, account)
    remarks = remarks_of(form, is_typing=True)
    facts = {
        "places": [(name, remarks.get(name, [])) for name in form.fields],
        "account": account,
        **gtt_facts(form, account, request.user, gtt),
    }
    return render(request, "orders/_ticket_checks.html", facts)


@login_required
@require_POST
def delete_gtt(request: DeskRequest, code: str, gtt_id: str) -> HttpResponse:
    """Take the wish to delete a trigger: a button in its row, a plain form."""
    account = find_account(request.user, code, needs=Role.TRADER)
    gtt = get_object_or_404(GttTrigger, account=account, gtt_id=gtt_id)

    return by_button(
        request,
        account,
        lambda asked: gtts.delete(asked, gtt).task,
        failed=f"The GTT of {gtt.symbol} was not deleted",
        back=reverse("gtt_of", args=[code]),
    )
