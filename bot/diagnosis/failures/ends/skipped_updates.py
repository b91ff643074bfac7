"""Recognise a run that skips every update because its gradients or losses are not finite: it learns nothing any more.

One skipped update in a hundred does no harm, and the log has a line for each. That every one is skipped shows in their
steps, which follow each other, in their number between two lines of progress, or in their times, which are as regular
as steps are.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import fmean, pstdev

from bot.diagnosis.failures.ends.last_words import EndRow
from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.prefixes import parse_timestamp
from bot.diagnosis.training.progress import parse_sample
from bot.domain.alerts import Severity

MAX_ROWS = 60
MIN_SKIPPED = 8
"""Number of skipped updates that show a rule."""
LAST_ROWS = 4
"""Number of the last lines among which the newest one is."""
MIN_SHARE = 0.8
"""Share of the steps between two lines of progress."""
MAX_DEVIATION = 0.4
"""Standard deviation of the times between them, relative to their mean; of those at random it is 1."""
_NOT_FINITE = re.compile(r"(?i)(?<![a-z])(?:nans?|infs?|infinite|non-?finite|not finite)(?![a-z])")
_SKIPS = re.compile(
    r"(?i)\b(?:skip(?:s|ped|ping)?|discard(?:ed|ing)?|dropp(?:ed|ing)|not (?:updating|applying|applied|taking))\b"
    r".{0,60}\b(?:updates?|updating|steps?|batch(?:es)?|iterations?|optimi[sz]er|gradients?|model)\b"
    r"|\b(?:update|step|batch|iteration)\b.{0,40}\b(?:skipped|discarded|dropped|not applied)\b"
    r"|\b(?:skipped|discarded)\W*$"
)
_SCALES = re.compile(r"(?i)\bscal(?:e|er|ing)\b|\boverflow")
"""A loss scaler skips updates until it has found its scale."""
_STEP = re.compile(r"(?i)\b(?:global[ _]step|step|iter(?:ation)?|update|batch)\b\W{0,3}(\d{1,12})\b")


def report_skipped_updates(found: Sequence[Failure], last_rows: Callable[[], Sequence[EndRow]]) -> list[Failure]:
    """Report skipped updates as a failure if every update at the end of the log is skipped.

    Args:
        found: what the log contains.
        last_rows: returns its last lines.
    """
    skips = [one for one in found if one.category == "numerics" and _is_skip(one.decisive_text)]
    if not skips or not skips_every_update(last_rows()):
        return list(found)
    why = "Every update at the end of the log is skipped: the run learns nothing."
    return [replace(one, severity=Severity.PAGE, why=why) if one is skips[0] else one for one in found]


def skips_every_update(rows: Sequence[EndRow]) -> bool:
    """Do the last lines of a log show that no update is made any more?"""
    rows = rows[-MAX_ROWS:]
    skipped = [row for row in rows if _is_skip(row.text)]
    if not skipped or skipped[-1].number < rows[-min(LAST_ROWS, len(rows))].number:
        return False
    skipped = [row for row in skipped if row.label == skipped[-1].label]
    steps = sorted({int(found[1]) for row in skipped if (found := _STEP.search(row.text))})
    if len(steps) >= MIN_SKIPPED:
        return all(after - before == 1 for before, after in pairwise(steps[-MIN_SKIPPED:]))
    logged = [
        (row, sample) for row in rows if not _is_skip(row.text) and (sample := parse_sample(row.text)) is not None
    ]
    before = [sample for row, sample in logged if row.number < skipped[0].number][-1:]
    samples = [sample for row, sample in logged if row.number > skipped[0].number]
    reached = [sample.step for sample in (*before, *samples) if sample.step is not None]
    if samples and len(set(reached)) > 1:
        return len(skipped) >= max(MIN_SKIPPED, MIN_SHARE * (reached[-1] - reached[0]))
    return len(samples) <= 1 and _are_regular(skipped)


def _is_skip(text: str) -> bool:
    is_skip = _NOT_FINITE.search(text) is not None and _SKIPS.search(text) is not None
    return is_skip and _SCALES.search(text) is None


def _are_regular(rows: Sequence[EndRow]) -> bool:
    times = [time.ns for row in rows if (time := parse_timestamp(row.raw)) is not None]
    gaps = [after - before for before, after in pairwise(times)]
    return len(times) >= MIN_SKIPPED and fmean(gaps) > 0 and pstdev(gaps) < MAX_DEVIATION * fmean(gaps)
