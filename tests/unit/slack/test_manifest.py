"""manifest.yml requests exactly what the code uses, within the limits of Slack's manifest schema.

The limits are those of slackapi/manifest-schema, schemas/manifest.schema.2.0.0.json (documented, read 2026-11-20), and
the rules that schema does not know: scopes that exist, and the scope each event needs. `bot_optional` is newer than it
(https://docs.slack.dev/changelog/2026/03/16/optional-scopes, documented, read 2026-11-29).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot.commands.subcommands.table import SLACK_TABLE
from bot.domain.dashboard import HomeFilter, PersonalDashboard
from bot.slack.agent_view import AGENT_EVENT
from bot.slack.listeners import EVENTS
from bot.slack.modals.view_payloads import SEARCH_SHORTCUT
from bot.slack.payloads import DIAGNOSE_SHORTCUT
from bot.slack.render.prompts import suggest_prompts
from bot.slack.setup_check import OPTIONAL_SCOPES, SCOPES
from bot.slack.unhandled import COMMAND, NOTED_EVENTS, RESUMING_EVENTS

ROOT = Path(__file__).parents[3]
SCOPES_OF_EVENT = {
    "app_mention": {"app_mentions:read"},
    "message": {"im:history"},
    "link_shared": {"links:read"},
    "app_home_opened": set(),
    "app_uninstalled": set(),
    "tokens_revoked": set(),
    "reaction_added": {"reactions:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "member_left_channel": {"channels:read", "groups:read"},
    **{f"channel_{what}": {"channels:read"} for what in ("archive", "deleted", "left", "unarchive")},
    **{f"group_{what}": {"groups:read"} for what in ("archive", "deleted", "left", "unarchive")},
}
"""https://docs.slack.dev/reference/events (read 2026-11-29). Joining: one for each kind of channel."""
SCOPE_OF_METHOD = {
    "conversations.history": "channels:history",
    "conversations.replies": "groups:history",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "files_getUploadURLExternal": "files:write",
    "files_completeUploadExternal": "files:write",
    "files_info": "files:read",
    "auth_test": None,
    "apps_connections_open": None,
    "views_open": None,
    "views_publish": None,
    "views_update": None,
    "chat_delete": "chat:write",
    "chat_unfurl": "links:write",
    "chat_getPermalink": None,
    "reactions_get": "reactions:read",
    "conversations_info": "channels:read",
    "usergroups_users_list": "usergroups:read",
    "bots_info": "users:read",
    "users_conversations": "channels:read",
    "users_info": "users:read",
    "users_lookupByEmail": "users:read.email",
}
"""Every method the code calls, and what it needs; reading history needs both scopes.

Source: https://docs.slack.dev/reference/methods (read 2026-11-20)."""


def text(most: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": most}


def closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


FLAG = {"type": "boolean"}
COMMAND_SCHEMA = closed(
    {
        "command": {"type": "string", "pattern": "^/[a-z0-9_-]{1,31}$"},
        "description": text(2000),
        "usage_hint": text(1000),
        "should_escape": FLAG,
        "url": {"type": "string"},
    },
    "command",
    "description",
)
SHORTCUT_SCHEMA = closed(
    {
        "name": text(24),
        "type": {"enum": ["message", "global"]},
        "callback_id": text(255),
        "description": text(150),
    },
    "name",
    "type",
    "callback_id",
    "description",
)
SCOPE_LIST = {"type": "array", "maxItems": 255, "uniqueItems": True, "items": {"type": "string"}}
SCHEMA = closed(
    {
        "_metadata": closed({"major_version": {"enum": [1, 2]}, "minor_version": {"type": "integer"}}),
        "display_information": closed(
            {
                "name": text(35),
                "description": text(140),
                "long_description": {"type": "string", "minLength": 175, "maxLength": 4000},
                "background_color": {"type": "string", "pattern": "^#([0-9a-f]{3}){1,2}$"},
            },
            "name",
        ),
        "features": closed(
            {
                "app_home": closed(
                    {
                        "home_tab_enabled": FLAG,
                        "messages_tab_enabled": FLAG,
                        "messages_tab_read_only_enabled": FLAG,
                    }
                ),
                "bot_user": closed({"display_name": text(80), "always_online": FLAG}, "display_name"),
                "unfurl_domains": {"type": "array", "maxItems": 5, "uniqueItems": True, "items": text(255)},
                "slash_commands": {"type": "array", "minItems": 1, "maxItems": 50, "items": COMMAND_SCHEMA},
                "shortcuts": {"type": "array", "minItems": 1, "maxItems": 10, "items": SHORTCUT_SCHEMA},
            }
        ),
        "oauth_config": closed({"scopes": closed({"bot": SCOPE_LIST, "bot_optional": SCOPE_LIST})}),
        "settings": closed(
            {
                "event_subscriptions": closed(
                    {"bot_events": {"type": "array", "uniqueItems": True, "maxItems": 100, "items": {"type": "string"}}}
                ),
                "interactivity": closed({"is_enabled": FLAG, "request_url": {"type": "string"}}, "is_enabled"),
                "org_deploy_enabled": FLAG,
                "socket_mode_enabled": FLAG,
                "token_rotation_enabled": FLAG,
            }
        ),
    },
    "display_information",
)


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text())
    return read


