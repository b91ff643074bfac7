"""Decode pickles that hold only plain data: dictionaries, lists, tuples, text, numbers, booleans and None.

A pickle is a program, and `pickle.Unpickler` runs it. Even with `find_class` disabled, twenty bytes can make it reserve
gigabytes. This decoder knows no instruction that imports or calls anything, and everything it builds is bounded by the
size of the input, also once shared values are copied. It reads what PyTorch's flight recorder writes (protocol 2) and
`pickle.dumps` (protocols 2 to 5).
"""

import struct
from collections.abc import Callable
from typing import Final

Plain = dict["Plain", "Plain"] | list["Plain"] | tuple["Plain", ...] | str | int | float | bool | None
"""A value that a plain pickle or a JSON document may hold."""

MAX_DEPTH = 32
"""Maximum number of containers inside each other. Flight recorders use five."""
MAX_NUMBER_BYTES = 64
MAX_INSTRUCTIONS = 4_000_000
"""Each builds at most one value. A recorder with a full buffer of 2,000 calls and their stacks needs about 500,000."""

_CONSTANTS: Final[dict[int, Plain]] = {ord("N"): None, 0x88: True, 0x89: False}
_NUMBERS = {ord("K"): "<B", ord("M"): "<H", ord("J"): "<i", ord("G"): ">d"}
_TEXTS = {0x8C: "<B", ord("X"): "<I", 0x8D: "<Q"}
_TUPLES = {ord(")"): 0, 0x85: 1, 0x86: 2, 0x87: 3}
_STORES, _LOADS = {ord("q"): "<B", ord("r"): "<I"}, {ord("h"): "<B", ord("j"): "<I"}
_CODE = frozenset(b"cioR\x81\x92\x93bPQ\x82\x83\x84")
"""Instructions that import, call or build something: `GLOBAL`, `INST`, `OBJ`, `REDUCE`, `NEWOBJ`, `BUILD`, ..."""
_MARK, _STOP, _MEMOIZE = ord("("), ord("."), 0x94
_PROTOCOL, _FRAME, _LONG = 0x80, 0x95, 0x8A


class UnsafePickle(ValueError):
    """The pickle is damaged, or holds more than plain data; its text says which, as a sentence without a full stop."""


def decode_pickle(data: bytes) -> Plain:
    """Return the value of a plain pickle.

    Raises:
        UnsafePickle: it would import or call something, is damaged, or is nested too deeply.
    """
    try:
        value = _Decoder(data).run()
    except (IndexError, KeyError, TypeError, ValueError, struct.error) as problem:
        if isinstance(problem, UnsafePickle):
            raise
        raise UnsafePickle("it is damaged or incomplete") from None
    require_shallow(value)
    if _expanded_size(value, {}) > MAX_INSTRUCTIONS:
        raise UnsafePickle(f"it holds more than {MAX_INSTRUCTIONS:,} values")
    return value


def require_shallow(value: Plain) -> None:
    """Accept a value whose containers are at most `MAX_DEPTH` deep.

    Raises:
        UnsafePickle: they are deeper, or contain themselves.
    """
    level: dict[int, Plain] = {id(value): value}
    for _ in range(MAX_DEPTH):
        inside = (child for one in level.values() for child in _children(one))
        level = {id(child): child for child in inside if isinstance(child, dict | list | tuple)}
        if not level:
            return
    raise UnsafePickle(f"it is nested deeper than {MAX_DEPTH} levels")


def _expanded_size(value: Plain, known: dict[int, int]) -> int:
    """Number of values if each reference were a copy: a thousand references to a list of a thousand make a million."""
    if not isinstance(value, dict | list | tuple):
        return 1
    if id(value) not in known:
        known[id(value)] = 1 + sum(_expanded_size(child, known) for child in _children(value))
    return known[id(value)]


def _children(value: Plain) -> list[Plain]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


