"""The verdict on a run in the message of an alert and in its thread."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot.domain.alerts import Evidence, Incident, NotifyReason
from bot.domain.jobs import JobState
from bot.domain.progress import Checkpoint, RunProgress
from bot.domain.run_verdicts import Remedy, RunVerdict
from bot.slack.render.alerts import render_reply
from bot.slack.render.incident_root import render_root
from bot.slack.render.mentions import Mentioned
from bot.slack.render.message import Message
from tests.unit.slack.factories import HOSTILE, alert, at, errors, incident, job

NODE = RunVerdict(Remedy.CHANGE_NODE, "third failure on gpu-17 within a week", "the kernel log", is_from_log_only=False)
OWNER = Mentioned((), "U0ANNA")


def judged(verdict: RunVerdict | None = NODE, evidence: Evidence | None = None) -> Incident:
    return incident(alert(evidence=replace(evidence or errors(), verdict=verdict, hint="Drain the node.")))


def shown(message: Message) -> str:
    return "\n".join(re.findall(r"'text': '((?:[^'\\]|\\.)*)'", str(message.blocks))).replace("\\n", "\n")


def test_root_has_the_verdict_before_what_to_try() -> None:
    text = shown(render_root(judged(evidence=Evidence("It died."))))

    assert "*Change node:* third failure on gpu-17 within a week\n*Try:* Drain the node." in text
    assert "*Try:* Drain the node.\nChange node\n" in shown(render_root(judged()))


def test_root_without_a_line_left_names_the_verdict_beside_the_owner() -> None:
    full = judged(evidence=replace(errors(), root=0, summary="s" * 70))
    long = replace(
        full,
        alerts=(replace(full.alerts[0], title="T" * 40),),
        job=replace(job(JobState.FAILED), ended_at=at(2)),
        progress=RunProgress(step=2683, total_steps=50_000, checkpoint=Checkpoint(2500, at(-10))),
    )
    text = shown(render_root(long, OWNER))

    assert "third failure" not in text
    assert "*Try:* Drain the node.\nStarted by <@U0ANNA> · change node" in text


def test_thread_has_what_is_missing() -> None:
    about = judged()
    text = shown(render_reply(about, about.alerts[0], NotifyReason.FIRST))

    assert "*Change node:* third failure on gpu-17 within a week. *To be sure:* the kernel log.\n*Try:*" in text


@pytest.mark.parametrize("mentioned", [Mentioned(), OWNER])
def test_hostile_reason_notifies_nobody(mentioned: Mentioned) -> None:
    about = judged(RunVerdict(Remedy.FIX, HOSTILE, HOSTILE))
    for message in (render_root(about, mentioned), render_reply(about, about.alerts[0], NotifyReason.FIRST)):
        assert "<!channel>" not in shown(message)
        assert "<@U0ATTACK1>" not in shown(message)


def test_evidence_without_a_verdict_still_loads() -> None:
    assert Evidence("x").verdict is None
    assert "*Try:* Drain the node." in shown(render_root(judged(None)))
