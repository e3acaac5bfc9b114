"""State to plain JSON and back, by the types its dataclasses declare."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

Turn = Callable[[Any], Any]


def dump(value: Any) -> Any:
    """The plain lists, dicts, strings and numbers that stand for a value.

    Floats occur only in answers kept to be shown again; JSON gives them back exactly.
    """
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if isinstance(value, dict):
        return {str(key): dump(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [dump(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return [dump(getattr(value, name)) for name in _names(type(value))]
    raise TypeError(f"{type(value)} cannot be kept in a snapshot")


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def load(kind: Any, plain: Any) -> Any:
    """The value of this type that `dump` turned into plain JSON.

    A field that older snapshots lack stands last in its class, and takes its default.
    """
    return _loader(kind)(plain)


@cache
def _loader(kind: Any) -> Turn:
    if is_dataclass(kind):
        return _dataclass_loader(kind)
    origin, args = get_origin(kind), get_args(kind)
    if origin is dict:
        key, item = _loader(args[0]), _loader(args[1])
        return lambda plain: {key(k): item(v) for k, v in plain.items()}
    if origin is list:
        each = _loader(args[0])
        return lambda plain: [each(v) for v in plain]
    if origin is tuple:
        return tuple
    if kind is int:
        return int  # a JSON key is always a string
    return lambda plain: plain


def _dataclass_loader(kind: Any) -> Turn:
    hints = get_type_hints(kind)
    turns: list[Turn] = []

    def build(plain: Any) -> Any:
        if not turns:  # looked up late, so that a type may contain itself
            turns.extend(_loader(hints[name]) for name in _names(kind))
        if len(plain) > len(turns):
            raise ValueError(f"A snapshot knows more of a {kind.__name__} than this version does.")
        return kind(*(turn(item) for turn, item in zip(turns, plain, strict=False)))

    return build
