"""Recognise a training that ended at once because it had no samples, batches or labels: no line is an error."""

import re
from collections.abc import Sequence

from bot.diagnosis.failures.ends.failed_end import MAX_ROWS, ROW_CHARS, LogEnd, last_index
from bot.diagnosis.failures.ends.last_words import EndRow
from bot.diagnosis.failures.epilogues import is_epilogue
from bot.diagnosis.failures.life_signs import LifeKind
from bot.diagnosis.findings import Failure
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.fingerprints import failure_fingerprint
from bot.diagnosis.reading.plain_message import cut_around
from bot.diagnosis.training.progress import parse_sample
from bot.domain.alerts import Severity
from bot.domain.regex import compile_pattern

NO_DATA = "no_training_data"
"""The name of such failures."""
LAST_ROWS = 6
"""Number of the last lines of which one states an end."""
CONTEXT_ROWS = 3
TITLE_CHARS = 100
_PARTS = (
    r"(?:samples?|examples?|images?|files?|records?|rows?|items?|utterances?|documents?|sequences?|tokens"
    r"|shards?|batch(?:es)?"
    r"|trajector(?:y|ies)|transitions?|episodes|sentences?|instances?|videos?|clips?|graphs?|pairs?|labels?"
    r"|annotations?"
    r"|observations?|data ?points?|hours|(?:optimization |training )?steps(?: per epoch)?|iterations per epoch"
    r"|epochs completed)"
)
_KIND = r"(?:(?:train(?:ing)?|labell?ed|valid|usable|matching|audio|text|sentence|input|data|total) ){0,2}"
_NO_DATA = (
    r"\b(?:data ?set|corpus|split|manifest|data ?loader|training set|train set|batch sampler)\b.{0,60}\b(?:is"
    r"|was|are) empty\b"
    r"|\bempty (?:train\w* )?(?:data ?set|data ?loader|loader|corpus|manifest|training set)\b"
    rf"|\bno (?:train(?:ing)?|usable|valid|labell?ed) (?:data|{_PARTS})\b|\bno labels found\b|\bno batches\b"
    rf"|\bno (?:data|{_PARTS}) (?:left|found|remain\w*|to (?:train|learn|fit))\b|\bnothing to (?:train|learn|fit)\b"
)
_EMPTY = re.compile(
    rf"(?i)(?<![\w.,/:])0 {_KIND}{_PARTS}\b(?! (?:were |was |are |have been |to )?(?:filtered|skipped|dropped"
    rf"|removed|failed"
    r"|corrupt\w*|ignored|discarded|excluded|left|remaining|missing|invalid|duplicate\w*|truncated"
    r"|from (?:the )?cache|retr\w+"
    r"|with errors|for warm|in (?:the )?cache))"
    rf"|\b(?:num(?:ber)?(?: of)?|total|#|n)?[ _]?{_KIND}{_PARTS}(?: \w+){{0,3}}\s?[:=]\s?0\s*(?:$|[,;)}}(])"
    rf"|{_NO_DATA}"
)
_OF_OTHERS = re.compile(
    r"(?i)\b(?:val(?:id(?:ation)?)?|eval\w*|test\w*|dev|adapters?|lora|new|already|resum\w+|remaining"
    r"|up to date|warm-?up"
    r"|extra|ignoring|skipp(?:ed|ing) val)\b|from (?:the )?cache"
)
"""Data that a training can do without, and work that was done before."""
_FULL = re.compile(rf"(?i)(?<![\w.,/])[1-9][\d,]*(?: \w+)? {_PARTS}\b|\b{_PARTS}\s?[:=]\s?[1-9]")
_FULL_COUNT = re.compile(rf"(?i)\bnumber of (?!{_KIND}{_PARTS})(?:\w+ ){{1,3}}{_PARTS}\s?: [1-9]")
"""A count of one kind of data, such as `Number of intent examples: 69`: the lack of another kind need not matter."""
_LOST = re.compile(
    r"(?i)\b(?:filter\w*|skipp\w*|dropp\w*|remov\w*|discard\w*|exclud\w*|invalid|backgrounds?|too (?:short"
    r"|long)|removed"
    r"|rejected|ignored|param\w*|per (?:device|gpu|batch|epoch)|batch size)\b"
)
_DONE = re.compile(
    r"(?i)\b(?:finished|done|stopped|complete[d]?|saved|wrote|written|nothing to (?:do|train|learn|fit)"
    r"|skipping training"
    r"|(?:exit|return)(?:ed)? ?(?:with )?(?:code|status)?[ :=]{1,2}0|train_runtime|ended|exiting|returned after"
    r"|goodbye|bye)\b"
)
_PAST = re.compile(
    r"(?i)\b(?:resum(?:ed|ing)|already (?:complete|trained|done)|up to date|no new|new documents|remaining)\b"
)
_MAY_BE_EMPTY = compile_pattern(
    rf"(?im)(?:^|[^\w.,/])0 {_KIND}{_PARTS}\b|{_PARTS}(?: \w+){{0,3}}\s?[:=]\s?0(?:[^\w.]|$)|{_NO_DATA}".encode()
)
"""The same without what the text around it excludes."""
_HINT = (
    "Check the path of the training data, its format and every filter: the run found no training data and ended"
    " at once."
    " An empty dataset or manifest is not an error for most frameworks."
    " https://docs.pytorch.org/docs/stable/data.html"
)


