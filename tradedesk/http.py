"""The request as our views know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponseRedirect

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from accounts.models import User


class DeskRequest(HttpRequest):
    """A request of somebody who is logged in."""

    user: User
    htmx: HtmxDetails


class SeeOther(HttpResponseRedirect):
    """What a form did stands elsewhere: fetch that, and do not send the form again."""

    status_code = 303
