"""Which log lines a Baseten request gets: windows, bounds, order, limits and the server's filters.

Not the routes (``baseten.py``). Training jobs and deployments share all of it; training requests know fewer filters.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby, islice
from typing import Annotated, Literal

import msgspec
import re2
from msgspec import Meta

from emulator.logs import Line, Log
from emulator.quirks import BasetenQuirks

MS = 10**6
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
DEFAULT_WINDOW_MS = 30 * 60 * 1000
DEFAULT_LIMIT = 500

Filter = Annotated[str, Meta(max_length=256)] | None
Substrings = Annotated[list[str], Meta(max_length=8)] | None


class TrainingLogRequest(msgspec.Struct, frozen=True):
    """What a request for a training job's logs may say; other fields are passed over."""

    start_epoch_millis: int | None = None
    end_epoch_millis: int | None = None
    direction: Literal["asc", "desc"] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] | None = DEFAULT_LIMIT
    min_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = None


class DeploymentLogRequest(TrainingLogRequest, frozen=True):
    """What a request for a deployment's logs may say."""

    replica: Filter = None
    request_id: Filter = None
    component: Filter = None
    search_pattern: Filter = None
    includes: Substrings = None
    excludes: Substrings = None


class WireLine(msgspec.Struct, frozen=True, gc=False):
    """A line as the newest document shows it."""

    timestamp: str
    message: str
    replica: str | None
    request_id: str | None
    level: str | None


class BadRequest(ValueError):
    """The request breaks a rule of the document; the text says which."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `start_ms` to `end_ms`, in milliseconds since the epoch."""

    start_ms: int
    end_ms: int


def window_of(start_ms: int | None, end_ms: int | None, now_ns: int, longest: timedelta) -> Window:
    """Apply the defaults (end: now; start: 30 minutes before the end) and the greatest length.

    Raises:
        BadRequest: the window is longer than allowed, or ends before it starts.
    """
    end = now_ns // MS if end_ms is None else end_ms
    start = end - DEFAULT_WINDOW_MS if start_ms is None else start_ms
    if end < start:
        raise BadRequest("end_epoch_millis must not be before start_epoch_millis")
    if timedelta(milliseconds=end - start) > longest:
        raise BadRequest(f"The window from start to end must not exceed {longest.total_seconds() / 86400:g} days")
    return Window(start, end)


def page_of(
    log: Log, request: TrainingLogRequest, now_ns: int, quirks: BasetenQuirks, chance: random.Random
) -> list[Line]:
    """Return the lines that this request gets.

    Raises:
        BadRequest: see `window_of`; or the search pattern is not RE2.
    """
    window = window_of(request.start_epoch_millis, request.end_epoch_millis, now_ns, quirks.max_window)
    start = log.position((window.start_ms + (not quirks.start_inclusive)) * MS)
    stop = log.position((window.end_ms + quirks.end_inclusive) * MS)
    visible = log.visible(start, stop, now_ns, newest_first=request.direction != "asc")
    lines: Iterator[Line] = (line for _, line in visible)
    wanted = matcher_of(request)
    if wanted is not None:
        lines = (line for line in lines if wanted(line))
    if quirks.shuffle_within_ms:
        lines = _shuffled(lines, chance)
    limit = request.limit or DEFAULT_LIMIT
    return list(islice(lines, limit if quirks.page_cap is None else min(limit, quirks.page_cap)))


def render_lines(lines: Iterable[Line], unknown: Mapping[str, object]) -> list[object]:
    """Return the lines with the fields of the newest document, and with unknown ones on top."""
    wire = [WireLine(str(n.timestamp_ns), n.message, n.replica, n.request_id, n.level) for n in lines]
    return [{**msgspec.structs.asdict(line), **unknown} for line in wire] if unknown else [*wire]


def render_short(lines: Iterable[Line]) -> list[dict[str, object]]:
    """Return the lines with the three fields of the older document."""
    return [{"timestamp": str(n.timestamp_ns), "message": n.message, "replica": n.replica} for n in lines]


def matcher_of(request: TrainingLogRequest) -> Callable[[Line], bool] | None:
    """Return the test that the request's filters make, or None when it has none.

    Raises:
        BadRequest: the search pattern is not RE2.
    """
    tests: list[Callable[[Line], bool]] = []
    if request.min_level is not None:
        least = LEVELS.index(request.min_level)
        tests.append(lambda line: line.level is not None and _severity(line.level) >= least)
    if isinstance(request, DeploymentLogRequest):
        tests.extend(_deployment_tests(request))
    return (lambda line: all(test(line) for test in tests)) if tests else None


def _deployment_tests(request: DeploymentLogRequest) -> Iterator[Callable[[Line], bool]]:
    if request.replica is not None:
        yield lambda line: line.replica == request.replica
    if request.request_id is not None:
        yield lambda line: line.request_id == request.request_id
    if request.component is not None:
        yield lambda line: line.component == request.component
    if request.search_pattern is not None:
        search = _compile(request.search_pattern)
        yield lambda line: search(line.message)
    if includes := request.includes:
        yield lambda line: all(part in line.message for part in includes)
    if excludes := request.excludes:
        yield lambda line: not any(part in line.message for part in excludes)


def _compile(pattern: str) -> Callable[[str], bool]:
    try:
        compiled = re2.compile(pattern)
    except re2.error as error:
        raise BadRequest(f"search_pattern is not a valid RE2 expression: {error}") from error
    if not isinstance(compiled, re2.Pattern):  # the library fell back to Python's own engine
        raise BadRequest("search_pattern is not a valid RE2 expression")
    return lambda text: compiled.search(text) is not None


def _severity(level: str) -> int:
    """Rank a level; a level missing from the document ranks above ERROR."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def _shuffled(lines: Iterator[Line], chance: random.Random) -> Iterator[Line]:
    for _, same_ms in groupby(lines, key=lambda line: line.timestamp_ns // MS):
        group = list(same_ms)
        chance.shuffle(group)
        yield from group
