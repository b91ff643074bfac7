"""Literals that any match of a pattern must hold: a filter that stays fast however many patterns there are.

The union of a hundred patterns with `.*` in them makes RE2's automaton outgrow its memory; the union of their literals
does not. This reads the subset of the regular-expression language that RE2 has; what it does not follow is skipped,
which makes a filter less sharp but never wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import re2

Needles = frozenset[tuple[str, bool]]
"""Literals, each with whether its case is ignored. A match holds at least one of them."""

_CLASSES = frozenset("dDwWsSbBpPAzZQE")
_CONTROL = {"n": "\n", "t": "\t", "r": "\r"}


def needles(pattern: str) -> Needles | None:
    """The literals of a pattern; None when a match need not hold any."""
    reader = _Reader(pattern)
    return reader.branches(ignore_case=False)


def filter_pattern(patterns: Iterable[str]) -> str:
    """One pattern that every line matches which any of `patterns` matches, and few others."""
    exact: set[str] = set()
    folded: set[str] = set()
    whole: list[str] = []
    for pattern in patterns:
        found = needles(pattern)
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
    """Without those that hold another."""
    return {one for one in literals if not any(other != one and other in one for other in literals)}


@dataclass(slots=True)
class _Reader:
    """Recursive descent over a pattern."""

    text: str
    position: int = 0

    def branches(self, *, ignore_case: bool) -> Needles | None:
        found: Needles | None = frozenset()
        while True:
            branch, ignore_case = self._sequence(ignore_case)
            found = None if found is None or branch is None else found | branch
            if self._peek() != "|":
                return found
            self.position += 1

    def _sequence(self, ignore_case: bool) -> tuple[Needles | None, bool]:
        candidates: list[Needles] = []
        run = ""
        while (sign := self._peek()) not in ("", "|", ")"):
            literal: str | None = None
            inner: Needles | None = None
            if sign == "(":
                inner, ignore_case = self._group(ignore_case)
            else:
                literal = self._atom()
            least, more = self._quantifier()
            if literal and least:
                run += literal
                if not more:
                    continue
            _keep(candidates, run, ignore_case)
            run = ""
            if inner is not None and least:
                candidates.append(inner)
        _keep(candidates, run, ignore_case)
        best = max(candidates, key=lambda found: min((len(text) for text, _ in found), default=0), default=None)
        return best or None, ignore_case

    def _group(self, ignore_case: bool) -> tuple[Needles | None, bool]:
        self.position += 1
        flag = ignore_case
        if self.text.startswith("?", self.position):
            end = min(place for place in (self.text.find(sign, self.position) for sign in ":)>") if place >= 0)
            flag = ignore_case or "i" in self.text[self.position : end]
            bare = self.text[end] == ")"
            self.position = end + 1
            if bare:
                return None, flag
        inner = self.branches(ignore_case=flag)
        self.position += 1
        return inner, ignore_case

    def _atom(self) -> str | None:
        """One character: the literal it stands for, or None for a class or an anchor."""
        sign = self.text[self.position]
        self.position += 1
        if sign == "\\":
            escaped = self.text[self.position]
            self.position += 1
            if escaped == "x":
                self.position = self.text.index("}", self.position) + 1 if self._peek() == "{" else self.position + 2
                return None
            return None if escaped in _CLASSES else _CONTROL.get(escaped, escaped)
        if sign == "[":
            self._skip_class()
            return None
        return None if sign in ".^$" else sign

    def _skip_class(self) -> None:
        if self._peek() == "^":
            self.position += 1
        if self._peek() == "]":
            self.position += 1
        while self._peek() not in ("", "]"):
            self.position += 2 if self._peek() == "\\" else 1
        self.position += 1

    def _quantifier(self) -> tuple[bool, bool]:
        """Must what stands before it be there, and may there be more of it?"""
        sign = self._peek()
        if sign in ("*", "?", "+"):
            self.position += 2 if self.text.startswith("?", self.position + 1) else 1
            return sign == "+", True
        if (
            sign == "{"
            and "}" in self.text[self.position :]
            and self.text[self.position + 1 : self.position + 2].isdigit()
        ):
            end = self.text.index("}", self.position)
            least = self.text[self.position + 1 : end].split(",")[0]
            self.position = end + 1
            return least != "0", True
        return True, False

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]


def _keep(candidates: list[Needles], run: str, ignore_case: bool) -> None:
    if run:
        candidates.append(frozenset({(run.lower() if ignore_case else run, ignore_case)}))