def find_empty_data(end: LogEnd, *, is_whole: bool) -> Failure | None:
    """Report that a run had no data to train on.

    Args:
        end: the end of the log.
        is_whole: whether it is the whole log; otherwise nothing must have trained before.
    """
    if end.has_trained and not is_whole:
        return None
    text = end.before + end.text
    if not _MAY_BE_EMPTY.contains(text):
        return None
    rows = end.with_before().rows(MAX_ROWS)
    rows = rows[: last_index(rows, lambda row: not is_epilogue(row.text)) + 1]
    found = [row for row in rows if _is_empty(row.text)]
    if not found or not any(_DONE.search(row.text) for row in rows[-LAST_ROWS:]):
        return None
    if any(_shows_work(row) for row in rows) or any(_is_full(row.text) for row in rows if row.number > found[0].number):
        return None
    if any(_FULL_COUNT.search(row.text) for row in rows if abs(row.number - found[0].number) <= CONTEXT_ROWS):
        return None
    return _report(rows, found[0])


def _is_empty(text: str) -> bool:
    return _EMPTY.search(text) is not None and _OF_OTHERS.search(text) is None


def _is_full(text: str) -> bool:
    return _FULL.search(text) is not None and _LOST.search(text) is None and not _is_empty(text)


def _shows_work(row: EndRow) -> bool:
    """Does a line show that the run trained, that it had before, or that it is a server?"""
    if _PAST.search(row.text) or row.kind is LifeKind.ANSWERED:
        return True
    if _is_empty(row.text):
        return False
    sample = parse_sample(row.text)
    return sample is not None and not sample.is_evaluation and bool(sample.loss or sample.step)


def _report(rows: Sequence[EndRow], root: EndRow) -> Failure:
    shown = [row for row in rows if abs(row.number - root.number) <= CONTEXT_ROWS]
    text = root.text.strip()
    return Failure(
        severity=Severity.PAGE, category="data", signature=NO_DATA,
        title=f"No training data: {cut_around(text, 0, TITLE_CHARS)}", hint=_HINT, line=root.number,
        excerpt=tuple(cut_around(row.raw.rstrip(), 0, ROW_CHARS) for row in shown), root_index=shown.index(root),
        signs=("weak",), fingerprint=failure_fingerprint(NO_DATA, "", text),
        why="The run ended without a step.", precedence=Precedence.ABORT,
    )  # fmt: skip
