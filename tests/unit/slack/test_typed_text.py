"""Slack's markup around typed text is undone before the text is parsed."""

from __future__ import annotations

import pytest

from bot.slack.listeners import plain_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<https://app.baseten.co/training/p/logs/j|app.baseten.co/…>", "https://app.baseten.co/training/p/logs/j"),
        ("<https://app.baseten.co/training/p?a=1&amp;b=2>", "https://app.baseten.co/training/p?a=1&b=2"),
        ("<http://app.baseten.co/training/p|app.baseten.co/training/p>", "app.baseten.co/training/p"),
        ("--include &lt;eos&gt; --include a&amp;&amp;b", "--include <eos> --include a&&b"),
        ("--include <http://pool.ntp.org|pool.ntp.org>", "--include pool.ntp.org"),
        ("<mailto:ada@example.org|ada@example.org>", "ada@example.org"),
        ("&amp;lt;", "&lt;"),
        ("logs --grep <@U0ADA|ada> <#C1|general>", "logs --grep @ada #general"),
        ("logs --grep <!subteam^S1|@oncall> <!here>", "logs --grep @oncall @here"),
        ("notify page <!subteam^S1|@oncall> <!here>", "notify page <!subteam^S1|@oncall> <!here>"),
        ("a < b", "a < b"),
    ],
)
def test_markup_is_undone(text: str, expected: str) -> None:
    assert expected == plain_text(text)
