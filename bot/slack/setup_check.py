"""Check the Slack setup for `trainwatch check`: tokens, scopes, and how to fix each problem."""

import re
from collections.abc import Iterable, Mapping

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.checks import CheckResult
from bot.domain.wording import plural
from bot.slack.failures import BAD_TOKEN, UNREACHABLE, delivery_error, error_code
from bot.slack.look_up_limits import INTERNAL_PER_MINUTE

SCOPES: Mapping[str, str] = {
    "app_mentions:read": "to receive `@trainwatch ...`, which works in threads, unlike slash commands",
    "channels:history": "to find an alert again whose answer was lost, instead of posting it twice",
    "channels:read": "to send waiting alerts as soon as it is invited to a channel",
    "chat:write": "to post alerts and answers in channels it was invited to",
    "commands": "to provide the slash command `/train`",
    "files:read": "to diagnose log files that people upload",
    "files:write": "to attach long logs as a text file",
    "groups:history": "to find an alert again in a private channel, instead of posting it twice",
    "groups:read": "to send waiting alerts as soon as it is invited to a private channel",
    "im:history": "to answer direct messages, and to diagnose logs in them",
    "links:read": "to notice links to jobs on their platforms",
    "links:write": "to show what a linked job does under the link",
    "reactions:read": "to delete an alert that was posted twice when somebody reacts to it",
    "usergroups:read": "to give roles to user groups in the access file",
    "users:read": "to read times as the person who types them means them",
    "users:read.email": "to mention or message the person who started a job, and to list a person's own jobs",
}
"""The bot scopes in manifest.yml, and what each is for; docs/slack.md lists the same."""
OPTIONAL_SCOPES = frozenset(SCOPES) - {"app_mentions:read", "chat:write", "commands"}
"""Scopes that a workspace may withhold; the check passes without them."""

REINSTALL = "Paste manifest.yml into the app's settings (App Manifest), save, and install the app again."
_WRONG_TOKENS = {
    "xapp-": "This is the app-level token. Set it as SLACK_APP_TOKEN.",
    "xoxp-": "This is a user token. Use the Bot User OAuth Token.",
    "xoxe": "This token rotates or configures apps. Use the Bot User OAuth Token.",
    "xoxc-": "This is a browser's token. Use the Bot User OAuth Token.",
    "xoxs-": "This is a browser's token. Use the Bot User OAuth Token.",
}
_APP_ID = re.compile(r"xapp-\d-(A[A-Z0-9]+)-")


async def check_slack(client: AsyncWebClient, app_token: str | None) -> list[CheckResult]:
    """Check the bot token, its scopes and the app token; `app_token` is None in HTTP mode."""
    results = await check_bot_token(client)
    return results if app_token is None else [*results, await check_app_token(client, app_token)]


async def check_user_groups(client: AsyncWebClient, groups: Iterable[str]) -> list[CheckResult]:
    """Check that Slack shows the members of the user groups in the access file."""
    results = []
    for group in sorted(groups):
        subject = f"User group {group}"
        try:
            response = await client.usergroups_users_list(usergroup=group)
        except UNREACHABLE as error:
            remedy = "Fix the group in the access file, or the app's scopes."
            results.append(CheckResult(subject, False, delivery_error(error).public, remedy))
        else:
            results.append(CheckResult(subject, True, plural(len(response.get("users") or ()), "member")))
    return results


async def check_bot_token(client: AsyncWebClient) -> list[CheckResult]:
    """Check the client's token and its scopes."""
    token = client.token or ""
    for prefix, remedy in _WRONG_TOKENS.items():
        if token.startswith(prefix):
            return [CheckResult("Slack bot token", False, f"SLACK_BOT_TOKEN starts with {prefix}", remedy)]
    if not token.startswith("xoxb-"):
        remedy = "Copy the Bot User OAuth Token from OAuth & Permissions or Install App."
        return [CheckResult("Slack bot token", False, "SLACK_BOT_TOKEN does not start with xoxb-", remedy)]
    try:
        response = await client.auth_test()
    except UNREACHABLE as error:
        return [
            _failed("Slack bot token", error, "SLACK_BOT_TOKEN", "OAuth & Permissions, Bot User OAuth Token (xoxb-)")
        ]
    found = f"team {response.get('team')}, bot @{response.get('user')}"
    granted = next((value for name, value in response.headers.items() if name.lower() == "x-oauth-scopes"), None)
    return [CheckResult("Slack bot token", True, found), _scopes(granted), *_history(granted)]


