"""What the frame of every page shows: the navigation and the person's way to see it."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give templates the moment this page was made."""
    return {"now": timezone.now()}
