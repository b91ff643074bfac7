"""Draw a frame of `trainwatch top`: a headline, one line for each job, and what cannot be seen. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.alerts import Severity
from bot.domain.durations import format_ago, spoken_duration
from bot.domain.jobs import JobState
from bot.domain.metrics import BARS, GAP, sparkline
from bot.domain.progress import rounded_span
from bot.domain.wording import plural
from bot.terminal.render.jobs import STATE_STYLES
from bot.terminal.render.screen import (
    BOLD,
    BOLD_RED,
    BOLD_YELLOW,
    DIM,
    REVERSE,
    YELLOW,
    Screen,
    plain_line,
    shorten,
)
from bot.terminal.render.tables import Cell, Column, table_lines
from bot.terminal.top.board import JobAlert, PlatformView, TopBoard, TopRow, View, chosen_rows

_WIDE = 150
"""Columns from which there is room for bars and longer texts."""
_LEAST_WIDTH = 24
_MOST_NOTES = 4
_STALE_AFTER_S = 120.0
"""Age of a list from which it is stated."""
_KEYS = "arrows move · Enter opens · l logs · / filters · s sorts · ? help · q quits"
_SHORT_KEYS = "Enter l / s ? q"
_RANK_STYLES = {0: BOLD_RED, 1: BOLD_YELLOW}
_SEVERITY_STYLES = {Severity.PAGE: BOLD_RED, Severity.WARN: BOLD_YELLOW, Severity.INFO: ""}
_COLUMNS = (
    Column("  job"),
    Column("state", min_width=4),
    Column("done", drop=2, align_right=True),
    Column("left", drop=4, align_right=True),
    Column("GPU", drop=3, align_right=True),
    Column("mem", drop=6, align_right=True),
    Column("loss", drop=5),
    Column("problem", drop=1, min_width=8),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame for a screen of a fixed height."""

    lines: Sequence[str]
    rows: Sequence[TopRow]
    """All jobs that were chosen, in order."""
    view: View
    """The view, with a selected job that exists and is on the screen."""

    @property
    def visible(self) -> Sequence[TopRow]:
        """The jobs on the screen."""
        return self.rows[self.view.first : self.view.first + self.view.rows]

    @property
    def selected(self) -> TopRow | None:
        """The job under the cursor."""
        return next((row for row in self.rows if row.job.ref == self.view.selected), None)


def live_frame(board: TopBoard, view: View, screen: Screen, height: int) -> Frame:
    """Draw a frame of at most `height` lines, the keys in the last."""
    width = screen.width or 80
    notes = _notes(board, screen)[: max(0, min(_MOST_NOTES, height - 6))]
    rows, placed = scroll_to_selected(board, view, max(1, height - len(notes) - 3))
    visible = rows[placed.first : placed.first + placed.rows]
    lines = [_headline(board, rows, placed, width, screen), *_table(visible, screen, placed)]
    if not rows:
        lines.append(shorten(_nothing(board, view), width))
    lines += [""] * (height - len(lines) - len(notes) - 1)
    lines += [*notes, screen.paint(shorten(_KEYS if width >= len(_KEYS) else _SHORT_KEYS, width), DIM)]
    return Frame(lines[:height], rows, placed)


def scroll_to_selected(board: TopBoard, view: View, room: int) -> tuple[list[TopRow], View]:
    """Choose and order the jobs, and scroll so that the selected one is among the `room` rows on the screen."""
    rows = chosen_rows(board.rows, view)
    index = next((at for at, row in enumerate(rows) if row.job.ref == view.selected), 0)
    first = min(max(view.first, index - room + 1), index, max(0, len(rows) - room))
    selected = rows[index].job.ref if rows else None
    return rows, View(view.sort, view.search, selected, max(0, first), room)


def single_frame(board: TopBoard, view: View, screen: Screen) -> list[str]:
    """Draw one frame for a pipe or a scrollback: no cursor, no keys."""
    rows, placed = scroll_to_selected(board, view, view.rows)
    lines = [_headline(board, rows, placed, screen.width, screen), *_table(rows[: view.rows], screen, None)]
    if not rows:
        lines.append(_nothing(board, view))
    if len(rows) > view.rows:
        lines += screen.wrap(f"Showing {view.rows} of {plural(len(rows), 'job')}.", style=DIM)
    return [line.rstrip() for line in (*lines, *_notes(board, screen))]


def alert_lines(alerts: Sequence[JobAlert], now: datetime, screen: Screen) -> list[str]:
    """One line for each open alert, the worst first."""
    return [
        line
        for one in alerts
        for line in screen.flow(
            (one.severity.value.upper(), _SEVERITY_STYLES[one.severity]),
            (f"{one.title}, {format_ago(one.since, now)}", ""),
        )
    ]


def _headline(board: TopBoard, rows: Sequence[TopRow], view: View, width: int | None, screen: Screen) -> str:
    states: dict[JobState, int] = {}
    for row in rows:
        states[row.job.state] = states.get(row.job.state, 0) + 1
    ordered = sorted(states.items(), key=lambda one: (not one[0].is_failure, -one[1]))
    alerts = sum(len(row.alerts) for row in rows)
    parts = [
        f"{board.at:%H:%M:%S} UTC",
        plural(len(rows), "job"),
        *(f"{count:,} {state.value}" for state, count in ordered),
        *([plural(alerts, "alert")] if alerts else []),
        f"by {view.sort.value}",
        *([f"filter {plain_line(view.search)}"] if view.search else []),
    ]
    return screen.paint(shorten(" · ".join(parts), width or 1_000), BOLD)


