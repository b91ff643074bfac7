"""No test asserts an absolute time, because a slow machine would fail it.

A test bounds work instead (calls, requests, lines, imported modules: `tests.support.work`), compares two measurements
of the same run, or uses virtual time (`tests.support.virtual_time`). Checks of speed belong in `bench/`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
CLOCK = re.compile(r"(?:time|monotonic|perf_counter|process_time|thread_time)(?:_ns)?|default_timer")
MEASURED = re.compile(r"(?:\w+_)?(?:elapsed|took|spent|ack)(?:_s|_ms|_ns)?")
"""Names of measured times."""
KEEPING = {"min", "max", "sum", "sorted", "abs", "round", "float", "int", "list", "tuple", "median", "mean"}
"""Functions that return times when their arguments are times."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
REMEDY = "bound work or compare two measurements of the same run (tests/support/work.py)"


class Times:
    """Finds the names of a module that hold measured times."""

    def __init__(self, module: ast.Module) -> None:
        self._module = module
        self._names: set[str] = set()
        self._returning: dict[str, tuple[bool, ...]] = {}
        known = -1
        while known != (known := len(self._names) + sum(map(sum, self._returning.values()))):
            for node in ast.walk(module):
                self._learn(node)

    def comparisons(self) -> Iterator[ast.Compare]:
        """Yield comparisons of a measured time with an unmeasured value, except in the conditions of loops."""
        allowed = {
            id(inner)
            for node in ast.walk(self._module)
            if isinstance(node, ast.While | ast.If)
            for inner in ast.walk(node.test)
        }
        for node in ast.walk(self._module):
            if isinstance(node, ast.Compare) and id(node) not in allowed:
                sides = [self._measured(side) for side in (node.left, *node.comparators)]
                if any(sides) and not all(sides):
                    yield node

    def _learn(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
                self._assign(target, value)
            case ast.NamedExpr(target=target, value=value) | ast.comprehension(target=target, iter=value):
                self._assign(target, value)
            case ast.For(target=target, iter=value):
                self._assign(target, value)
            case ast.Call(func=ast.Attribute(attr="append" | "extend", value=kept), args=[given]):
                self._assign(kept, given)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ((ast.Tuple(elts=targets) | ast.List(elts=targets)), ast.Tuple(elts=values)):
                for each, part in zip(targets, values, strict=False):
                    self._assign(each, part)
            case ((ast.Tuple(elts=targets) | ast.List(elts=targets)), _):
                given = self._call_gives(value) or (self._measured(value),) * len(targets)
                for each, is_time in zip(targets, given, strict=False):
                    self._mark(each, is_time=is_time)
            case _:
                self._mark(target, is_time=self._measured(value) or _is_clock(value))

    def _mark(self, target: ast.expr, *, is_time: bool) -> None:
        while isinstance(target, ast.Subscript | ast.Starred):
            target = target.value
        if is_time and isinstance(target, ast.Name):
            self._names.add(target.id)

    def _function(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        returned = [one.value for one in _own_nodes(function) if isinstance(one, ast.Return) and one.value is not None]
        for value in returned:
            parts: Sequence[ast.expr] = value.elts if isinstance(value, ast.Tuple) else [value]
            if any(given := tuple(map(self._measured, parts))):
                self._returning[function.name] = given

    def _call_gives(self, value: ast.expr) -> tuple[bool, ...] | None:
        while isinstance(value, ast.Await):
            value = value.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            return self._returning.get(value.func.id)
        return None

    def _measured(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self._names or MEASURED.fullmatch(name) is not None
            case ast.Attribute(attr=name):
                return MEASURED.fullmatch(name) is not None
            case ast.BinOp(left=left, op=ast.Div(), right=right) if self._measured(left) and self._measured(right):
                return False  # a ratio
            case ast.BinOp(left=left, right=right):
                return self._measured(left) or self._measured(right)
            case ast.Call(func=ast.Name(id=name)) if name in KEEPING:
                return any(map(self._measured, node.args))
            case ast.Call(func=function):
                given = self._call_gives(node)
                return (
                    _is_clock(function)
                    or (isinstance(function, ast.Name) and function.id in self._names)
                    or given == (True,)
                )
            case ast.UnaryOp(operand=inner) | ast.Await(value=inner) | ast.Subscript(value=inner):
                return self._measured(inner)
            case ast.Starred(value=inner) | ast.NamedExpr(value=inner):
                return self._measured(inner)
            case ast.GeneratorExp(elt=inner) | ast.ListComp(elt=inner):
                return self._measured(inner)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return any(map(self._measured, parts))
            case ast.IfExp(body=left, orelse=right):
                return self._measured(left) or self._measured(right)
        return False


def _is_clock(node: ast.expr) -> bool:
    """Whether a function reads a clock, such as `time.monotonic` or a loop's `time`."""
    match node:
        case ast.Attribute(attr=name):
            return CLOCK.fullmatch(name) is not None
        case ast.Name(id=name):
            return name != "time" and CLOCK.fullmatch(name) is not None
    return False


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Yield a function's nodes without those of nested functions."""
    for node in ast.iter_child_nodes(function):
        yield node
        if not isinstance(node, FUNCTIONS):
            yield from _own_nodes(node)


def absolute_times(text: str) -> list[str]:
    """Return comparisons of a measured time with a number, as `line: source`."""
    module = ast.parse(text)
    return [f"{found.lineno}: {ast.unparse(found)}" for found in Times(module).comparisons()]


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_test_asserts_an_absolute_time(path: Path) -> None:
    found = absolute_times(path.read_text(encoding="utf-8"))

    assert found == [], f"{path.relative_to(ROOT)} compares a measured time with a number; {REMEDY}"


@pytest.mark.parametrize(
    "text",
    [
        "begin = time.monotonic()\nwork()\nassert time.monotonic() - begin < 0.25",
        "begin = perf_counter()\nassert 5 > perf_counter() - begin",
        "LIMIT = 2.0\nstarted = time.process_time()\nspent = time.process_time() - started\nassert spent < LIMIT",
        "waits = []\nbegin = time.monotonic()\nwaits.append(time.monotonic() - begin)\nassert max(waits) < 8",
        "waits = []\nfor _ in x:\n    waits.append(time.monotonic() - begin)\nassert all(one < 8 for one in waits)",
        "begin = time.monotonic()\nwaited = [time.monotonic() - begin >= 0.2]\nassert waited == [True]",
        "assert (1, True) == (len(asked), time.monotonic() - begin < 1)",
        "def seconds():\n    return time.process_time() - begin\nassert min(seconds() for _ in range(3)) < 2",
        "async def stop():\n    return time.monotonic() - at, 1\ntook, errors = await stop()\nassert 6 > took",
        "assert asyncio.get_running_loop().time() - began >= 0.4",
        "now = loop.time\nbegin = now()\nassert now() - begin < 1",
        "assert seen.outcome.ack_s < 1",
        "assert response.elapsed < timedelta(seconds=1)",
        "assert time.monotonic() - begin < limits.read_timeout_s",
    ],
)  # fmt: skip
def test_an_absolute_time_is_found(text: str) -> None:
    assert len(absolute_times(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def seconds():\n    return time.process_time() - begin\nassert seconds() < 2 * seconds()",
        "one = time.monotonic() - a\ntwo = time.monotonic() - b\nassert one / two < 4",
        "deadline = time.monotonic() + 60\nwhile time.monotonic() < deadline:\n    pass\nassert 130 == code",
        "clock.now += 60\nassert clock.now - begin < 8",
        "job = await client.get(time.monotonic() + 60)\nassert 3 == len(job.lines)",
        "async def stop():\n    return time.monotonic() - at, 1\ntook, errors = await stop()\nassert 1 == errors",
        "waits = []\nwaits.append(time.monotonic())\nassert len(waits) == 3",
    ],
)  # fmt: skip
def test_a_ratio_and_a_deadline_are_not_absolute_times(text: str) -> None:
    assert absolute_times(text) == []
