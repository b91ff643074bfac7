"""Read summaries of a whole: how many of its parts succeeded, its best result, or that it gave up.

The words are those of studies, sweeps, searches, test harnesses and pools of workers of any framework.
"""

import enum
import re
from collections.abc import Sequence

from bot.diagnosis.failures.frames import LineKind, line_kind

_GOOD = r"(?:succeed(?:ed)?|success(?:es|ful(?:ly)?)?|pass(?:ed)?|complete[d]?|finished|converted|ok)"
_PARTLY = r"(?:done|evaluated|processed|scored|solved|handled|written|stored)"
"""What lines in the midst of the work count, too."""
_BAD = (
    r"(?:fail(?:ed|ures?)?|crash(?:ed|es)?|error(?:ed|s)?|lost|aborted|broken|dead|killed|timed[- ]out|skipped|invalid)"
)
_UNIT = r"(?:[a-z]+ ){0,2}?(?:were |are |have |has )?"
_SHARE = re.compile(
    r"(?i)(?<!\b(?:run|job|try) )(?<!\b(?:fold|task|part|step|item) )(?<!\btrial )"
    rf"(?<![\w.])(\d{{1,9}}) ?(?:/|of|out of) ?(\d{{1,9}}) {_UNIT}(?:({_GOOD})|({_PARTLY})|{_BAD})\b"
)
"""A share of the parts: `9 of 10 trials finished`."""
_COUNT = re.compile(
    rf"(?i)(?<![\w.])(\d{{1,9}}) {_UNIT}(?:({_GOOD}|{_PARTLY})|{_BAD})\b"
    rf"|\b(?:({_GOOD}|{_PARTLY})|{_BAD})[:=] ?(\d{{1,9}})\b"
)
"""A number of parts: `11 finished`, `failed: 1`."""
_TRIALS = re.compile(r"\btrials: (\d+)/\1 \(\1 TERMINATED\)")
"""All trials of a study in Ray, none of them with an error."""
_TESTS = re.compile(r"(?i)\bpass(?:ed)?\b")
_TESTS_OK = re.compile(r"^OK(?: \(.*)?\W*$")
_SUITE = re.compile(
    r"^=+ .*\b[1-9]\d* (?:failed|errors?)\b.* in [\d.]+ ?s|\bok=\d+ .*\bfailed=[1-9]|\bFAILED\b(?! *\]?[ :=]*0\b)"
)
"""Of a suite of tests, which fails with any of them."""
MIN_RATIO = 2
"""Number of parts that succeeded for each that failed or was skipped, from which on the whole has succeeded."""
_POSITION = re.compile(r"(?i)\b(?!only|with|and|but|while|total)[a-z]+ $")
"""Before `3/20 failed`, the name of what has this number: no count of failures."""
_MEMBERS = re.compile(
    r"(?i)\b(?:ranks?|processes|nodes?|hosts?|gpus?|devices?|replicas?|pods?|stages?|steps?|checks?)\b"
)
"""What a whole cannot go on without."""
_BEST = re.compile(
    r"(?i)\bbest (?:\w+ ){0,2}(?:trials?|runs?|param\w*|hyper-?param\w*|config\w*|candidates?|estimators?|pipelines?"
    r"|combinations?|settings?|individuals?|values?|learners?|leaderboard)\b|\bleaderboard\b"
    r"|\brefit (?:done|finished|complete)"
    r"|\b(?:mean|average|avg|overall|cross[- ]validat\w+|cv) (?:\w+ ){0,2}"
    r"(?:score|accuracy|acc|auc|f1|rmse|mae|metric)\b.*\d"
    r"|\b(?:results?|reports?|summary|predictions|metrics) (?:\w+ ){0,2}(?:written|saved|exported|uploaded) (?:to|in)\b"
)
_CRASH = re.compile(r"(?i)\b(?:crash|(?<!\d )error|failure|bug|core|stack|trace|diagnos\w*|incident|partial|so far)\b")
"""Of the reports that a program writes when it fails."""
_LOST = re.compile(
    r"(?i)\b(?:giving|gave|give) up\b|\btoo many (?:\w+ )?(?:failures|errors|restarts|retries|crashes)"
    r"|\ball (?:\d+ )?(?:\w+ )?(?:trials|runs|fits|folds|workers|jobs|tasks|replicas|attempts|candidates|parts)"
    r" (?:have |were |are )?(?:failed|crashed|errored|aborted|lost)\b"
    r"|\b(?:sweep|study|search|pipeline|workflow|experiment|suite|build|campaign) (?:has |was |is )?"
    r"(?:failed|aborted|crashed|errored)\b|\babort(?:ing|ed)\b|\bno (?:trial|run|best|successful|result)\w*\b"
    r"|\bfail[-_ ]fast\b|\b(?:kill|cancel|terminat)(?:l?ing|l?ed) (?:all |the )?(?:running|remaining|pending|other)"
    r" (?:tasks|jobs|workers|processes)"
)
_FAILED = re.compile(
    r"(?i)\b(?:job|run|training|evaluation) (?:has |was |is )?(?:failed|aborted|crashed|errored)\b"
    r"|\b(?:exit(?:ed|ing)?(?: with)?|return(?:ed|s)?) ?(?:code|status)?[ :=]+[1-9]\d{0,2}\b|\bnon-?zero\b"
    r"|\b(?:unreachable=[1-9]|unreachable=0 +failed=[1-9])"
)
_WHOLE = re.compile(
    rf"(?i)(?<![\w.])([1-9]\d{{0,8}}) ?(?:/|of|out of) ?(\d{{1,9}})\b.*\b(?:{_GOOD}|{_PARTLY}|saved|uploaded)\b"
)
_STORED = r"(?:written|saved|exported|uploaded|stored|registered|published)"
_ARTIFACT = re.compile(
    r"(?i)\b(?:models?|adapter|weights|manifest|tables?|datasets?|results?|reports?|predictions|embeddings|index|outputs?"
    rf"|artifacts?|features|everything|all \w+)\b.{{0,60}}\b{_STORED}\b"
    rf"|\b(?:wrote|{_STORED})\b.{{0,40}}(?:\.\w{{2,11}}\b|://|\b(?:model|results?)\b)"
)
_INTERIM = re.compile(
    r"(?i)check-?points?|\bckpts?\b|\bck/|\bbest\b|\bsteps?\b|\bepochs?\b|\biter\w*|\bemergency\b|\bcache[ds]?\b"
)
"""What a run saves in the midst of its work."""
LAST_LINES_OF_WORK, MAX_LINES_OF_WORK = 8, 40
"""Number of lines before a failure in which the end of the work is reported: without tracebacks, and with them."""


