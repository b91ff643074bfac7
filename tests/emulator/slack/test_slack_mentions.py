"""Whom a message would notify."""

from typing import Any

import pytest

from emulator.slack.mentions import mentioned_users
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
