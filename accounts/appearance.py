"""How a person likes to see the desk: light or dark, tight or roomy. Kept on the server: no flash."""

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.models import Density, Theme
from tradedesk.http import DeskRequest


class AppearanceForm(forms.Form):
    """Each switch of the menu sends one of the two."""

    theme = forms.ChoiceField(choices=Theme.choices, required=False)
    density = forms.ChoiceField(choices=Density.choices, required=False)


@login_required
@require_POST
def appearance(request: DeskRequest) -> HttpResponse:
    """Remember the choice; without JavaScript, return to the page it was made on."""
    form = AppearanceForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    chosen = {name: value for name, value in form.cleaned_data.items() if value}
    for name, value in chosen.items():
        setattr(request.user, name, value)
    if chosen:
        request.user.save(update_fields=list(chosen))
    if request.headers.get("X-Requested-With") == "fetch":
        return HttpResponse(status=204)
    return redirect(came_from(request))


def came_from(request: DeskRequest) -> str:
    """Name the page of ours that held the form."""
    page = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return page if ours else "/"
