"""The files that a scan read, with their counts. Pure."""

from collections.abc import Sequence

from bot.diagnosis.merged_files import FileDiagnosis
from bot.domain.wording import plural
from bot.terminal.render.screen import BOLD_RED, DIM, Screen, join_lines, plain_line
from bot.terminal.render.tables import Cell, Column, table_lines

_MAX_SHOWN = 20
_COLUMNS = (
    Column("file"), Column("rank", drop=1, align_right=True), Column("lines", align_right=True),
    Column("problems", align_right=True),
)  # fmt: skip


def files_text(files: Sequence[FileDiagnosis], screen: Screen) -> str:
    """A table of the files, those with problems first; the others are counted where there are too many."""
    shown = sorted(files, key=lambda file: -file.problems)[:_MAX_SHOWN]
    rows = [_row(file) for file in (files if len(files) <= _MAX_SHOWN else shown)]
    lines = ["", *table_lines(_COLUMNS, rows, screen)]
    hidden = len(files) - len(rows)
    if hidden:
        rest = sum(file.diagnosis.lines for file in files) - sum(file.diagnosis.lines for file in shown)
        note = f"Showing {len(rows)} of {len(files):,} files. The others have {plural(rest, 'line')}."
        lines += screen.wrap(note, style=DIM)
    return join_lines(lines)


def _row(file: FileDiagnosis) -> tuple[Cell, ...]:
    problems = file.problems
    return (
        Cell(plain_line(file.path)),
        Cell("" if file.rank is None else str(file.rank)),
        Cell(f"{file.diagnosis.lines:,}"),
        Cell(str(problems), BOLD_RED if problems else ""),
    )
