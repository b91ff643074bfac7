"""Recognise failures at the end of a log that no line states as an error.

These are a traceback that is cut off after its `raise` statement, trials of a study that all failed, and epochs without
a step.
"""

import re
from collections.abc import Sequence

from bot.diagnosis.categories import Category
from bot.diagnosis.failures.candidates import FAILED_END
from bot.diagnosis.failures.category_evidence import FailureText, weigh_category
from bot.diagnosis.failures.category_hints import HINTS
from bot.diagnosis.failures.ends.empty_data import NO_DATA
from bot.diagnosis.failures.ends.failed_end import ROW_CHARS, LogEnd
from bot.diagnosis.failures.ends.last_words import EndRow
from bot.diagnosis.findings import Failure
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.fingerprints import failure_fingerprint
from bot.diagnosis.reading.plain_message import cut_around
from bot.domain.alerts import Severity

MAX_ROWS = 60
CONTEXT_ROWS, RAISE_ROWS = 3, 14
TITLE_CHARS = 100
MIN_EPOCHS = 4
"""Number of epochs without a step from which a run computes nothing."""
_RAISE = re.compile(r"raise (?P<kind>[A-Z][\w.]*(?:Error|Exception))\((?P<rest>.*)")
_STRING = re.compile(r"[frbu]{0,2}\"([^\"]*)\"|[frbu]{0,2}'([^']*)'")
_FRAME = re.compile(r'File "[^"]+", line \d+, in \w')
_CONTINUED = re.compile(
    r"[\s~^]*$|\s*[frbu]{0,2}[\"'].*|\s*(?:%|\+|\.format\().*|\s*\)+$|.{0,80}\d\d:\d\d:\d\d\]?$|\W*\d{1,2}-\d{1,2}$"
)
_TRIAL = re.compile(r"^\s*- \S+:\s+(?P<state>ERROR|RUNNING|PENDING|TERMINATED|PAUSED)\b")
_COUNT = re.compile(r"(?i)\btrials?\b[^\n(]{0,40}\((?P<count>\d+) (?:ERROR|FAILED)\)\s*$")
_EPOCH = re.compile(r"(?i)\bepochs?\W{0,3}(\d+)")
_NO_STEP = re.compile(
    r"(?i)\b(?:gs|steps?|global_step|batch(?:es)?|iter(?:ation)?s?)\s?[=:]\s?0\b(?![./])"
    r"|\b0it\b|\b0/0\b|\b0 (?:steps|batches)\b"
)
_NO_LOSS = re.compile(r"(?i)\bloss\W{1,4}(?:n/?a|none|null)\b|\b0it\b|\b0/0\b|\b0 (?:steps|batches)\b")
_LOSS = re.compile(r"(?i)loss\w*[\s=:]{1,3}-?\d")
_TRIAL_HINT = (
    "Read the error file of the first trial: all trials failed, and this log lacks the cause."
    " https://docs.ray.io/en/latest/tune/index.html"
)
_EPOCH_HINT = (
    "Check the path, the format and the filters of the data: the epochs have no step, so no batch was read."
    " A batch larger than the dataset gives none as well. https://docs.pytorch.org/docs/stable/data.html"
)
_RAISE_HINT = (
    "Read the message in the marked statement. The log ends before the exception line."
    " https://docs.python.org/3/library/exceptions.html"
)


def find_stated_end(end: LogEnd) -> Failure | None:
    """Report a raise statement, failed trials or empty epochs at the end of a log; None without."""
    text = end.before + end.text
    if b"raise " not in text and b"rials" not in text and b"poch" not in text:
        return None
    rows = end.with_before().rows(MAX_ROWS)
    return _find_raise(rows) or _find_trials(rows) or _find_epochs(rows)


def _find_raise(rows: Sequence[EndRow]) -> Failure | None:
    """Find the statement that raised the exception with which a log ends inside a traceback."""
    for index in range(len(rows) - 1, max(0, len(rows) - RAISE_ROWS), -1):
        found = _RAISE.search(rows[index].raw)
        if found is None:
            continue
        after = rows[index + 1 :]
        if after and rows[-2].raw.startswith(after[-1].raw.rstrip()):
            after = after[:-1]  # cut off within its prefix
        if not _FRAME.search(rows[index - 1].raw) or not all(_CONTINUED.match(row.text) for row in after):
            return None
        parts = [found.group("rest"), *(row.raw for row in after)]
        message = "".join(one or two for part in parts for one, two in _STRING.findall(part))
        if not message:
            return None
        kind = found.group("kind")
        category = weigh_category(FailureText(message, kind)).category
        hint = HINTS.get(category, _RAISE_HINT)
        return _report(
            rows, rows[index], FAILED_END, category, hint, f"{kind}: {message}", "The log ends inside its traceback."
        )
    return None


def _find_trials(rows: Sequence[EndRow]) -> Failure | None:
    """Find the first failed trial in the newest list of trials, if all of them failed."""
    listed = [(row, found.group("state")) for row in rows if (found := _TRIAL.match(row.raw))]
    if not listed or any(state != "ERROR" for _, state in listed) or listed[-1][0] is not rows[-1]:
        counted = rows[-1:] if rows and _COUNT.search(rows[-1].raw) else []
    else:
        counted = [listed[0][0]]
    if not counted:
        return None
    why = "All trials that the log lists failed."
    return _report(
        rows, counted[0], FAILED_END, "code", _TRIAL_HINT, f"All trials failed: {counted[0].text.strip()}", why
    )


def _find_epochs(rows: Sequence[EndRow]) -> Failure | None:
    """Find the first of the epochs with which a log ends that have neither a step nor a loss."""
    empty = [row for row in rows if _is_empty_epoch(row.raw)]
    epochs = {found.group(1) for row in empty if (found := _EPOCH.search(row.raw))}
    if len(epochs) < MIN_EPOCHS or any(_LOSS.search(row.raw) for row in rows) or not _is_empty_epoch(rows[-1].raw):
        return None
    title = f"No training data: {empty[0].text.strip()}"
    return _report(rows, empty[0], NO_DATA, "data", _EPOCH_HINT, title, "Its epochs end without a step.")


def _is_empty_epoch(text: str) -> bool:
    return bool(_EPOCH.search(text) and _NO_STEP.search(text) and _NO_LOSS.search(text))


def _report(
    rows: Sequence[EndRow], root: EndRow, name: str, category: Category, hint: str, title: str, why: str
) -> Failure:
    shown = [row for row in rows if abs(row.number - root.number) <= CONTEXT_ROWS]
    return Failure(
        severity=Severity.PAGE, category=category, signature=name, title=cut_around(title, 0, TITLE_CHARS), hint=hint,
        line=root.number, excerpt=tuple(cut_around(row.raw.rstrip(), 0, ROW_CHARS) for row in shown),
        root_index=shown.index(root), signs=("weak",), fingerprint=failure_fingerprint(name, "", root.text.strip()),
        why=why, precedence=Precedence.ABORT,
    )  # fmt: skip