def _table(rows: Sequence[TopRow], screen: Screen, view: View | None) -> list[str]:
    width = max(screen.width or 160, _LEAST_WIDTH)
    cells = [_cells(row, width, is_selected=view is not None and row.job.ref == view.selected) for row in rows]
    lines = table_lines(_COLUMNS, cells, Screen(width, screen.colour)) if cells else []
    if view is None or not screen.colour:
        return lines
    return [
        screen.paint(_without_styles(line), REVERSE) if at and rows[at - 1].job.ref == view.selected else line
        for at, line in enumerate(lines)
    ]


def _without_styles(line: str) -> str:
    """The text of a line that `Screen.paint` has coloured."""
    return "".join(piece.partition("m")[2] if at else piece for at, piece in enumerate(line.split("\x1b[")))


def _cells(row: TopRow, width: int, *, is_selected: bool) -> tuple[Cell, ...]:
    job, is_wide = row.job, width >= _WIDE
    name = shorten(plain_line(row.name) or job.ref.id, width // 5 if is_wide else max(9, width // 6 + 1))
    problem = shorten(plain_line(row.trouble), max(10, width // (4 if is_wide else 6)))
    return (
        Cell(f"{'>' if is_selected else ' '} {name}", BOLD if row.rank == 0 else ""),
        Cell(job.state.value, STATE_STYLES[job.state]),
        Cell(_done(row, 10 if is_wide else 0)),
        Cell(rounded_span(row.time_left) if row.time_left is not None else ""),
        Cell("" if row.utilization is None else f"{row.utilization * 100:.0f} %"),
        Cell(_memory(row, in_bytes=is_wide)),
        Cell(_loss(row, 12 if is_wide else 4)),
        Cell(problem, _RANK_STYLES.get(row.rank, YELLOW)),
    )


def _done(row: TopRow, bar: int) -> str:
    if row.done is not None:
        full = round(row.done * bar)
        return f"{BARS[-1] * full}{GAP * (bar - full)} {math.floor(row.done * 100):>3} %".lstrip()
    progress = row.progress
    return f"step {progress.step:,}" if progress is not None and progress.step is not None else ""


def _memory(row: TopRow, *, in_bytes: bool) -> str:
    if row.memory is None:
        return ""
    used, limit = row.memory
    if limit and not in_bytes:
        return f"{used / limit * 100:.0f} %"
    return f"{used / 2**30:.0f}/{limit / 2**30:.0f} GiB" if limit else f"{used / 2**30:.0f} GiB"


def _loss(row: TopRow, columns: int) -> str:
    progress = row.progress
    if progress is None or progress.loss is None:
        return ""
    values = [point.value for point in row.losses]
    count = min(columns, len(values))
    picked = [values[(at + 1) * len(values) // count - 1] for at in range(count)]
    value = f"{progress.loss:.3g}"
    return f"{sparkline(picked):{columns}} {value}" if picked else value


def _nothing(board: TopBoard, view: View) -> str:
    if not board.is_listed:
        return "Reading the lists of jobs."
    return f"No job matches {plain_line(view.search)}." if view.search and board.rows else "No running jobs."


def _notes(board: TopBoard, screen: Screen) -> list[str]:
    """What cannot be seen, worst first, in one line each."""
    width = screen.width or 1_000
    lines = [screen.paint(shorten(plain_line(note), width), YELLOW) for note in board.notes]
    for one in sorted(board.platforms, key=lambda one: not one.is_failure):
        if note := _platform_note(one, board.at):
            lines.append(screen.paint(shorten(plain_line(note), width), YELLOW if one.is_failure else DIM))
    return lines


def _platform_note(one: PlatformView, now: datetime) -> str:
    if one.problem is None:
        return f"{one.name}: more jobs than were read; only the newest are shown." if one.is_cut else ""
    if not one.is_failure:
        return f"{one.name}: {one.problem}"
    age_s = (now - one.listed_at).total_seconds() if one.listed_at is not None else 0.0
    old = (
        f" Shows its jobs of {spoken_duration(now - one.listed_at)} ago."
        if one.listed_at and age_s >= _STALE_AFTER_S
        else ""
    )
    unseen = "" if one.listed_at else " Its jobs are not seen."
    return f"{one.name}: {one.problem} Tries again in {math.ceil(one.retry_s)} s.{unseen}{old}"


HELP: Mapping[str, str] = {
    "Up, Down, k, j": "move",
    "PgUp, PgDn, Home, End": "move far",
    "Enter": "open the job: charts, problems, diagnosis",
    "l": "follow its log; there, / filters by a pattern",
    "/": "filter by name, id, state, owner or problem",
    "s": "sort by problems, name, time left, GPUs or age",
    "Escape": "back, or show all jobs again",
    "q, Ctrl-C": "quit",
}
"""The keys, and what they do."""
