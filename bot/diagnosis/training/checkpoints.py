"""Read which checkpoint a run saved last, from the lines that announce or confirm a save.

Where a log tells the two apart, only confirmed saves count. Where it only announces saves, a save counts once the run
has trained on after it.
"""

import re
from dataclasses import dataclass

from bot.domain.durations import datetime_from_ns
from bot.domain.progress import Checkpoint

CHECKPOINT = (
    r"(?i:sav(?:ed?|ing)\b[^\n]*(?:checkpoint|ckpt|global_step|(?:model|state|weights)\b[^\n]*\b(?:to|in) )"
    r"|(?:checkpoint|ckpt)[^\n]*(?:\bsaved\b|written|is ready|finali[sz]|commit))"
)
"""The page filter for lines about saves; it also finds lines that are not."""

_DONE = re.compile(r"\b(?:saved|wrote|written|committed|is ready now|finali[sz]\w* (?:checkpoint|to)|finished)\b")
_BEGINS = re.compile(
    r"\bsaving\b|\bstart\w* (?:to )?sav\w+|\bpreparing to save\b|\bsave (?:the )?(?:model )?checkpoint\b"
)
_SUBJECT = re.compile(r"checkpoint|ckpt|global_?step|\b(?:model|state|weights|snapshot)\b")
_NEGATED = re.compile(
    r"\b(?:not|no|never|fail\w*|error|skip\w*|delet\w*|remov\w*|load\w*|resum\w*|restor\w*|will|cannot|previous\w*|if|when)\b"
)
"""Before the verb: the line is about another matter."""
_OTHER = re.compile(
    r"\b(?:every|strategy|save_\w+|config\w*|tokenizer|special tokens|rng|random states?|optimizer state)\b"
)
_EPOCH = re.compile(r"\bepochs?:? (\d{1,9})\b|\b(\d{1,9}) epochs?\b")
_INSIDE = re.compile(r"((?:checkpoint[-_]|global_step|iter_|step_)\d+)/.*")
_STEPS = (
    re.compile(r"checkpoint[-_/](\d{1,12})(?![\d_]|\.\d)"),
    re.compile(r"global[_ ]?steps?[-_ :=]*(\d{1,12})"),
    re.compile(r"(?<![a-z])steps?['\"]?[-_ :=]{1,3}(\d{1,12})"),
    re.compile(r"(?<![a-z])iter(?:ation)?s?[-_ :=]*(\d{1,12})"),
    re.compile(r"@ (\d{1,12}) updates"),
    re.compile(r"(?<![a-z])(\d{1,12})[ _-](?:steps|iterations|iters|updates)\b"),
    re.compile(r"-ba(\d{1,12})\b"),
    re.compile(r"checkpoint[_ ]\d+_(\d{1,12})\.pt"),
    re.compile(r"(?:checkpoints?|ckpts?)[\w.-]*/(\d{1,12})(?=[/\s`'\".]|$)"),
)
_PATH = re.compile(
    r"(?:^|[\s'\"`=(])((?:[\w.+-]{1,40}://|~?/|\.{1,2}/)?(?:[^\s'\"`,;()]{1,200}/)?[^\s'\"`,;()/]{1,200})"
)
_FILE = re.compile(r"/|\.(?:pt|pth|ckpt|bin|safetensors|h5|keras|npz|distcp|tar)\b|checkpoint[-_]\d")


@dataclass(slots=True)
class SavedCheckpoint:
    """A save that a line announces or confirms."""

    step: int | None = None
    at_ns: int | None = None
    path: str | None = None
    samples: int = 0
    """Number of progress lines read before it."""

    def value(self) -> Checkpoint:
        """The checkpoint as a result."""
        at = None if self.at_ns is None else datetime_from_ns(self.at_ns)
        return Checkpoint(self.step, at, self.path)


@dataclass(slots=True)
class Checkpoints:
    """The newest saves of a run."""

    begun: SavedCheckpoint | None = None
    done: SavedCheckpoint | None = None
    earlier: SavedCheckpoint | None = None
    """The newest announced save after which the run trained on."""

    def feed(self, text: str, time_ns: int | None, step: int | None, samples: int) -> None:
        """Read a line that may be about a save; `step` is the newest before it."""
        text = text[:1000]
        lowered = text.lower()
        done = _DONE.search(lowered)
        verb = done or _BEGINS.search(lowered)
        if verb is None or _SUBJECT.search(lowered) is None or _OTHER.search(lowered):
            return
        if _NEGATED.search(lowered, 0, verb.start()):
            return
        saved = _parse_saved(text, lowered, time_ns, step, samples)
        if done is not None:
            if self.begun is not None and saved.step in (step, self.begun.step):
                saved.step, saved.path = self.begun.step, self.begun.path or saved.path
            if self.done is not None and saved.path is None and saved.step == self.done.step:
                saved.path = self.done.path
            self.done, self.begun = saved, None
            return
        if self.begun is not None and samples > self.begun.samples:
            self.earlier = self.begun
        self.begun = saved

    def last(self, samples: int) -> Checkpoint | None:
        """Return the last save that counts; `samples` is the number of progress lines read."""
        if self.done is not None:
            return self.done.value()
        if self.begun is not None and samples > self.begun.samples:
            return self.begun.value()
        return self.earlier.value() if self.earlier is not None else None


def _parse_saved(text: str, lowered: str, time_ns: int | None, step: int | None, samples: int) -> SavedCheckpoint:
    stated, path = _stated_step(lowered), _path(text)
    epoch = _EPOCH.search(lowered) if stated is None else None
    if epoch is not None:  # a step before it counts from the start of the epoch
        return SavedCheckpoint(None, time_ns, path or f"epoch {epoch.group(1) or epoch.group(2)}", samples)
    return SavedCheckpoint(step if stated is None else stated, time_ns, path, samples)


def _stated_step(text: str) -> int | None:
    return next((int(found.group(1)) for pattern in _STEPS if (found := pattern.search(text))), None)


def _path(text: str) -> str | None:
    paths = (one.group(1).rstrip(".:…") for one in _PATH.finditer(text))
    found = next((path for path in paths if _FILE.search(path)), None)
    return None if found is None else _INSIDE.sub(r"\1", found)
