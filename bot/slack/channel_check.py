"""Check what Slack lets trainwatch do in one channel: membership, scopes, and whether its mentions reach somebody."""

import asyncio

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.checks import CheckResult, Fixer
from bot.domain.notify import MentionTarget, NotifySettings
from bot.slack.failures import UNREACHABLE, delivery_error, error_code
from bot.slack.setup_check import REINSTALL, SCOPES

_ABSENT = frozenset({"channel_not_found", "not_in_channel"})
_GONE = frozenset({"user_not_found", "user_not_visible", "no_such_subteam", "subteam_not_found", "invalid_usergroup"})
_MAX_TARGETS = 20
"""Mentions that one check looks up."""


async def check_slack_channel(
    client: AsyncWebClient, channel: str, user: str, settings: NotifySettings
) -> list[CheckResult]:
    """Check the app's token and scopes, and what it may do in this channel."""
    token, *scopes = await _check_scopes(client)
    if not token.ok:
        return [token]
    is_direct = channel.startswith("D") or channel == user
    membership = [] if is_direct else await _check_membership(client, channel)
    mentions = await asyncio.gather(*(_check_target(client, one) for one in _targets(settings)[:_MAX_TARGETS]))
    return [*membership, token, *scopes, *(one for one in mentions if one is not None)]


async def _check_scopes(client: AsyncWebClient) -> list[CheckResult]:
    """The token, then one result for each missing scope with the feature that suffers."""
    try:
        response = await client.auth_test()
    except UNREACHABLE as error:
        return [CheckResult("Slack", False, delivery_error(error).public, "Run `trainwatch check` in a shell.")]
    granted = next((value for name, value in response.headers.items() if name.lower() == "x-oauth-scopes"), None)
    fine = CheckResult("Slack", True, f"connected as @{response.get('user')}")
    if not isinstance(granted, str):
        return [fine]
    missing = sorted(set(SCOPES) - {scope.strip() for scope in granted.split(",")})
    return [fine] + [
        CheckResult(f"Scope {scope}", True, f"missing. It is needed {SCOPES[scope]}.", REINSTALL, Fixer.INSTALLER)
        for scope in missing
    ]


async def is_absent(client: AsyncWebClient, channel: str) -> bool:
    """Return whether alerts cannot arrive in a channel, because the bot is not in it or it is archived."""
    return any(not one.ok for one in await _check_membership(client, channel))


async def _check_membership(client: AsyncWebClient, channel: str) -> list[CheckResult]:
    """Whether the bot is in the channel; nothing if the app may not know."""
    invite, found = "Type `/invite @trainwatch`.", "trainwatch is not in it, so alerts cannot arrive."
    absent = CheckResult("This channel", False, found, invite, Fixer.ANYONE)
    try:
        response = await client.conversations_info(channel=channel)
    except UNREACHABLE as error:
        return [absent] if error_code(error) in _ABSENT else []
    match response.get("channel"):
        case {"is_archived": True}:
            return [CheckResult("This channel", False, "It is archived.", "Unarchive it.", Fixer.ANYONE)]
        case {"is_member": False}:
            return [absent]
        case {"is_member": True}:
            return [CheckResult("This channel", True, "trainwatch is in it")]
        case _:
            return []


def _targets(settings: NotifySettings) -> list[MentionTarget]:
    """Everybody whom the channel's alerts mention or reach, each once."""
    chosen = [target for targets in settings.mentions.values() for target in targets]
    chosen += [step.target for steps in settings.escalation.values() for step in steps]
    return list({one.id: one for one in chosen if one.id not in ("here", "channel")}.values())


async def _check_target(client: AsyncWebClient, target: MentionTarget) -> CheckResult | None:
    """The problem if a mention reaches nobody; None if it does, or if the app may not know."""
    try:
        found = await _describe_target(client, target.id)
    except UNREACHABLE as error:
        found = "cannot be found in Slack" if error_code(error) in _GONE | _ABSENT else ""
    if not found:
        return None
    remedy = "Choose somebody else with `/train notify`."
    return CheckResult("Mentions", False, f"{target.name or target.id} {found}.", remedy, Fixer.ANYONE)


async def _describe_target(client: AsyncWebClient, target: str) -> str:
    """What is wrong with a user, a user group or a channel; "" for nothing."""
    if target[:1] in ("U", "W"):
        response = await client.users_info(user=target)
        user = response.get("user")
        return "was deactivated" if isinstance(user, dict) and user.get("deleted") is True else ""
    if target.startswith("S"):
        response = await client.usergroups_users_list(usergroup=target)
        return "" if response.get("users") else "has no members"
    await client.conversations_info(channel=target)
    return ""
