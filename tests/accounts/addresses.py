"""Every address of the product, and in which words the tables say where an answer leads."""

from django.urls import URLPattern, get_resolver

LOG_IN, SET_UP, HOME = "to the log-in", "to the set-up of a second factor", "to the dashboard"
WORDS = {
    "<int:pk>": "KEY",
    "<uuid:public_id>": "ID",
    "<slug:token>": "TOKEN",
    "<slug:broker>": "BROKER",
    "<code:code>": "CODE",
    "<str:order_id>": "ORDER",
    "<str:gtt_id>": "GTT",
    "<uuid:key>": "REQUEST",
}


def addresses(resolver=None, before=""):
    """Walk through every address that the product answers."""
    for part in (resolver or get_resolver()).url_patterns:
        route = before + str(part.pattern)
        if isinstance(part, URLPattern):
            yield readable(route)
        else:
            yield from addresses(part, route)


def readable(route):
    if route.startswith("^login/reset/"):
        return "login/reset/KEY/"
    for kind, word in WORDS.items():
        route = route.replace(kind, word)
    return route


def outcome(answer):
    """Say in the table's words where an answer leads."""
    if answer.status_code != 302:
        return answer.status_code
    where = answer["Location"]
    if where.startswith("/login/") and not where.startswith("/login/reset"):
        return LOG_IN
    return {"/me/second-factor/": SET_UP, "/": HOME}.get(where, 302)


def matches(found, expected):
    if expected == 302:
        return found in {302, SET_UP, HOME}
    return found in expected if isinstance(expected, set) else found == expected
