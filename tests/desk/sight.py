"""What an operator sees of a desk from outside: its processes and its pages."""

import os
import sys
import urllib.request

import psutil

PARTS = {
    "web": "daphne",
    "worker": "worker",
    "beat": "beat",
    "stream": "manage.py stream",
    "paper": "accounts.brokers.paper",
    "redis": "redis-server",
    "postgres": "postgres -D",
}


def parts_of(desk):
    """Find the desk's own children by what their command lines say, as an operator would."""
    found = {}
    for child in psutil.Process(desk.process.pid).children():
        try:
            line = " ".join(child.cmdline())
        except psutil.Error:  # it ended a moment ago
            continue
        for name, word in PARTS.items():
            if word in line:
                assert str(desk.home) in line or sys.prefix in line
                found[name] = child
    return found


def everything_of(home):
    """Every process on this machine that belongs to this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TRADEDESK_HOME") == str(home) or str(home) in " ".join(
                process.cmdline()
            ):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


def get(desk, path):
    with urllib.request.urlopen(desk.url + path, timeout=5) as answer:  # noqa: S310 - our own address
        return answer.status
