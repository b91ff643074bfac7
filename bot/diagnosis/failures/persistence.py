"""Tell what persists, or loses work, from what a run got over."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

SKIPPED = frozenset({"data_skipped", "oom_skipped", "update_skipped"})
"""Signatures of data and updates that a run skips."""
MIN_COUNT, MIN_STRETCHES = 5, 2
"""Number of batches, samples or shards that a run skips, and of stretches of progress with some of them, that show
that it does so again and again."""
MAX_SAMPLES_EACH = 3
"""Number of progress lines for each of them, above which they are rare."""
_LOSES = re.compile(r"(?i)\b(?:skip|ignor|dropp|discard|omit|exclud)\w*")
_REFUSED = re.compile(
    r"(?i)\b(?:HTTP(?:Error)? ?)?(?<![\w./:-])40[13]\b(?![./:-])|\bforbidden\b|\baccess ?denied\b|\bunauthori[sz]ed\b"
    r"|\bpermission\b.{0,40}\bdenied\b|\bdoes not have \S+ access\b|\bno ?such ?bucket\b|\bInvalidAccessKeyId\b"
    r"|\bSignatureDoesNotMatch\b|\bExpiredToken\w*|\bAuthorization(?:Failure|PermissionMismatch|Failed)\b"
    r"|\b(?:token|credentials?)\b.{0,30}\b(?:expired|invalid|revoked)\b"
    r"|\bbucket\b.{0,60}\b(?:does not exist|not found)\b"
    r"|\b(?:container|account) (?:being disabled|is disabled|not found)\b|\bread-only token\b"
)
"""What a storage answers if no retry helps."""
_RETRIES = re.compile(r"(?i)\bretr(?:y|ies|ied|ying)\b|\bagain\b|\blater\b|\bqueued\b|\bnext\b")
_COPIES = re.compile(
    r"(?i)\b(?:up-?load|mirror|sync|back-?up|archive|archiving|cop(?:y|ies|ied)|push|transfer|rclone|gsutil|azcopy|rsync)\w*"
    r"|\baws s3 |\b(?:Put|Post|CreateMultipart)\w*(?:Object|Upload|Part)\w*|storage\.objects\.create|\bPUT\b"
)
_ABANDONED = re.compile(
    r"(?i)\b(?:checkpoint|ckpt|snapshot|step[ -_]?\d+|weights|model)\b.{0,40}\b(?:was |is |were )?not "
    r"(?:saved|uploaded|mirrored|copied|synced|archived)\b"
    r"|\b(?:remains?|stays?|kept|left) (?:only )?(?:locally|on (?:local )?disk|(?:in|on|under) /)"
    r"|\blocal copy (?:stays|remains|is kept)\b|\bonly (?:the )?local copy\b"
)
"""States that a copy is not made at all."""


@dataclass(slots=True)
class Repeats:
    """Where in a run a note was repeated."""

    first_line: int = 0
    last_line: int = 0
    first_samples: int = 0
    last_samples: int = 0
    """Number of progress lines before it."""
    stretches: int = 0
    """Number of stretches between progress lines that contain it."""

    def record(self, line: int, samples: int) -> None:
        """Record one line."""
        if not self.stretches:
            self.first_line, self.first_samples = line, samples
        self.stretches += not self.stretches or samples > self.last_samples
        self.last_line, self.last_samples = line, samples

    def persists(self, count: int, end: int | None) -> bool:
        """Was it repeated again and again, until shortly before the end of the log?"""
        has_ended = end is not None and end - self.last_line > self.last_line - self.first_line
        is_rare = (self.last_samples - self.first_samples) > MAX_SAMPLES_EACH * count
        return count >= MIN_COUNT and self.stretches >= MIN_STRETCHES and not is_rare and not has_ended


def loses_work(text: str) -> bool:
    """Does a line say that the run leaves something out, rather than that it tries again?"""
    return _LOSES.search(text) is not None


def is_refused_copy(rows: Sequence[str], root: int) -> bool:
    """Does a storage refuse a copy of files permanently, or does the program give that copy up?

    Args:
        rows: the lines of an excerpt; those next to the refusal may name the copy.
        root: index of the line that states the refusal.
    """
    if not rows:
        return False
    is_abandoned = any(_ABANDONED.search(row) and not _RETRIES.search(row) for row in rows[root : root + 2])
    if not is_abandoned and _REFUSED.search(rows[root]) is None:
        return False
    return any(_COPIES.search(row) for row in rows[max(0, root - 2) : root + 3])


def is_copy(rows: Sequence[str], root: int) -> bool:
    """Does the failure concern a copy of files, which is not part of the training itself?"""
    return any(_COPIES.search(row) for row in rows[max(0, root - 2) : root + 3])
