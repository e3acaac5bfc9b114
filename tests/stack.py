"""A pytest plugin: real Postgres and Redis, started once for the whole run, thrown away after it.

It is loaded before pytest-django reads the settings, since those read where the servers are.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
running: list = []  # the servers of this run, in the process that started them


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests():
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker:
        start()
    home = os.environ["TRADEDESK_HOME"]
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    os.environ["REDIS_URL"] = f"unix://{home}/run/redis/redis.sock?db={number}"


def start():
    """Start the servers in a throw-away home, and end those of a run that was killed."""
    for name in ("DATABASE_URL", "TRADEDESK_MODE", "DEBUG", "ALLOWED_HOSTS", "REDIS_URL"):
        os.environ.pop(name, None)
    for abandoned in Path(tempfile.gettempdir()).glob("tradedesk-test-*"):
        end_abandoned(abandoned)
    place = Path(tempfile.mkdtemp(prefix="tradedesk-test-"))
    os.environ |= {
        "TRADEDESK_HOME": str(place),
        "DJANGO_SETTINGS_MODULE": "tradedesk.settings",
        "DATABASE_POOL": "0",
        "ENV_FILE": "/dev/null",
    }

    from tradedesk.desk import folders
    from tradedesk.desk.parts import Options
    from tradedesk.desk.supervisor import Desk
    from tradedesk.home import Home

    home = Home(place)
    folders.prepare(home)
    (place / "static").mkdir()
    holding = folders.alone(home)
    holding.__enter__()
    stack = Desk(Options(home), durable=False)
    stack.start_servers()
    running.append((stack, holding, place))


def end_abandoned(place):
    from tradedesk.desk import children, folders
    from tradedesk.home import Home

    if not folders.is_running(Home(place)):
        children.clean_up(place / "run" / "children.json")
        shutil.rmtree(place, ignore_errors=True)


def pytest_unconfigure():
    while running:
        stack, holding, place = running.pop()
        stack.end()
        holding.__exit__(None, None, None)
        shutil.rmtree(place, ignore_errors=True)
