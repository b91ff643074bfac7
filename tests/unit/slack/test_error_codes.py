"""Every documented error of Slack has a kind and a sentence; each kind is handled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook import WebhookResponse

from bot.slack.error_codes import ERRORS, ErrorKind
from bot.slack.failures import delivery_error, response_url_error
from tests.unit.slack.documented_errors import BY_METHOD, COMMON

SLACK_CODE = Path(__file__).parents[3] / "bot/slack"
FIXABLE = """
access_denied enterprise_is_restricted is_archived message_limit_exceeded missing_scope no_permission not_in_channel
plan_upgrade_required restricted_action restricted_action_read_only_channel restricted_action_thread_only_channel
team_access_not_granted token_revoked two_factor_setup_required channel_is_limited_access
slack_connect_file_link_sharing_blocked
"""


def error(code: str, status: int = 200) -> SlackApiError:
    data = {"ok": False, "error": code}
    response = AsyncSlackResponse(
        client=None, http_verb="POST", api_url="", req_args={}, data=data, headers={}, status_code=status
    )
    return SlackApiError("refused", response)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("method", BY_METHOD)
def test_every_documented_error_of_a_method_is_classified(method: str) -> None:
    assert [] == [code for code in f"{COMMON} {BY_METHOD[method]}".split() if code not in ERRORS]


def test_every_classified_error_is_documented() -> None:
    documented = set(" ".join([COMMON, *BY_METHOD.values()]).split())
    assert set() == set(ERRORS) - documented


def test_every_method_that_is_called_has_a_list() -> None:
    called = set()
    for file in SLACK_CODE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        called |= {f"{group}.{name}" for group, name in re.findall(r'"(chat|conversations|files)\.(\w+)"', text)}
        called |= {one.replace("_", ".") for one in re.findall(r"client\.((?:[a-z]+_)+\w+)\(", text)}
    assert set() == {one for one in called if "." in one} - set(BY_METHOD) - {
        "api.call",
        "is.connected",
        "send.socket.mode.response",
    }


@pytest.mark.parametrize("code", FIXABLE.split())
def test_what_a_person_can_fix_is_retried_and_says_what_to_do(code: str) -> None:
    problem = delivery_error(error(code))
    assert (False, False, False) == (problem.permanent, problem.unlisted, problem.retry_after is None)
    assert re.search(r"Ask|Install|invite|admin|[Uu]se|Unarchive|Watch", problem.public), problem.public


@pytest.mark.parametrize(("code", "kind"), [(code, kind) for code, (kind, _) in sorted(ERRORS.items())])
def test_an_error_is_retried_only_if_that_can_help(code: str, kind: ErrorKind) -> None:
    problem = delivery_error(error(code))
    retried = kind in (ErrorKind.FIXABLE, ErrorKind.TEMPORARY, ErrorKind.RATE_LIMITED)
    assert (retried, False) == (not problem.permanent, problem.unlisted)
    assert (kind is ErrorKind.ROOT_GONE) == problem.root_gone


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, (_, text) in sorted(ERRORS.items())])
def test_a_sentence_fits_into_two_lines(code: str, text: str) -> None:
    assert text.endswith(".")
    assert len(text) <= 120, code


@pytest.mark.parametrize("status", [200, 400, 403])
def test_an_unknown_code_is_retried_a_few_times(status: int) -> None:
    problem = delivery_error(error("a_new_code", status))
    assert (True, False) == (problem.unlisted, problem.permanent)


@pytest.mark.parametrize(
    ("status", "body", "reason", "permanent"),
    [
        (200, "ok", None, None),
        (200, '{"ok":true}', None, None),
        (200, "", None, None),
        (200, '{"ok":false,"error":"used_url"}', "used_url", True),
        (404, '{"ok":false,"error":"expired_url"}', "expired_url", True),
        (404, "<html>", "expired_url", True),
        (404, "channel_not_found", "channel_not_found", False),
        (410, "channel_is_archived", "channel_is_archived", False),
        (403, "action_prohibited", "action_prohibited", False),
        (400, "something_new", "invalid_payload", True),
        (429, "", "ratelimited", False),
        (503, "upstream", "http_503", False),
    ],
)
def test_the_answer_of_a_response_url_is_classified(
    status: int, body: str, reason: str | None, permanent: bool | None
) -> None:
    problem = response_url_error(WebhookResponse(url="", status_code=status, body=body, headers={}))
    assert (reason, permanent) == ((problem.reason, problem.permanent) if problem else (None, None))
