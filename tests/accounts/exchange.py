"""A paper exchange of the test's own, where the desk looks for its own one."""

import shutil

import pytest
from django.conf import settings as desk_settings

from accounts.brokers.paper.server import trial
from accounts.brokers.registry import adapters


@pytest.fixture(scope="module")
def running_exchange():
    home = desk_settings.HOME.path / "paper"
    shutil.rmtree(home, ignore_errors=True)
    running = trial.start(home, "--rule", "rate_limits=off")
    yield running
    if running.process.poll() is None:
        trial.stop(running)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def exchange(running_exchange, settings):
    settings.PAPER_URL = running_exchange.url
    yield running_exchange
    running_exchange.control("DELETE", "faults")
    for _, _, adapter in adapters.kept.values():
        adapter.close()
    adapters.forget()
