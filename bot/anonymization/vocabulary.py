"""Words that identify nobody, so that names and paths can keep them. Pure."""

import builtins
import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

_WORD = re.compile(r"[^\W\d_]{2,}")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+|\d+")
"""A piece of a word in camel case, or its digits."""
_SHORT = 4
"""Up to this length, a word of one or two letters and digits, such as `n4` or `fp16`, identifies nobody."""


class Vocabulary:
    """Tells words that identify nobody from those that may."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Take the shipped words and those of the texts, such as the patterns and hints of the catalogue."""
        self._words = _shipped_words() | {word.lower() for text in texts for word in _WORD.findall(text)}

    def is_known(self, word: str) -> bool:
        """Whether all parts of a word of letters and digits identify nobody."""
        if word.lower() in self._words or word.isdecimal():
            return True
        letters = [part for part in parts_of(word) if not part.isdecimal()]
        is_short = len(word) <= _SHORT
        return all(part.lower() in self._words or (is_short and len(part) <= 2) for part in letters)


def parts_of(word: str) -> list[str]:
    """Split a word in camel case: `AcmeTrainer2` has the parts `Acme`, `Trainer` and `2`."""
    return _PART.findall(word)


@cache
def _shipped_words() -> frozenset[str]:
    rows = files(__package__).joinpath("known_words.txt").read_text(encoding="utf-8").splitlines()
    words = {word for row in rows if not row.startswith("#") for word in row.split()}
    words |= {module.strip("_").lower() for module in sys.stdlib_module_names}
    words |= {part.lower() for name in dir(builtins) for part in parts_of(name)}
    return frozenset(words)
