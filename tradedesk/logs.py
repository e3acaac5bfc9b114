"""Logs: plain lines for a terminal, JSON for machines, and never a secret in either."""

import json
import logging
import logging.config
import re
from datetime import UTC, datetime
from typing import Any

from tradedesk.requests import current_id

HIDDEN = "[hidden]"
NAMES = (
    r"(?:[\w-]*(?:password|passwd|secret|token|checksum|authorization|cookie|api_?key|enctoken|totp|"
    r"recovery_?codes?|session_?key|field-key)[\w-]*|(?:\w*_)?pin)"
)
# name=value, "name": "value", name: value; the value ends at a quote, a blank or a separator
NAMED = re.compile(
    rf"""(?ix)(?<![a-z]) (?P<name>{NAMES}) (?P<between>["']?\s*[:=]\s*(?:b?["'])?)
         (?P<scheme>(?:token|bearer|basic)\s+)? (?P<value>[^\s"'&,;}})\]]+)"""
)
IN_ADDRESS = re.compile(r"(?i)(://[^\s:/@]*:)[^\s@/]+@")  # postgres://user:password@host
# One-use links are as good as passwords, also where one is the next= of another address.
IN_LINK = re.compile(r"(?i)((?:/|%2F)(?:reset|invite|join)(?:/|%2F))[^/%\s\"'&]+")
known: set[str] = set()


def remember(*secrets: str) -> None:
    """Hide these very values wherever they turn up."""
    known.update(secret for secret in secrets if len(secret) >= 8)


def scrub(line: str) -> str:
    """Take every secret out of a line."""
    for secret in known:
        line = line.replace(secret, HIDDEN)
    line = IN_ADDRESS.sub(rf"\1{HIDDEN}@", line)
    line = IN_LINK.sub(rf"\1{HIDDEN}", line)
    return NAMED.sub(rf"\g<name>\g<between>{HIDDEN}", line)


class PlainFormatter(logging.Formatter):
    """One readable line a fact."""

    def format(self, record: logging.LogRecord) -> str:
        record.request = f" [{current_id.get()}]" if current_id.get() else ""
        return scrub(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a fact: newlines in a message cannot forge a second one."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": scrub(record.getMessage()),
        }
        if request_id := current_id.get():
            facts["request_id"] = request_id
        if record.exc_info:
            facts["traceback"] = scrub(self.formatException(record.exc_info))
        return json.dumps(facts, ensure_ascii=False)


def configure(settings: dict[str, Any]) -> None:
    """Set logging up; Django calls this with settings.LOGGING."""
    formatters = {
        "plain": {
            "()": PlainFormatter,
            "format": "%(asctime)s %(levelname)s %(name)s%(request)s: %(message)s",
        },
        "json": {"()": JsonFormatter},
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": formatters,
            "handlers": {
                "out": {"class": "logging.StreamHandler", "formatter": settings["format"]}
            },
            "root": {"handlers": ["out"], "level": settings["level"].upper()},
            "loggers": {
                "daphne.ws_protocol": {"level": "WARNING"},
                "httpx": {"level": "WARNING"},
                "websockets": {"level": "WARNING"},
            },
        }
    )
