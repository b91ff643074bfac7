"""The glossary is the vocabulary of the code: each class it names exists."""

from __future__ import annotations

import re
from pathlib import Path

from bot.rules.catalog import RULES

ROOT = Path(__file__).parents[2]


def test_each_class_of_the_glossary_exists() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", glossary))
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot").rglob("*.py"))
    defined = set(re.findall(r"^class (\w+)", code, re.MULTILINE)) | set(re.findall(r"^(\w+) = ", code, re.MULTILINE))

    assert named
    assert named <= defined


def test_every_rule_is_documented() -> None:
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert [] == [rule.name for rule in RULES if f"| `{rule.name}` | {rule.severity.value}" not in text]
