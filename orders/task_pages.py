"""What is on its way to the broker: one task, the day's list, and what a person decides."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.access import find_account, role_of, why_no_trading
from accounts.brokerage import RANK, BrokerAccount, Role
from accounts.guard import ask_again, needs_proof
from accounts.models import User
from orders import task_shown
from orders.engine import adoption, operator
from orders.engine.accept import NotAccepted
from orders.engine.core import Reason, State
from orders.engine.models import Kind, OrderTask, TaskEvent
from orders.panels import scope_of
from tradedesk.http import DeskRequest

MOST_POLLS = 20  # a page without scripts asks once a second, so often at most
KEPT = "kept-decision"  # in the session: what was typed before a proof of who one is was asked for
CAN_GO_AGAIN = {Reason.ABSENT, Reason.NOT_SENT, Reason.POISON}
EVENT_WORDS = {
    "taken": "Taken",
    "claimed": "Its turn",
    "sending": "Being sent",
    "accepted": "The broker registered it",
    "refused": "The broker refused it",
}


class DecisionForm(forms.Form):
    """What becomes of a task that the engine gave up."""

    act = forms.ChoiceField(
        choices=[(one, one) for one in ("refresh", "link", "resend", "abandon")],
        error_messages={"required": "Choose what to do.", "invalid_choice": "Choose what to do."},
    )
    why = forms.CharField(max_length=200, required=False, label="Why")
    order_id = forms.CharField(max_length=40, required=False, label="Order number")

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("act") in {"link", "resend", "abandon"} and not given.get("why"):
            self.add_error("why", "Say why, for the record.")
        if given.get("act") == "link" and not given.get("order_id"):
            self.add_error("order_id", "Name the order at the broker that it is.")
        return given


def found(account: BrokerAccount, pk: int) -> OrderTask:
    task = get_object_or_404(OrderTask, account=account, pk=pk)
    task.account = account
    return task


@login_required
@require_safe
def task(request: DeskRequest, code: str, pk: int) -> HttpResponse:
    """Show one task; its chip in the corner of other pages asks here, too."""
    account = find_account(request.user, code)
    task = found(account, pk)
    if request.htmx.request_type == "partial" and request.GET.get("look") == "chip":
        return chip(request, task)
    return show(request, account, task, kept_form(request, task))


def chip(request: DeskRequest, task: OrderTask) -> HttpResponse:
    return render(request, "orders/_chip.html", {"line": task_shown.line_of(task)})


def show(
    request: DeskRequest,
    account: BrokerAccount,
    task: OrderTask,
    form: DecisionForm | None = None,
    status: int = 200,
) -> HttpResponse:
    line = task_shown.line_of(task)
    if polls_of(request) >= MOST_POLLS and not line.is_settled:
        line = replace(line, is_given_up=True)
    trades = is_trader(request.user, account)
    events = TaskEvent.objects.filter(task_id=task.pk)
    facts = {
        "account": account,
        "line": line,
        "task": task,
        "events": [
            {"row": one, "word": EVENT_WORDS.get(one.what, one.what.capitalize())} for one in events
        ],
        "doubles": adoption.doubles_of(task),
        "tries": task.tries.all(),
        "form": form,
        "may_decide": trades and task.is_dead_letter,
        "may_withdraw": trades and task.state == State.PENDING,
        "may_go_again": task.reason in CAN_GO_AGAIN,
        "is_placing": task.kind == Kind.PLACE,
        "no_trading": why_no_trading(request.user.pk, account.pk) if trades else "",
        "next_poll": next_poll(request, is_settled=line.is_settled),
    }
    template = "orders/task.html"
    if request.htmx.request_type == "partial":
        template += "#panel"
    return render(request, template, facts, status=status)


def is_trader(user: User, account: BrokerAccount) -> bool:
    return RANK[role_of(user, account) or Role.VIEWER] >= RANK[Role.TRADER]


def next_poll(request: DeskRequest, *, is_settled: bool) -> int:
    """Number the next look of a page without scripts; nought when it need not look again."""
    asked = polls_of(request)
    return asked + 1 if not is_settled and asked < MOST_POLLS else 0


def polls_of(request: DeskRequest) -> int:
    """Tell how often this page has looked by itself."""
    polls = request.GET.get("polls", "0")
    return int(polls) if polls.isdecimal() and len(polls) < 4 else 0


@login_required
@require_safe
def request_tasks(request: DeskRequest, code: str, key: UUID) -> HttpResponse:
    """Show what was asked for at once, part by part, in the order in which it leaves."""
    account = find_account(request.user, code)
    trades = {account.pk} if is_trader(request.user, account) else set()
    rows = OrderTask.objects.filter(account=account, request=key).order_by("sequence")
    lines = task_shown.lines_of(rows.select_related("account"))
    if not lines:
        raise Http404
    facts = {
        "account": account,
        "lines": lines,
        "trades": trades,
        "href": reverse("request_tasks", args=[code, key]),
        **task_shown.counts_of(lines),
        "next_poll": next_poll(request, is_settled=all(line.is_settled for line in lines)),
    }
    template = "orders/request.html"
    if request.htmx.request_type == "partial":
        template += "#panel"
    return render(request, template, facts)


@login_required
@require_safe
def tasks(request: DeskRequest, code: str = "") -> HttpResponse:
    """List what is on its way, unclear or failed today, and what somebody has to decide."""
    scope = scope_of(request.user, code)
    facts = {"tasks": task_list(scope)}
    template = "orders/tasks.html"
    if request.htmx.request_type == "partial":
        template = "orders/_tasks.html"
    return render(request, template, facts)


def task_list(scope: Any) -> dict[str, Any]:
    """Give the list for a page: whose it is, and its rows."""
    rows = task_shown.to_look_at([seat.account.pk for seat in scope.seats], scope.at)
    return {
        "href": scope.path("tasks"),
        "scope": scope.code,
        "lines": task_shown.lines_of(rows[:100]),
        "trades": {seat.account.pk for seat in scope.seats if seat.may_trade},
    }


@login_required
@require_POST
def withdraw(request: DeskRequest, code: str, pk: int) -> HttpResponse:
    """End a task that still waits: a plain form, or the button of its chip, which then tells."""
    account = find_account(request.user, code, needs=Role.TRADER)
    task = found(account, pk)
    level, said = messages.SUCCESS, f"{task.code} is withdrawn; it was not sent."
    try:
        operator.withdraw(task, who=request.user.email)
    except NotAccepted as error:
        level, said = messages.ERROR, f"Not withdrawn: {error}"
    if request.htmx.request_type == "partial":
        return chip(request, found(account, pk))
    messages.add_message(request, level, said)
    return redirect(task_shown.href(task))


def keep(request: DeskRequest, task: OrderTask, given: dict[str, Any]) -> None:
    """Keep what was typed until they proved who they are."""
    typed = {"why": given["why"], "order_id": given["order_id"]}
    request.session[KEPT] = {"task": task.pk, "typed": typed}


def kept_form(request: DeskRequest, task: OrderTask) -> DecisionForm | None:
    """Give the form with what was typed before, if it was kept for this task."""
    kept = request.session.get(KEPT)
    return DecisionForm(initial=kept["typed"]) if kept and kept["task"] == task.pk else None


@login_required
@require_POST
def decide(request: DeskRequest, code: str, pk: int) -> HttpResponse:
    """Do what a person decided: look again; or, once they proved who they are, link, send again, abandon."""
    account = find_account(request.user, code, needs=Role.TRADER)
    task = found(account, pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return show(request, account, task, form, status=422)
    given = form.cleaned_data
    if given["act"] != "refresh" and needs_proof(request):
        keep(request, task, given)
        return ask_again(request, back=task_shown.href(task))
    try:
        said = carry_out(
            task, given, actor=request.user, no_trading=why_no_trading(request.user.pk, account.pk)
        )
    except NotAccepted as error:
        task.refresh_from_db()
        form.add_error(None, str(error))
        return show(request, account, task, form, status=422)
    if given["act"] != "refresh":
        request.session.pop(KEPT, None)
    messages.success(request, f"{task.code}: {said}")
    return redirect(task_shown.href(task))


def carry_out(task: OrderTask, given: dict[str, Any], *, actor: User, no_trading: str) -> str:
    """Call the engine; say what was done."""
    decided: dict[str, Any] = {"who": actor.email, "why": given["why"], "actor": actor}
    match given["act"]:
        case "refresh":
            operator.refresh(task)
            return "the broker's book was read."
        case "link":
            operator.link(task, given["order_id"], **decided)
            return f"it is order {given['order_id']}."
        case "resend":
            if no_trading:
                raise NotAccepted(no_trading)
            operator.resend(task, **decided)
            return "it is sent again."
    operator.abandon(task, **decided)
    return "it is closed."