def _scopes(granted: object) -> CheckResult:
    """Compare the granted scopes with those the code uses.

    Source: every Web API response has the header `X-OAuth-Scopes` (https://docs.slack.dev/authentication/installing-with-oauth,
    documented, read 2026-11-20).
    """
    if not isinstance(granted, str):
        return CheckResult("Slack scopes", True, "Slack did not list the granted scopes")
    have = {scope.strip() for scope in granted.split(",")}
    missing = sorted(set(SCOPES) - have)
    if missing:
        why = "; ".join(f"{scope} ({SCOPES[scope]})" for scope in missing)
        return CheckResult("Slack scopes", OPTIONAL_SCOPES.issuperset(missing), f"missing: {why}", REINSTALL)
    return CheckResult("Slack scopes", True, ", ".join(sorted(SCOPES)))


def _history(granted: object) -> list[CheckResult]:
    """What happens to a message whose answer was lost."""
    if not isinstance(granted, str):
        return []
    have = {scope.strip() for scope in granted.split(",")}
    missing = sorted({"channels:history", "groups:history"} - have)
    if missing:
        found = f"without {' and '.join(missing)}, an alert whose answer was lost may be posted twice"
        return [CheckResult("Slack history", True, found, REINSTALL)]
    found = (
        f"an alert whose answer was lost is looked for before it is posted again, up to {INTERNAL_PER_MINUTE} times a "
        "minute (1 for an app that is distributed outside Slack's Marketplace)"
    )
    return [CheckResult("Slack history", True, found)]


async def check_app_token(client: AsyncWebClient, app_token: str) -> CheckResult:
    """Check that the token opens a Socket Mode connection of the same app."""
    subject = "Slack app token (Socket Mode)"
    if not app_token.startswith("xapp-"):
        remedy = "Create one under Basic Information, App-Level Tokens, with the scope connections:write."
        return CheckResult(subject, False, "SLACK_APP_TOKEN does not start with xapp-", remedy)
    try:
        await client.apps_connections_open(app_token=app_token)
    except UNREACHABLE as error:
        where = "Basic Information, App-Level Tokens (xapp-, scope connections:write)"
        return _failed(subject, error, "SLACK_APP_TOKEN", where)
    if client.token and await _is_of_another_app(client, app_token):
        remedy = "Copy both tokens from the pages of one app."
        return CheckResult(subject, False, "this token and the bot token belong to different apps", remedy)
    return CheckResult(subject, True, "a connection can be opened")


async def _is_of_another_app(client: AsyncWebClient, app_token: str) -> bool:
    """Whether the app token names an app that is not the bot's; False if Slack does not show the bot's app.

    Source: the form `xapp-1-APP_ID-...` (observed, not documented); `bots.info` with `app_id`, which needs users:read
    (https://docs.slack.dev/reference/methods/bots.info, documented, read 2026-11-29).
    """
    named = _APP_ID.match(app_token)
    if named is None:
        return False
    try:
        bot_id = (await client.auth_test()).get("bot_id")
        bot: object = (await client.bots_info(bot=str(bot_id))).get("bot")
    except UNREACHABLE:
        return False
    app_id = bot.get("app_id") if isinstance(bot, dict) else None
    return isinstance(app_id, str) and app_id != named[1]


def _failed(subject: str, error: BaseException, variable: str, where: str) -> CheckResult:
    code = error_code(error)
    if code in BAD_TOKEN:
        remedy = f"Copy {variable} again from the app's page: {where}."
        return CheckResult(subject, False, f"Slack returned {code}", remedy)
    if code == "missing_scope":
        return CheckResult(subject, False, "Slack returned missing_scope", f"Check {where}.")
    remedy = "Try again in a minute." if "ratelimited" in code else "Check the network, a proxy, and SLACK_API_URL."
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        remedy = "Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY. Set NO_PROXY to reach Slack directly."
    elif isinstance(error, aiohttp.ClientConnectorCertificateError):
        remedy = "If a company's CA signed it, set SSL_CERT_FILE to a file with that CA's certificate."
    return CheckResult(subject, False, delivery_error(error).public, remedy)
