"""Find what a hint refers to: a line that names the file, host, device, rank or amount of memory.

A hint such as "check the named file" is only of use with the line that has the name, which is often an ERROR line
before the exception. Signatures declare what their hint refers to in `names`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from bot.diagnosis.catalogue import HintSubject
from bot.diagnosis.training.progress import parse_sample
from bot.domain.levels import stated_level
from bot.domain.logs import Level
from bot.domain.regex import compile_pattern

_DATA_FILE = (
    r"[\w-]\.(?:jsonl?|parquet|arrow|csv|tsv|txt|tar|rec|idx|bin|npy|npz|h5|hdf5|tfrecord|lmdb|pt|pth|ckpt|safetensors"
    r"|ya?ml|toml|jpe?g|png|webp|mp[34]|wav|flac|zip|gz|zst|bz2|xz)\b"
)
_PATTERNS: Mapping[HintSubject, re.Pattern[str]] = {
    "file": re.compile(
        rf"{_DATA_FILE}|\b(?!https?:)[a-z][a-z0-9+.-]{{1,9}}://\S|(?<![\w./:])(?:~|\.{{1,2}})?/[\w.@+-]+/[\w.@+-]"
        r"|[A-Za-z]:\\\w|['\"`]\.{0,2}/[^'\"`\s]+['\"`]"
        r"|(?i:\b(?:file|shard|path|sample|record|key|bucket|object))[ =:]+['\"`][^'\"`]+['\"`]"
    ),
    "host": re.compile(
        r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\[[0-9a-f:]{3,}\]:\d+|\b(?!\S*\.(?:py|cc|cpp|cu|h|hpp|go|rs):)[A-Za-z][\w.-]*:\d{3,5}\b"
        r"|(?i:\b(?:host(?:name)?|node|peer|server|address|endpoint|url)s?[ =:'\"`]+(?=[\w.-]*[\d.])[\w.-]+)|\bhttps?://\S"
    ),
    "device": re.compile(
        r"(?i)\bgpus?[ :#=]*(?:node-)?\d|\bcuda:\d|\bpci:[0-9a-f]|\b[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\b|\bmlx5_\d"
        r"|\bnvme\d|/dev/\w|\bdevice[ :=#]+\d"
    ),
    "rank": re.compile(r"(?i)\b(?:rank|task|worker|process)s?[ :=\[#(]+\d|/task:\d"),
    "amount": re.compile(r"(?i)\b\d+(?:\.\d+)?\s?(?:[kmgt]i?b|bytes)\b|\b(?:shape|size)[ =:]*[\[(]\d"),
    "assertion": re.compile(r"\bAssertion .+ failed"),
    "name": re.compile(r"['\"`][\w.@/:-]+['\"`]|\b[\w.-]+\.so\b"),
}
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
MIN_CLAUSE = 24
"""A clause at the end of a message with this number of characters is the same statement in another message."""
REPEATED_CHARS = 40
"""A message whose last characters an exception contains is that exception's."""
_COMPLAINT = compile_pattern(
    r"(?i)corrupt|fail|error|cannot|could not|couldn't|can't|unable|invalid|truncated|missing|denied|refused"
    r"|unreachable|timed? ?out|not found|no such|bad |broken|exceed"
)
_BAR_BEFORE = re.compile(r"^.*?\d+%\|[^\[]*\[[^\]]*(?:it/s|s/it)[^\]]*\]\s*(?=\S{4})")
_BAR = re.compile(r"\d+%\||\d(?:it/s|s/it)\b")


def without_bar(text: str) -> str:
    """Return the text after a progress bar that shares its line, as bars do with what a program prints next."""
    found = _BAR_BEFORE.match(text)
    return f"\u2026 {text[found.end() :]}" if found else text


def names_subject(subject: HintSubject, text: str) -> bool:
    """Does a line name what a hint refers to? Never if the hint refers to nothing."""
    pattern = _PATTERNS.get(subject)
    return pattern is not None and pattern.search(text) is not None


def subject_start(subject: HintSubject, text: str) -> int:
    """Return the index at which a line names the subject; 0 if it does not."""
    pattern = _PATTERNS.get(subject)
    found = pattern.search(text) if pattern else None
    return found.start() if found else 0


def is_complaint(text: str, minimum: Level = Level.ERROR) -> bool:
    """Does a line report an error, or a warning: by its level, or in words where it states none?"""
    level = stated_level(text)
    return level >= minimum if level is not None else _COMPLAINT.contains(text)


def names_failure(text: str) -> bool:
    """Does a line have a word for something that is wrong?"""
    return _COMPLAINT.contains(text)


@lru_cache(maxsize=256)
def is_progress(text: str) -> bool:
    """Is a line only progress: a progress bar, or a step that complains of nothing?"""
    if _BAR.search(text):
        return True
    return not _COMPLAINT.contains(text) and parse_sample(text) is not None


def restates(row: str, text: str, *, is_whole: bool) -> bool:
    """Does a later line end with what the row of a failure states, so that the row says it first?

    Args:
        row: with or without prefixes.
        text: of the later line.
        is_whole: whether it must end with the whole row, as an exception does that has the output of a command.
    """
    end = row.strip() if is_whole else row.strip().rpartition(": ")[2].rstrip(" .\"'")
    is_long = len(end) >= (REPEATED_CHARS if is_whole else MIN_CLAUSE)
    return is_long and _DIGITS.sub("0", text.rstrip(" .\"'")).endswith(_DIGITS.sub("0", end))


def repeats_end(row: str, text: str) -> bool:
    """Does an exception contain the end of the message that was logged before it, and more?"""
    end = row.rstrip(" .")[-REPEATED_CHARS:]
    return len(end) == REPEATED_CHARS and bool(text.partition(end)[2].strip(" ."))
