"""Series of jobs in one log: sweeps, stages of a pipeline, targets of a build, several runs of a script."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.diagnosis.failures.cpu_use import DEVICE_STATED

MIN_FALLEN = 3
"""Number of steps or epochs far below those before a success that show that another run began."""
NEXT_PART, SERIES_FAILED = "start_next_part", "series_failed"
"""Signatures of the start of the next job, and of the report that a job failed the whole."""
UPLOADED, MODEL_LOADED = "upload_done", "start_model"
"""Signatures of an upload that works, after others failed, and of a model that a server has loaded."""
_OF_END = re.compile(
    r"(?i)\b(?:fail\w*|finish\w*|done|completed?|completion|errors?|errored|crash\w*|abort\w*|took|skipp\w*|succe\w+|killed)\b"
)


@dataclass(slots=True)
class NextRun:
    """What shows that a run began after another one had reported success."""

    line: int = 0
    """Number of the newest line that starts a job of a series; 0 if there is none."""
    newest: float = 0
    """The newest step or epoch of the run before."""
    fallen: int = 0
    """Number of steps or epochs since its success that are far below it."""

    def begins(self, number: float | None, *, after_success: str) -> bool:
        """Record the step or epoch of a progress line; return whether such numbers show another run."""
        if number is None:
            return False
        if not after_success:
            self.newest, self.fallen = number, 0
            return False
        self.fallen += number < self.newest / 2
        return self.fallen >= MIN_FALLEN

    def own_texts(self, texts: Sequence[str], line: int) -> Sequence[str]:
        """Return those of the texts before a line, oldest first, that are of its own job in the series."""
        return texts[-max(1, line + 1 - self.line) :] if self.line else texts


def is_start(name: str, text: str) -> bool:
    """Does a line with the signature of a start begin work, not state a device, an upload, a model or an end?"""
    return name not in (DEVICE_STATED, UPLOADED, MODEL_LOADED) and (name != NEXT_PART or _OF_END.search(text) is None)