class _Decoder:
    """The data instructions of a pickle."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._stack: list[Plain] = []
        self._outer: list[list[Plain]] = []
        """The stacks below the open marks."""
        self._memo: dict[int, Plain] = {}
        self._actions: dict[int, Callable[[], None]] = {
            ord("}"): lambda: self._stack.append({}), ord("]"): lambda: self._stack.append([]),
            _MARK: self._open, ord("u"): self._set_items, ord("s"): self._set_item, ord("e"): self._extend,
            ord("a"): self._append, ord("t"): self._close_tuple, ord("l"): self._close_list,
            ord("d"): self._close_dict, _LONG: self._long, _PROTOCOL: lambda: self._skip(1),
            _FRAME: lambda: self._skip(8), _MEMOIZE: lambda: self._memorize(len(self._memo)),
        }  # fmt: skip

    def run(self) -> Plain:
        """Run all instructions and return the result."""
        for _ in range(MAX_INSTRUCTIONS):
            code = self._data[self._at]
            self._at += 1
            if code == _STOP:
                if self._outer or len(self._stack) != 1:
                    raise UnsafePickle("it is damaged or incomplete")
                return self._stack[0]
            self._step(code)
        raise UnsafePickle(f"it holds more than {MAX_INSTRUCTIONS:,} values")

    def _step(self, code: int) -> None:
        if code in _LOADS:
            self._stack.append(self._memo[int(self._number(_LOADS[code]))])
        elif code in _STORES:
            self._memorize(int(self._number(_STORES[code])))
        elif code in _TEXTS:
            self._stack.append(self._take(int(self._number(_TEXTS[code]))).decode("utf-8", "replace"))
        elif code in _NUMBERS:
            self._stack.append(self._number(_NUMBERS[code]))
        elif code in _CONSTANTS:
            self._stack.append(_CONSTANTS[code])
        elif code in _TUPLES:
            self._tuple(_TUPLES[code])
        elif code in self._actions:
            self._actions[code]()
        elif code in _CODE:
            raise UnsafePickle("it would run code when loaded; a flight recorder dump holds only plain data")
        else:
            raise UnsafePickle(f"it holds more than plain data (instruction {code:#04x})")

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise UnsafePickle("it is damaged or incomplete")
        self._at += count
        return taken

    def _number(self, layout: str) -> int | float:
        number: int | float = struct.unpack(layout, self._take(struct.calcsize(layout)))[0]
        return number

    def _skip(self, count: int) -> None:
        self._take(count)

    def _memorize(self, key: int) -> None:
        self._memo[key] = self._stack[-1]

    def _long(self) -> None:
        size = self._take(1)[0]
        if size > MAX_NUMBER_BYTES:
            raise UnsafePickle("it holds a number that is too long")
        self._stack.append(int.from_bytes(self._take(size), "little", signed=True))

    def _open(self) -> None:
        if len(self._outer) >= MAX_DEPTH:
            raise UnsafePickle(f"it is nested deeper than {MAX_DEPTH} levels")
        self._outer.append(self._stack)
        self._stack = []

    def _close(self) -> list[Plain]:
        items, self._stack = self._stack, self._outer.pop()
        return items

    def _tuple(self, size: int) -> None:
        start = len(self._stack) - size
        if start < 0:
            raise UnsafePickle("it is damaged or incomplete")
        self._stack[start:] = [tuple(self._stack[start:])]

    def _close_tuple(self) -> None:
        items = self._close()
        self._stack.append(tuple(items))

    def _close_list(self) -> None:
        items = self._close()
        self._stack.append(items)

    def _close_dict(self) -> None:
        items = self._close()
        self._stack.append({})
        self._update_top(items)

    def _append(self) -> None:
        value = self._stack.pop()
        self._extend_top([value])

    def _extend(self) -> None:
        self._extend_top(self._close())

    def _extend_top(self, values: list[Plain]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise UnsafePickle("it is damaged or incomplete")
        target.extend(values)

    def _set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._update_top([key, value])

    def _set_items(self) -> None:
        self._update_top(self._close())

    def _update_top(self, items: list[Plain]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise UnsafePickle("it is damaged or incomplete")
        if any(isinstance(key, tuple) for key in items[::2]):
            raise UnsafePickle("it has keys that no flight recorder writes")  # hashing nested ones may take years
        target.update(zip(items[::2], items[1::2], strict=True))
