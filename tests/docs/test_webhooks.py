"""docs/webhooks.md: its code verifies what we sign, its file is valid, its event has the documented form."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bot.domain.alerts import DeliveryKind
from bot.domain.reminders import Escalation
from bot.notifiers.config import parse_webhooks
from bot.notifiers.pagerduty.event import build_pagerduty_event
from bot.notifiers.webhook.event import build_event, encode_event
from bot.notifiers.webhook.signature import sign
from emulator.pagerduty import check_event
from tests.unit.slack.factories import HOSTILE, alert, at, errors, failed, incident, job, notification

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "webhooks.md").read_text(encoding="utf-8")
SCHEMA = json.loads((DOCS / "webhook-event.schema.json").read_text(encoding="utf-8"))
INCIDENTS = {
    "one alert": incident(),
    "several alerts": incident(alert(), failed()),
    "a job without a name": incident(of=job(name=None)),
    "hostile text": incident(alert(evidence=errors(3)), of=job(name=HOSTILE)),
    "a long title": incident(of=job(name="x" * 3000)),
}


def block(language: str) -> str:
    """The only code block of a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", re.sub(r"(?m)^ {3}", "", TEXT), re.DOTALL)
    return str(found)


def test_the_code_of_a_receiver_accepts_our_signature_and_nothing_else() -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)  # noqa: S102 - it is our document
    verify, body, now = names["is_from_trainwatch"], b'{"version":1}', int(time.time())
    assert verify(body, sign(body, "secret", now), "secret")
    assert not verify(body + b" ", sign(body, "secret", now), "secret")
    assert not verify(body, sign(body, "other", now), "secret")
    assert not verify(body, sign(body, "secret", now - 3600), "secret")


def test_the_file_is_valid() -> None:
    settings = {"trainwatch_webhook_oncall_secret": "x" * 20, "trainwatch_webhook_ops_secret": "y" * 20}
    assert ["oncall", "ops"] == [one.webhook.name for one in parse_webhooks(block("toml"), settings)]


@pytest.mark.parametrize("case", INCIDENTS)
@pytest.mark.parametrize("step", [None, Escalation(1, 2, "U0BEN", at(0), at(15))], ids=["state", "escalation"])
def test_an_event_matches_the_schema_and_pagerduty_accepts_it(case: str, step: Escalation | None) -> None:
    about = INCIDENTS[case]
    of = notification(DeliveryKind.EVENT, about, escalation=step)
    event = json.loads(encode_event(build_event(of, about, "dlv-0123456789ab")))
    assert event["type"] == ("incident.firing" if step is None else "incident.escalated")
    Draft202012Validator(SCHEMA).validate(event)
    Draft202012Validator.check_schema(SCHEMA)
    body = encode_event(build_pagerduty_event(about, "key", step))
    assert [] == check_event(body, frozenset({"key"}))


def test_the_example_has_only_documented_fields() -> None:
    example = json.loads(block("json").replace("...", "more"))
    assert set(example) <= set(SCHEMA["properties"])
    assert set(example["incident"]) <= set(SCHEMA["properties"]["incident"]["properties"])
    assert set(example["incident"]["alerts"][0]) <= set(SCHEMA["$defs"]["alert"]["properties"])
