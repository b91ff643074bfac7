"""Digests as Slack messages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.alerts import DeliveryKind
from bot.slack.render.alerts import render_notification
from bot.slack.render.digest_text import digest_headline
from bot.slack.render.mentions import Mentioned
from tests.unit.slack.samples import DIGESTS, STORM_MEMBERS, digest_of, hostile_digest
from tests.unit.slack.validity import buttons, problems, shown

CAUGHT_UP = "downtime:2026-03-13T12:00:00+00:00"


@pytest.mark.parametrize("case", DIGESTS)
def test_rendering_matches_snapshot(case: str, json_snapshot: SnapshotAssertion) -> None:
    message = render_notification(DIGESTS[case])
    assert [] == problems(message)
    assert json_snapshot == message.payload()


@pytest.mark.parametrize("kind", [DeliveryKind.ROOT, DeliveryKind.REPLY])
@pytest.mark.parametrize("key", ["", "platform:<!channel>", "disk:```<@U1>", "node:x", CAUGHT_UP])
def test_hostile_text_notifies_no_one_and_stays_within_limits(kind: DeliveryKind, key: str) -> None:
    assert [] == problems(render_notification(hostile_digest(kind, key)))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, ["*1 job: NCCL timeout*"]),
        (37, ["*37 jobs: NCCL timeout*"]),
        (38, ["*37 jobs: NCCL timeout*", "1 other"]),
        (53, ["*37 jobs: NCCL timeout*", "12: Disk full", "4 others"]),
    ],
)
def test_the_headline_counts_by_cause(count: int, expected: list[str]) -> None:
    members = STORM_MEMBERS[:count]
    assert digest_headline(digest_of(*members)) == "\U0001f534 " + " \N{MIDDLE DOT} ".join(expected)


@pytest.mark.parametrize(
    ("key", "name"), [("platform:fireworks", "Fireworks"), ("metrics:rivergen", "The metrics of rivergen")]
)
def test_a_platform_begins_its_sentence_with_a_capital(key: str, name: str) -> None:
    assert f"{name} cannot be read" in digest_headline(replace(digest_of(*STORM_MEMBERS[:2]), key=key))


def test_people_are_mentioned_once() -> None:
    message = render_notification(DIGESTS["storm"], Mentioned(("S0ONCALL",)))
    assert shown(message).count("<!subteam^S0ONCALL>") == 1


def test_the_next_step_for_all_is_a_button_and_each_job_an_option() -> None:
    offered = buttons(render_notification(DIGESTS["storm"]))
    assert (next(iter(offered)), [*offered][-1]) == ("Acknowledge all", "Silence all 1 hour")
    assert "Resolve all" not in offered
    assert next(iter(buttons(render_notification(DIGESTS["storm_acknowledged"])))) == "Resolve all"
    assert offered["llama-8b-039"] == "inc-000000000039"
