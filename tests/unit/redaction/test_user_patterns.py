"""An installation's own patterns: what they hide, and which files are refused."""

from __future__ import annotations

import pytest

from bot.domain.logs import LogLine
from bot.errors import ConfigError
from bot.redaction.file_redactor import FileRedactor
from bot.redaction.redactor import Redactor
from bot.redaction.user_patterns import parse_secret_patterns

BADGE = """
[[pattern]]
name = "staff badge"
pattern = 'badge-(\\d{8})'
hides = "badge-12345678"
keeps = "badge-name"

[[pattern]]
name = "whole match"
pattern = '(?i)project (?:apollo|gemini)'
hides = "Project Apollo"
keeps = "project"
"""


def test_own_patterns_are_hidden_like_the_others() -> None:
    redactor = Redactor(["configured"], parse_secret_patterns(BADGE))
    text = "configured badge-12345678 and badge-1, PROJECT apollo, password=hunter2"
    shown = "[hidden] badge-[hidden] and badge-1, [hidden], password=[hidden]"
    assert (shown, 4) == redactor.redact(text)
    lines, hidden = redactor.redact_lines([LogLine(1, "step 5"), LogLine(2, text)])
    assert (["step 5", shown], 4) == ([line.message for line in lines], hidden)
    cleaner = FileRedactor(redactor)
    assert shown.encode() == cleaner.feed(text.encode()) + cleaner.finish()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[[pattern]]", "[[patterns]]", "only \\[\\[pattern\\]\\] tables"),
        ("[[pattern]]", "[[pattern", "not valid TOML"),
        ('name = "staff badge"', "", "pattern 1: the keys name, pattern, hides and keeps are required"),
        ('keeps = "badge-name"', "keeps = 3", "pattern 1: the keys"),
        ("\\d{8}", "(?<=x)\\d{8}", "pattern 'staff badge': .*look-behind"),
        ("\\d{8}", "\\d{9}", "pattern 'staff badge': it does not match its example `hides`"),
        ("badge-name", "badge-87654321", "pattern 'staff badge': it matches its example `keeps`"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(old: str, new: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse_secret_patterns(BADGE.replace(old, new, 1))
