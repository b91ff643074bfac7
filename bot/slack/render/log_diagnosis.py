"""The diagnosis of a log that a person pasted or uploaded, as a message."""

from bot.commands.answers import LogDiagnosis
from bot.diagnosis.findings import Failure
from bot.domain.alerts import Severity
from bot.domain.wording import plural
from bot.rules.diagnosis_wording import describe_progress
from bot.rules.nothing_found import describe_nothing_found, lines_to_show
from bot.slack.render.blocks import context, row_sections, section
from bot.slack.render.diagnosis import MAX_IN_FULL, failure_blocks, last_line_blocks, title_row
from bot.slack.render.icons import NOTE, SEVERITY_ICONS
from bot.slack.render.message import BLOCKS_BUDGET, Message, message, weight
from bot.slack.render.text import code, escape, one_line

_MAX_NAMED = 5


def render_log_diagnosis(answer: LogDiagnosis) -> Message:
    """The failures in the log, worst first, else its last lines; the run's progress; what was read."""
    diagnosis = answer.diagnosis
    problems = [one for one in diagnosis.failures if one.severity is not Severity.INFO]
    notes = [one for one in diagnosis.failures if one.severity is Severity.INFO]
    progress = describe_progress(diagnosis.progress, is_running=False)
    head = [_headline(answer, problems), f"Last logged: {escape(progress)}." if progress else ""]
    first = section("\n".join(line for line in head if line))
    rest = [
        *row_sections([title_row(one) for one in [*problems[MAX_IN_FULL:], *notes]], 1200, "note"),
        *last_line_blocks(lines_to_show(diagnosis, has_ended=True, lines=diagnosis.lines), diagnosis.last_lines),
        context(_small_print(answer, problems)),
    ]
    failures = failure_blocks(problems[:MAX_IN_FULL], None, BLOCKS_BUDGET - weight([first, *rest]))
    return message(_alt_text(answer, problems), [first, *failures, *rest])


def _headline(answer: LogDiagnosis, problems: list[Failure]) -> str:
    pages = sum(one.severity is Severity.PAGE for one in problems)
    warnings = len(problems) - pages
    of = f" in {_names(answer)}" if answer.names else " in this log"
    if not problems:
        found = describe_nothing_found(answer.diagnosis.lines, answer.diagnosis.last_lines)
        return f"{NOTE} {found}"
    counts = [plural(pages, "problem") if pages else "", plural(warnings, "warning") if warnings else ""]
    return f"{' and '.join(count for count in counts if count)} found{of}."


def _names(answer: LogDiagnosis) -> str:
    if len(answer.names) > _MAX_NAMED:
        return plural(len(answer.names), "file")
    return ", ".join(code(name, 80) for name in answer.names)


def _alt_text(answer: LogDiagnosis, problems: list[Failure]) -> str:
    of = one_line(answer.names[0], 80) if len(answer.names) == 1 else "the log"
    if not problems:
        return f"{of}: {describe_nothing_found(answer.diagnosis.lines, answer.diagnosis.last_lines)}"
    more = f" and {plural(len(problems) - 1, 'other problem')}" if len(problems) > 1 else ""
    return f"{SEVERITY_ICONS[problems[0].severity]} {of}: {one_line(problems[0].title, 300)}{more}."


def _small_print(answer: LogDiagnosis, problems: list[Failure]) -> list[str]:
    lines = plural(answer.diagnosis.lines, "line")
    return [
        f"{lines} read" if problems or not answer.names else f"{lines} of {_names(answer)} read",
        *(_place(one) for one in problems[:1]),
        f"{plural(answer.redacted, 'secret')} hidden" if answer.redacted else "",
        *(one_line(note, 400) for note in answer.notes),
    ]


def _place(failure: Failure) -> str:
    """Where the first failure is in the log."""
    return f"the cause is in line {failure.line:,}" + (f" of {code(failure.file, 80)}" if failure.file else "")
