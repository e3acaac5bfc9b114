"""A paper exchange of the test's own, where the desk looks for its own one."""

import pytest

from accounts.brokers.paper.server import trial
from accounts.brokers.registry import adapters


@pytest.fixture(scope="module")
def running_exchange(tmp_path_factory):
    running = trial.start(
        tmp_path_factory.mktemp("exchange") / "paper",
        "--rule",
        "rate_limits=off",
        "--rule",
        "refresh_tokens=on",
    )
    yield running
    if running.process.poll() is None:
        trial.stop(running)


@pytest.fixture
def exchange(running_exchange, settings):
    settings.PAPER_URL = running_exchange.url
    settings.PAPER_HOME = running_exchange.home
    yield running_exchange
    running_exchange.control("DELETE", "faults")
    for _, _, adapter in adapters.kept.values():
        adapter.close()
    adapters.forget()
