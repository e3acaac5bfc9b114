"""Thousands of histories of the engine's core, each from a printed seed.

TRADEDESK_LONG=1 runs twenty-five times as many; SEED=… runs one again.
"""

import os

import pytest

from tests.engine.simulation import World

SEEDS = 50_000 if os.environ.get("TRADEDESK_LONG") else 2_000
STEPS = 200


def history(seed, **options):
    world = World(seed, **options)
    world.run(STEPS)
    world.check_end()
    return world.trace.hexdigest()


def test_no_history_sends_twice_or_loses_one():
    seeds = [int(os.environ["SEED"])] if "SEED" in os.environ else range(SEEDS)
    for seed in seeds:
        try:
            history(seed)
        except AssertionError as error:
            pytest.fail(f"SEED={seed}: {error}")


def test_the_same_seed_gives_the_same_history():
    assert [history(seed) for seed in range(20)] == [history(seed) for seed in range(20)]


def test_a_naive_core_is_found_out():
    """One that tries again whatever it cannot tell sends twice before long."""
    found = 0
    for seed in range(200):
        try:
            history(seed, is_naive=True)
        except AssertionError:
            found += 1
    assert found > 50