def completes_work(lines: Sequence[str]) -> bool:
    """Do the last of these lines, oldest first, report that all parts are done or that the results are saved?"""
    last = [text for text in lines[-MAX_LINES_OF_WORK:] if line_kind(text) is LineKind.OTHER][-LAST_LINES_OF_WORK:]
    counts = (found for found in map(_WHOLE.search, last) if found is not None)
    is_whole = any(found.group(1) == found.group(2) != "1" for found in counts)
    return is_whole or any(_ARTIFACT.search(text) and not _INTERIM.search(text) for text in last)


class SummaryKind(enum.Enum):
    """What a summary says about the whole."""

    GOOD = enum.auto()
    """Most of its parts succeeded, and some failed."""
    COMPLETE = enum.auto()
    """All of its parts succeeded, so this says nothing about the one that failed."""
    RESULT = enum.auto()
    """It has a result, such as the best of several."""
    BAD = enum.auto()
    LOST = enum.auto()
    """It gave up."""


def read_summary(text: str) -> SummaryKind | None:
    """Read a line without its prefixes; None if it is not a summary."""
    if _LOST.search(text):
        return SummaryKind.LOST
    good, bad, total = _count_parts(text)
    if bad > good >= 0 or (total and not good) or _FAILED.search(text) or _SUITE.search(text):
        return SummaryKind.BAD
    is_count = good > 0 and (good >= MIN_RATIO * bad >= 0 or good >= total > 0 or _TESTS.search(text) is not None)
    if is_count or _TESTS_OK.search(text) or _TRIALS.search(text):
        return SummaryKind.GOOD if bad > 0 else SummaryKind.COMPLETE
    return SummaryKind.RESULT if _BEST.search(text) and not _CRASH.search(text) else None


def _count_parts(text: str) -> tuple[int, int, int]:
    """Return how many parts succeeded, how many failed (-1 if that is not stated), and the total (0)."""
    good, bad, total = -1, -1, 0
    for found in _SHARE.finditer(text):
        count, total = int(found.group(1)), int(found.group(2))
        if found.group(3) or found.group(4):
            good = max(good, count)
            bad = max(bad, total - count) if found.group(3) and 2 * count >= total else bad
        elif _POSITION.search(text, 0, found.start()) is None:
            good, bad = max(good, 0 if _MEMBERS.search(found.group(0)) else total - count), max(bad, count)
    for found in _COUNT.finditer(_SHARE.sub("", text)):
        count = int(found.group(1) or found.group(4))
        if found.group(2) or found.group(3):
            good = max(good, count)
        else:
            bad = max(bad, 0) + count
    return good, bad, total
