"""A small language for the shape of a JSON value, and the walk that finds where a value breaks it.

Not Slack's rules themselves: those are data in `block_shapes`, and what spans several blocks is in `blocks`.
Slack answers a broken shape with a sentence and a JSON pointer, so that is what a `Fault` holds.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule: where (a JSON pointer) and what Slack would say."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} [json-pointer:{self.pointer}]"


@dataclass(frozen=True, slots=True)
class Str:
    """A string of `low` to `high` characters, or one of `choices`."""

    high: int | None = None
    low: int = 0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Num:
    """A finite number between `low` and `high`, whole if `whole`."""

    low: float | None = None
    high: float | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean."""


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON value; Slack's rule is not known."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list of `low` to `high` values of one shape."""

    of: "Shape"
    high: int | None = None
    low: int = 1


@dataclass(frozen=True, slots=True)
class Obj:
    """An object: required and optional fields, and groups of which at least one must be there."""

    required: Mapping[str, "Shape"] = field(default_factory=dict)
    optional: Mapping[str, "Shape"] = field(default_factory=dict)
    any_of: tuple[str, ...] = ()
    not_both: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Typed:
    """An object whose shape depends on its `type`."""

    kinds: Mapping[str, Obj]


Shape = Str | Num | Flag | Anything | Items | Obj | Typed
Fields = Mapping[str, Shape]


def faults(value: Any, shape: Shape, pointer: str) -> Iterator[Fault]:
    """Walk `value` and yield each place where it is not of `shape`."""
    match shape:
        case Str():
            yield from _string_faults(value, shape, pointer)
        case Num():
            yield from _number_faults(value, shape, pointer)
        case Flag():
            if not isinstance(value, bool):
                yield Fault(pointer, "must be a boolean")
        case Items():
            yield from _list_faults(value, shape, pointer)
        case Obj():
            yield from _object_faults(value, shape, pointer, known=())
        case Typed():
            yield from _typed_faults(value, shape, pointer)
        case Anything():
            pass


def _string_faults(value: Any, shape: Str, pointer: str) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield Fault(pointer, "must be a string")
    elif shape.choices and value not in shape.choices:
        yield Fault(pointer, f"must be one of: {', '.join(shape.choices)}")
    elif len(value) < shape.low:
        yield Fault(pointer, f"must be more than {shape.low - 1} characters")
    elif shape.high is not None and len(value) > shape.high:
        yield Fault(pointer, f"must be less than {shape.high + 1} characters")


def _number_faults(value: Any, shape: Num, pointer: str) -> Iterator[Fault]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        yield Fault(pointer, "must be a number")
    elif shape.whole and not isinstance(value, int):
        yield Fault(pointer, "must be an integer")
    elif shape.low is not None and value < shape.low:
        yield Fault(pointer, f"must be at least {shape.low}")
    elif shape.high is not None and value > shape.high:
        yield Fault(pointer, f"must be at most {shape.high}")


def _list_faults(value: Any, shape: Items, pointer: str) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield Fault(pointer, "must be an array")
        return
    if len(value) < shape.low:
        yield Fault(pointer, f"no fewer than {shape.low} items allowed")
    if shape.high is not None and len(value) > shape.high:
        yield Fault(pointer, f"no more than {shape.high} items allowed")
    for index, item in enumerate(value):
        yield from faults(item, shape.of, f"{pointer}/{index}")


def _object_faults(value: Any, shape: Obj, pointer: str, known: tuple[str, ...]) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(pointer, "must provide an object")
        return
    for name, expected in shape.required.items():
        if value.get(name) is None:
            yield Fault(pointer, f"missing required field: {name}")
        else:
            yield from faults(value[name], expected, f"{pointer}/{name}")
    for name, expected in shape.optional.items():
        if value.get(name) is not None:
            yield from faults(value[name], expected, f"{pointer}/{name}")
    for name in value:
        if name not in shape.required and name not in shape.optional and name not in known:
            yield Fault(pointer, f"invalid additional property: {name}")
    if shape.any_of and not any(value.get(name) for name in shape.any_of):
        yield Fault(pointer, f"must define one of: {', '.join(shape.any_of)}")
    if shape.not_both and all(value.get(name) is not None for name in shape.not_both):
        yield Fault(pointer, f"cannot define both {' and '.join(shape.not_both)}")


def _typed_faults(value: Any, shape: Typed, pointer: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(pointer, "must provide an object")
        return
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in shape.kinds:
        yield Fault(f"{pointer}/type", f"unsupported type: {kind}")
        return
    yield from _object_faults(value, shape.kinds[kind], pointer, known=("type",))
