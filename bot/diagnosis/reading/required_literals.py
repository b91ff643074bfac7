"""Find the literals that every match of a pattern contains, to build a page filter from them.

RE2's automaton outgrows its memory on the union of a hundred patterns with `.*` in them, but not on the union of
their literals. The parser knows the regular-expression syntax of RE2. What it cannot analyse makes the filter less
selective, never wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import re2

RequiredLiterals = frozenset[tuple[str, bool]]
"""Literals, each with whether its case is ignored. A match contains at least one of them."""

_CLASSES = frozenset("dDwWsSbBpPAzZQE")
_CONTROL = {"n": "\n", "t": "\t", "r": "\r"}
_COMMON = frozenset(
    (
        "device",
        "driver",
        "error",
        "memory",
        "model",
        "process",
        "runtime",
        "start",
        "step",
        "training",
        "truncated",
        "worker",
    )
)
"""Words of many healthy lines. Any other literal of a pattern is a better filter."""


def required_literals(pattern: str) -> RequiredLiterals | None:
    """Return the literals of a pattern; None if a match need not contain any."""
    return _PatternParser(pattern).alternatives(ignore_case=False)


def filter_pattern(patterns: Iterable[str]) -> str:
    """Build one pattern that matches every line which any of `patterns` matches, and few others."""
    exact: set[str] = set()
    folded: set[str] = set()
    whole: list[str] = []
    for pattern in patterns:
        found = required_literals(pattern)
        if found is None:
            whole.append(f"(?:{pattern})")
            continue
        for literal, ignore_case in found:
            (folded if ignore_case else exact).add(literal)
    parts = [re2.escape(literal) for literal in sorted(_shortest(exact))]
    if folded:
        parts.append("(?i:" + "|".join(re2.escape(literal) for literal in sorted(_shortest(folded))) + ")")
    return "(?m)" + "|".join(parts + whole)


def _shortest(literals: set[str]) -> set[str]:
    """Drop literals that contain another one."""
    return {one for one in literals if not any(other != one and other in one for other in literals)}


@dataclass(slots=True)
class _PatternParser:
    """A recursive-descent parser of a pattern."""

    text: str
    position: int = 0

    def alternatives(self, *, ignore_case: bool) -> RequiredLiterals | None:
        found: RequiredLiterals | None = frozenset()
        while True:
            branch, ignore_case = self._sequence(ignore_case)
            found = None if found is None or branch is None else found | branch
            if self._peek() != "|":
                return found
            self.position += 1

    def _sequence(self, ignore_case: bool) -> tuple[RequiredLiterals | None, bool]:
        candidates: list[RequiredLiterals] = []
        run = ""
        while (char := self._peek()) not in ("", "|", ")"):
            literal: str | None = None
            inner: RequiredLiterals | None = None
            if char == "(":
                inner, ignore_case = self._group(ignore_case)
            else:
                literal = self._atom()
            is_required, may_repeat = self._quantifier()
            if literal and is_required:
                run += literal
                if not may_repeat:
                    continue
            _keep(candidates, run, ignore_case)
            run = ""
            if inner is not None and is_required:
                candidates.append(inner)
        _keep(candidates, run, ignore_case)
        best = max(candidates, key=_selectivity, default=None)
        return best or None, ignore_case

    def _group(self, ignore_case: bool) -> tuple[RequiredLiterals | None, bool]:
        self.position += 1
        flag = ignore_case
        if self.text.startswith("?", self.position):
            end = min(index for index in (self.text.find(char, self.position) for char in ":)>") if index >= 0)
            flag = ignore_case or "i" in self.text[self.position : end]
            is_flag_only = self.text[end] == ")"
            self.position = end + 1
            if is_flag_only:
                return None, flag
        inner = self.alternatives(ignore_case=flag)
        self.position += 1
        return inner, ignore_case

    def _atom(self) -> str | None:
        """Read one character: return its literal, or None for a class or an anchor."""
        char = self.text[self.position]
        self.position += 1
        if char == "\\":
            escaped = self.text[self.position]
            self.position += 1
            if escaped == "x":
                self.position = self.text.index("}", self.position) + 1 if self._peek() == "{" else self.position + 2
                return None
            return None if escaped in _CLASSES else _CONTROL.get(escaped, escaped)
        if char == "[":
            self._skip_class()
            return None
        return None if char in ".^$" else char

    def _skip_class(self) -> None:
        if self._peek() == "^":
            self.position += 1
        if self._peek() == "]":
            self.position += 1
        while self._peek() not in ("", "]"):
            self.position += 2 if self._peek() == "\\" else 1
        self.position += 1

    def _quantifier(self) -> tuple[bool, bool]:
        """Read a quantifier: must the atom before it occur, and may it repeat?"""
        char = self._peek()
        if char in ("*", "?", "+"):
            self.position += 2 if self.text.startswith("?", self.position + 1) else 1
            return char == "+", True
        if char == "{" and (rest := self.text[self.position + 1 :])[:1].isdigit() and "}" in rest:
            end = self.text.index("}", self.position)
            least = self.text[self.position + 1 : end].split(",")[0]
            self.position = end + 1
            return least != "0", True
        return True, False

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]


def _selectivity(literals: RequiredLiterals) -> int:
    """Return the length of the shortest literal, of which few healthy lines contain a long one."""
    return min((1 if text.strip().lower() in _COMMON else len(text) for text, _ in literals), default=0)


def _keep(candidates: list[RequiredLiterals], run: str, ignore_case: bool) -> None:
    if run:
        candidates.append(frozenset({(run.lower() if ignore_case else run, ignore_case)}))
