"""Slack's markup around typed text is undone before the text is parsed."""

from __future__ import annotations

import pytest

from bot.slack.typed_text import plain_text, without_mention


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
        ("`notify page <@U2|ada>`", "`notify page <@U2|ada>`"),
        ("/train notify page <@U2>", "/train notify page <@U2>"),
        ("please notify page <@U2>", "please notify page <@U2>"),
        ("<@U0BOT> notify page <@U2>", "<@U0BOT> notify page <@U2>"),
        ("logs --grep notify <@U2|ada>", "logs --grep notify @ada"),
        ("a < b", "a < b"),
    ],
)
def test_markup_is_undone(text: str, expected: str) -> None:
    assert expected == plain_text(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("part", ["<http://", "<@A|", "<!subteam^A|", "<!here|", "<mailto:a|"])
def test_markup_that_never_ends_is_read_in_linear_time(part: str) -> None:
    assert plain_text(part * 30_000) == part * 30_000


@pytest.mark.parametrize(
    ("text", "bot", "expected"),
    [
        ("<@U0TRAIN> jobs", "U0TRAIN", "jobs"),
        ("hey <@U0TRAIN|trainwatch>: jobs", "U0TRAIN", "hey   jobs"),
        ("<@U0TRAIN> notify page <@U2>", "U0TRAIN", "notify page <@U2>"),
        ("<@U0TRAIN> notify page <@U2>", None, "notify page <@U2>"),
        ("<@U0TRAIN>", "U0TRAIN", ""),
    ],
)
def test_the_mention_of_the_bot_is_removed(text: str, bot: str | None, expected: str) -> None:
    assert expected == without_mention(text, bot)
