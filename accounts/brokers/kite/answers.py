"""From an HTTP answer to its data, or to the error that it means."""

import json
import re
from decimal import Decimal
from typing import Any

from accounts.brokers.errors import AmbiguousOutcome, BrokerError, BrokerUnavailable, RateLimited
from accounts.brokers.kite.refusals import Refusal, name_refusal
from accounts.brokers.kite.sending import Answer, Call

TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.S | re.I)
# Without the broker's own words these still say that nobody took the request.
NOT_TAKEN = frozenset({404, 405, 410})
# Errors that speak of the line between the broker's API and its order system.
OF_THE_LINE = frozenset({"NetworkException", "DataException"})
USUAL_PAUSE = 1.0


def data_of(call: Call, answer: Answer) -> Any:
    """Return the data of the answer; a list of instruments comes as the file it is in."""
    if call.is_dump and answer.status == 200 and "csv" in answer.kind:
        answer.body.seek(0)
        return answer.body
    content = answer.content()
    envelope = envelope_of(content)
    if envelope is not None and is_error(envelope):
        raise error_of(call, answer, envelope)
    if answer.status < 300 and envelope is not None and "data" in envelope:
        return envelope["data"]
    raise error_without_words(call, answer, gist(content))


def envelope_of(content: bytes) -> dict[str, Any] | None:
    """Read JSON with every number exactly as it is written, whatever the content type says."""
    try:
        found = json.loads(content, parse_float=Decimal, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def is_error(envelope: dict[str, Any]) -> bool:
    return envelope.get("status") == "error" or bool(envelope.get("error_type"))


def error_of(call: Call, answer: Answer, envelope: dict[str, Any]) -> BrokerError:
    """Name the error that the broker described itself."""
    text = str(envelope.get("message") or "")
    kind = str(envelope.get("error_type") or "")
    if answer.status >= 500 or 300 <= answer.status < 400:
        return unclear(call, answer.status, text, kind)
    if answer.status != 429 and kind in OF_THE_LINE and "Maximum allowed" not in text:
        return unclear(call, answer.status, text, kind)
    if answer.status < 400 and kind in {"", "GeneralException"}:
        return unclear(call, answer.status, text, kind)
    said = Refusal(
        operation=call.operation,
        text=text,
        error_type=kind,
        status=answer.status,
        retry_after=answer.retry_after or USUAL_PAUSE,
    )
    return name_refusal(said)


def error_without_words(call: Call, answer: Answer, text: str) -> BrokerError:
    """Name an answer that did not come from the broker's API, or lacks what it should hold."""
    if answer.status == 429:
        pause = answer.retry_after or USUAL_PAUSE
        return RateLimited(call.operation, retry_after=pause, status=429, text=text)
    if answer.status in NOT_TAKEN:
        return name_refusal(
            Refusal(operation=call.operation, text=text, error_type="", status=answer.status)
        )
    return unclear(call, answer.status, text, "")


def unclear(call: Call, status: int, text: str, kind: str) -> BrokerError:
    """A read may be asked again; of a write nobody can tell."""
    error = BrokerUnavailable if call.is_read else AmbiguousOutcome
    return error(call.operation, text=text, error_type=kind, status=status)


def gist(content: bytes) -> str:
    """Keep the visible words of a page that is not ours."""
    text = TAGS.sub(" ", content[:20_000].decode("utf-8", "replace"))
    return " ".join(text.split())[:200]
