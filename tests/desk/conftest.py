import pytest

from tradedesk.desk.throwaway import throwaway_desk, throwaway_place


@pytest.fixture(scope="module")
def desk():
    """A desk that the tests of this module may hurt."""
    with throwaway_desk() as running:
        yield running


@pytest.fixture
def place():
    with throwaway_place() as folder:
        yield folder
