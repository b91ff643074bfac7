"""Time zones and e-mail addresses from users.info."""

from __future__ import annotations

from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from bot.slack.client import create_client
from bot.slack.user_profiles import UserProfile, UserProfiles, read_profile
from emulator.slack.app import BOT_TOKEN, create_slack, served
from tests.unit.slack.factories import NOW


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"tz": "Asia/Tokyo", "profile": {"email": "ada@example.org"}}, (ZoneInfo("Asia/Tokyo"), "ada@example.org")),
        ({"tz": "Mars/Olympus", "tz_offset": 19800}, (timezone(timedelta(hours=5, minutes=30)), None)),
        ({"tz": "../../etc/passwd", "tz_offset": -3600}, (timezone(timedelta(hours=-1)), None)),
        ({"tz": 7, "tz_offset": 10**9, "profile": {"email": ""}}, (None, None)),
        ({"tz": "", "profile": None}, (None, None)),
        ({}, (None, None)),
        (None, (None, None)),
        ("U1", (None, None)),
    ],
)  # fmt: skip
def test_a_profile_is_read_as_far_as_it_is_valid(user: object, expected: tuple[object, object]) -> None:
    profile = read_profile(user)
    assert (profile.zone, profile.email) == expected


async def test_a_profile_is_fetched_once_an_hour() -> None:
    slack = create_slack()
    ada = slack.workspace.users["U0ADA"]
    async with served(slack):
        client, profiles = create_client(BOT_TOKEN, slack.api_url), UserProfiles()
        zones = []
        for minutes, zone in ((0, "Asia/Tokyo"), (59, "Europe/Paris"), (61, "Europe/Paris")):
            ada.tz = zone
            zones.append((await profiles.get(client, "U0ADA", NOW + timedelta(minutes=minutes))).zone)
        assert [str(zone) for zone in zones] == ["Asia/Tokyo", "Asia/Tokyo", "Europe/Paris"]
        assert await profiles.get(client, "U0NOBODY", NOW) == UserProfile()
