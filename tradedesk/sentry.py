"""Error reports to the operator's own Sentry-compatible address, scrubbed."""

import re
from typing import Any

from django.conf import settings

from tradedesk.logs import HIDDEN, NAMES, scrub

NAMED_SECRET = re.compile(rf"(?i){NAMES}")


def start() -> None:
    """Send reports if the operator gave an address."""
    if settings.SENTRY_DSN:
        import sentry_sdk  # a seventh of a process's start, and few desks report

        sentry_sdk.init(
            settings.SENTRY_DSN,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            before_send=lambda event, hint: clean(event),
            before_breadcrumb=lambda crumb, hint: clean(crumb),
        )


def clean(value: Any) -> Any:
    """Hide secrets by name and by pattern, however deep they lie."""
    if isinstance(value, dict):
        return {
            key: HIDDEN if NAMED_SECRET.search(str(key)) else clean(part)
            for key, part in value.items()
        }
    if isinstance(value, list | tuple) and is_named_pair(value):
        return [value[0], HIDDEN]
    if isinstance(value, list | tuple):
        return [clean(part) for part in value]
    return scrub(value) if isinstance(value, str) else value


def is_named_pair(value: Any) -> bool:
    """Tell whether this is a header or a parameter: its name, then a secret."""
    return len(value) == 2 and isinstance(value[0], str) and bool(NAMED_SECRET.fullmatch(value[0]))
