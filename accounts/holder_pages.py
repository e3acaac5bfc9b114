"""The page that says whose an account is."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts import holders
from accounts.access import find_account
from accounts.brokerage import BrokerAccount, Role
from tradedesk.http import DeskRequest
from tradedesk.times import in_ist


class HolderForm(forms.ModelForm):  # type: ignore[type-arg]  # Django does not subscript it
    """The holder's relation to us, and the authority they gave."""

    class Meta:
        model = BrokerAccount
        fields = holders.FACTS
        help_texts = {
            "relation": "Such as my own, mother, family trust.",
            "authority": "What the holder allowed in writing, such as a power of attorney.",
        }
        widgets = {"authority_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    def clean_authority_on(self) -> object:
        day = self.cleaned_data["authority_on"]
        if day and day > in_ist(timezone.now()).date():
            raise ValidationError("This day is still to come.")
        return day


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def holder(request: DeskRequest, code: str) -> HttpResponse:
    """Let an owner say whose the account is and by what right it is traded."""
    account = find_account(request.user, code, needs=Role.OWNER)
    form = HolderForm(request.POST if request.method == "POST" else None, instance=account)
    if form.is_valid():
        holders.keep_holder(account, actor=request.user, request=request)
        messages.success(request, "Saved.")
        return redirect("account", code)
    facts = {"account": account, "form": form}
    return render(request, "accounts/holder.html", facts, status=422 if form.is_bound else None)
