"""Search patterns that begin with alternatives from the first word on that every match contains.

Python's `re` tries each alternative at each character; `str.find` passes over the same text a hundred times faster.
"""

import re
from collections.abc import Iterator


class AnchoredPattern:
    """A pattern whose matches contain one of a few words.

    Args:
        pattern: in which `^` means the start of the text.
        words: of which each match contains at least one.
        reach: the most characters in a match before such a word.
    """

    __slots__ = ("_finditer", "_reach", "_search", "_words", "compiled")

    def __init__(self, pattern: str, *words: str, reach: int = 0) -> None:
        self.compiled = re.compile(pattern)
        self._search, self._finditer = self.compiled.search, self.compiled.finditer
        self._words, self._reach = words, reach

    def search(self, text: str) -> re.Match[str] | None:
        """Return the first match, as `re` does."""
        start = self._start(text)
        return self._search(text, start) if start >= 0 else None

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """Iterate over the matches, as `re` does."""
        start = self._start(text)
        return self._finditer(text, start) if start >= 0 else iter(())

    def _start(self, text: str) -> int:
        """Return from where on a match may begin; -1 if there is none."""
        first = -1
        for word in self._words:
            found = text.find(word) if first < 0 else text.find(word, 0, first + len(word))
            if found >= 0:
                first = found
        return first if first < 0 else max(0, first - self._reach)
