"""Messages around one that has an odd time: it is read alone, and Slack is not asked."""

from __future__ import annotations

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.nearby_messages import complete_log
from bot.slack.shared_messages import SharedLog, read_shared_log


@pytest.mark.parametrize("ts", [None, "", "soon", "nan", "1e999", {}, True])
async def test_a_message_with_an_odd_time_is_read_alone(ts: object) -> None:
    message = {"ts": ts, "text": "x" * 2_000}
    shared: SharedLog = read_shared_log(message)
    assert shared is await complete_log(shared, message, "C1", AsyncWebClient(base_url="http://127.0.0.1:9/"))
