"""Phrases that the project does not use: each has a plainer form, in code, docs, strings and test names alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("bot", "tests", "emulator", "bench", "chaos", "docs", "docsite", "migrations")
SUFFIXES = (".py", ".md", ".toml", ".js", ".html", ".css")
FILES = ("README.md", "CHANGELOG.md", "Makefile", "Dockerfile", "manifest.yml", "pyproject.toml", ".env.example")

RULED_OUT = {
    r"(?<!\bthere )\b(?:is|are|was|were) (?:no|(?-i:none)) (?!longer\b|more than\b|less than\b)[a-z]": "is not a",
    r"\btold\b|\bunless told\b|\btells? (?:of|apart what)\b": "notified, printed, stated",
    r"\bsaid\b|\bunsaid\b|\bsays so\b": "stated, printed, alt text",
    r"\bheard\b|\bhears? (?:of|again)\b": "notified, received",
    r"\bmend(?:s|ed|ing|able)?\b": "fix",
    r"\banew\b": "again",
    r"\bfor ever\b|\bfor good\b": "permanently",
    r"\bso (?:many|long ago)\b": "the number of, N, this far back",
    r"\bstands?\b(?! for\b| in for\b|ard|alone)": "is",
    r"\bspeaks? (?:for|of|against)\b": "suggests, describes",
    r"\bdoor to\b|\bits words\b|\bthat which\b|\bwhat nothing (?:calls|needs)\b": "name it directly",
    r"\b(?:a|an|one|each|every|two|first|last|next|later|earlier|quiet|of) looks?\b|\blooks? at a job\b": "poll",
    r"\bwhole? faces?\b|\b(?:each|every|both|a|the|two|other) faces?\b": "frontend",
    r"\bis over\b|\bare over\b": "has ended, has expired",
    r"\bof (?:its|their|our|his|her) own(?=[.,;:)!?\"']|$| (?:and|that|which|for|in|on|so|is|to)\b)": "separate",
    r"\bnobody else\b|\bkeeps? nobody\b": "name who",
}
"""Pattern (case-insensitive) → what to write instead."""

FIXED = frozenset(
    {
        ("bot/rules/conditions/capacity.py", "said"),
        ("bot/rules/conditions/capacity.py", "told"),
        ("bot/rules/conditions/log_diagnosis.py", "told"),
    }
)
"""(file, phrase) that cannot change: names of fields in stored state."""


def files() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES)
    yield from (ROOT / name for name in FILES)


def words_of(text: str) -> str:
    """The text with underscores as spaces, so that names count as phrases too."""
    return text.replace("_", " ")


@pytest.mark.parametrize("pattern", RULED_OUT)
def test_ruled_out_phrase_is_not_used(pattern: str) -> None:
    search = re.compile(pattern, re.IGNORECASE).search
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]!r}"
        for path in files()
        if path != Path(__file__)
        for number, line in enumerate(words_of(path.read_text(encoding="utf-8")).splitlines(), 1)
        if (match := search(line)) and (str(path.relative_to(ROOT)), match[0]) not in FIXED
    ]

    assert found == [], f"write instead: {RULED_OUT[pattern]}"