@pytest.fixture(scope="module")
def code() -> str:
    return "\n".join(path.read_text() for path in (ROOT / "bot" / "slack").rglob("*.py"))


def test_the_manifest_matches_slacks_schema(manifest: dict[str, Any]) -> None:
    assert [] == list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(manifest))


def test_the_app_uses_socket_mode(manifest: dict[str, Any]) -> None:
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["interactivity"]["is_enabled"] is True


def test_the_commands_have_listeners(manifest: dict[str, Any]) -> None:
    assert [COMMAND] == [one["command"] for one in manifest["features"]["slash_commands"]]


def test_the_usage_hint_lists_every_subcommand(manifest: dict[str, Any]) -> None:
    names = " | ".join(one.name for one in SLACK_TABLE)
    assert [f"[{names}]"] == [one["usage_hint"] for one in manifest["features"]["slash_commands"]]


def test_the_events_have_listeners(manifest: dict[str, Any], code: str) -> None:
    subscribed = {"message": "message.im"}
    expected = sorted(subscribed.get(event, event) for event in EVENTS)
    assert expected == manifest["settings"]["event_subscriptions"]["bot_events"]
    named = set(re.findall(r'app\.event\("(\w+)"\)', code))
    assert set(EVENTS) == {*named, *NOTED_EVENTS, *RESUMING_EVENTS}


def test_the_scopes_are_those_of_the_setup_check(manifest: dict[str, Any]) -> None:
    assert sorted(SCOPES) == manifest["oauth_config"]["scopes"]["bot"]
    assert sorted(OPTIONAL_SCOPES) == manifest["oauth_config"]["scopes"]["bot_optional"]


def test_mentions_in_commands_arrive_with_ids_and_people_can_be_messaged(manifest: dict[str, Any]) -> None:
    assert [True] == [one["should_escape"] for one in manifest["features"]["slash_commands"]]
    app_home = manifest["features"]["app_home"]
    assert app_home["messages_tab_enabled"] is True
    assert app_home["messages_tab_read_only_enabled"] is False


def test_the_scopes_are_exactly_what_methods_events_and_commands_need(manifest: dict[str, Any], code: str) -> None:
    called = set(re.findall(r'"((?:chat|conversations)\.\w+)"', code)) | set(
        re.findall(r"client\.([a-z]+(?:_\w+)+)\(", code)
    )
    called -= {"api_call", "is_connected", "send_socket_mode_response"}  # methods of the SDK, not of Slack
    assert set(SCOPE_OF_METHOD) == called
    needed = {scope for method in called if (scope := SCOPE_OF_METHOD[method])}
    assert {"commands"}.union(needed, *(SCOPES_OF_EVENT[event] for event in EVENTS)) == set(
        manifest["oauth_config"]["scopes"]["bot"]
    )


def test_the_home_tab_is_on_if_the_code_publishes_it(manifest: dict[str, Any], code: str) -> None:
    assert manifest["features"]["app_home"]["home_tab_enabled"] is ("views_publish" in code)


def test_every_scope_is_documented() -> None:
    guide = (ROOT / "docs" / "slack.md").read_text()
    assert [] == [scope for scope in SCOPES if f"`{scope}`" not in guide]


def test_the_shortcuts_have_listeners(manifest: dict[str, Any]) -> None:
    assert [DIAGNOSE_SHORTCUT, SEARCH_SHORTCUT] == [one["callback_id"] for one in manifest["features"]["shortcuts"]]


def test_the_documented_agent_view_fits_the_manifest() -> None:
    """The limits of `agent_view` are those of slackapi/manifest-schema v0.5 (documented, read 2026-11-29)."""
    page = (ROOT / "docs" / "slack.md").read_text(encoding="utf-8")
    added = yaml.safe_load(page.partition("### Agent view")[2].partition("```yaml\n")[2].partition("```")[0])
    view = added["features"]["agent_view"]
    assert set(view) == {"agent_description", "suggested_prompts"}
    assert len(view["agent_description"]) <= 300
    assert view["suggested_prompts"] == suggest_prompts(PersonalDashboard(datetime.now(UTC), HomeFilter()))
    assert added["oauth_config"]["scopes"]["bot"] == ["assistant:write"]
    assert added["settings"]["event_subscriptions"]["bot_events"] == [AGENT_EVENT]
