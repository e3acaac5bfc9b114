"""Working something out once."""

import itertools

from tradedesk.memory import Memory


def test_the_same_again_is_not_worked_out_again_and_anything_else_is():
    numbers = itertools.count(1)
    memory: Memory[dict[str, int], int] = Memory(lambda given: next(numbers), most=2)

    assert [memory("a", {"x": 1}), memory("a", {"x": 1}), memory("a", {"x": 2})] == [1, 1, 2]
    assert memory("b", {"x": 2}) == 3
    assert memory("a", {"x": 1}) == 4


def test_it_does_not_grow_without_end():
    memory: Memory[int, str] = Memory(str, most=10)
    for number in range(100):
        assert memory(str(number), number) == str(number)
        assert len(memory.last) <= 10
