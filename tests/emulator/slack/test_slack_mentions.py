"""Whom a message would notify."""

from typing import Any

import pytest

from emulator.slack.app import create_slack
from emulator.slack.mentions import mentioned_users, typed_markup
from emulator.slack.model import Message

MENTION = {"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "here"}]}
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "<!everyone|all> <@U0ADA>"}}


@pytest.mark.parametrize(
    ("text", "blocks", "expected"),
    [
        ("<!channel> look", None, ["!channel"]),
        ("&lt;!channel&gt; @channel <https://x|y>", None, []),
        ("", [SECTION], ["!everyone", "@U0ADA"]),
        ("", [{"type": "rich_text", "elements": [MENTION]}], ["!here"]),
        ("", [{"type": "header", "text": {"type": "plain_text", "text": "<!channel>"}}], []),
    ],
)
def test_only_what_slack_acts_upon_pings(text: str, blocks: Any, expected: list[str]) -> None:
    assert mentioned_users(Message("1.1", "C1", "U1", text, blocks=blocks)) == expected


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("page @oncall @ada @here", "page <!subteam^S0ONCALL|@oncall> <@U0ADA|ada> <!here>"),
        ("list #training #7", "list <#C0000001|training> #7"),
        ("logs https://x.example/a?b=1&c", "logs <https://x.example/a?b=1&amp;c>"),
        ("--include a<b ada@example.com @retry", "--include a&lt;b ada@example.com @retry"),
    ],
)
def test_names_in_a_slash_command_become_markup(typed: str, sent: str) -> None:
    assert typed_markup(create_slack().workspace, typed) == sent
