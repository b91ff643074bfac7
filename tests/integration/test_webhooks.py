"""Webhooks get one signed event for each state of an incident, in order, whatever Slack and their receivers do."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from bot.domain.alerts import Severity
from bot.domain.destinations import webhook_name
from bot.domain.jobs import JobState
from bot.domain.notify import EscalationStep, MentionTarget, NotifySettings
from bot.notifiers.config import ConfiguredWebhook, parse_webhooks
from bot.notifiers.dispatch import DispatchingNotifier
from bot.notifiers.http_post import WebhookClient
from bot.notifiers.webhooks import WebhookNotifier
from bot.store.store import Store
from bot.watcher.deliver import Deliverer, DeliverySettings
from bot.watcher.poll import Poller
from bot.watcher.remind import ReminderJob
from emulator.pagerduty import PagerDuty, pagerduty_app
from emulator.server import running
from tests.fakes.clock import ManualClock
from tests.fakes.provider import FakeProvider
from tests.integration.polling import poll_until_idle, watch

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "webhook-event.schema.json").read_text(encoding="utf-8"))
SECRET = "whsec-0123456789abcdef"
ROUTING_KEY = "demo-pagerduty-routing-key-0123456"
ERROR = "RuntimeError: CUDA error: device-side assert triggered"
SETTINGS = DeliverySettings(interval_s=0.0, first_retry=timedelta(seconds=1))


@dataclass
class Receiver:
    """A receiver that believes nothing without a valid signature."""

    clock: ManualClock
    answers: list[int] = field(default_factory=list)
    """Statuses of the next requests; 200 after them."""
    events: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0

    async def hook(self, request: Request) -> Response:
        body = await request.body()
        stated = dict(part.split("=", 1) for part in request.headers["trainwatch-signature"].split(","))
        expected = hmac.new(SECRET.encode(), f"{stated['t']}.".encode() + body, hashlib.sha256).hexdigest()
        age_s = abs(self.clock().timestamp() - int(stated["t"]))
        if not hmac.compare_digest(expected, stated["v1"]) or age_s > 300:
            self.refused += 1
            return Response(status_code=401)
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            event = json.loads(body)
            Draft202012Validator(SCHEMA).validate(event)
            self.events.append(event)
        return Response(status_code=status, headers={"location": "https://elsewhere.example/"})

    @property
    def types(self) -> list[str]:
        return [event["type"].removeprefix("incident.") for event in self.events]


@dataclass
class Bench:
    """A watcher, an outbox without Slack, a receiver and an emulated PagerDuty."""

    store: Store
    provider: FakeProvider
    poller: Poller
    clock: ManualClock
    receiver: Receiver
    pagerduty: PagerDuty
    deliverer: Deliverer

    async def fail(self, job_id: str = "j1") -> None:
        self.provider.log(job_id, f"Traceback (most recent call last):\n{ERROR}", at=self.clock())
        await self.poll()

    async def poll(self, seconds: float = 30) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        await poll_until_idle(self.poller)

    async def deliver(self, *waits_s: float) -> None:
        for wait_s in (0, *waits_s):
            self.clock.advance(timedelta(seconds=wait_s))
            while await self.deliverer.tick():
                pass

    async def incident_id(self) -> str:
        return (await self.store.incidents.list_open("C1"))[0].id


@pytest.fixture
async def bench(store: Store, provider: FakeProvider, poller: Poller, clock: ManualClock) -> AsyncIterator[Bench]:
    receiver, account = Receiver(clock), PagerDuty()
    routes = [Route("/hook", receiver.hook, methods=["POST"]), Mount("/pagerduty", pagerduty_app(account))]
    async with running(Starlette(routes=routes)) as url:
        webhooks = WebhookNotifier(configured(url), WebhookClient(timeout_s=5), clock)
        store.set_webhooks(webhooks.configured)
        notifier = DispatchingNotifier(webhooks, webhooks, pings=webhooks)
        deliverer = Deliverer(
            store, notifier, clock, SETTINGS, jitter=lambda: 1.0, accepts=lambda one: webhook_name(one) is not None
        )
        await watch(store, provider, "j1")
        yield Bench(store, provider, poller, clock, receiver, account, deliverer)
        await deliverer.stop()
        await webhooks.aclose()


def configured(url: str) -> tuple[ConfiguredWebhook, ...]:
    text = f"""
        [ops]
        url = "{url}/hook"
        severity = "warn"
        [pagerduty-ml]
        kind = "pagerduty"
        url = "{url}/pagerduty/v2/enqueue"
        severity = "page"
    """
    secrets = {"trainwatch_webhook_ops_secret": SECRET, "trainwatch_webhook_pagerduty_ml_secret": ROUTING_KEY}
    return parse_webhooks(text, secrets)


async def test_each_state_of_an_incident_is_one_signed_event(bench: Bench) -> None:
    await bench.fail()
    await bench.deliver()
    incident_id = await bench.incident_id()
    for _ in range(3):
        await bench.fail()  # Slack's message is edited, the state is the same
    await bench.deliver()
    await bench.store.incidents.acknowledge(incident_id, "U1", bench.clock())
    await bench.deliver()
    await bench.store.incidents.close(incident_id, "U1", bench.clock())
    await bench.deliver()

    assert ["firing", "acknowledged", "resolved"] == bench.receiver.types
    first, second, third = bench.receiver.events
    assert {incident_id} == {event["dedup_key"] for event in bench.receiver.events}
    assert 3 == len({event["id"] for event in bench.receiver.events})
    assert ERROR in str(first["incident"]["alerts"])
    assert "U1" == second["incident"]["acknowledged"]["by"] == third["incident"]["closed"]["by"]
    assert 0 == bench.receiver.refused


async def test_pagerduty_is_triggered_acknowledged_and_resolved(bench: Bench) -> None:
    bench.provider.jobs["j1"] = bench.provider.add_job("j1", JobState.FAILED)
    await bench.poll()
    await bench.deliver()
    incident_id = await bench.incident_id()
    assert {incident_id: "triggered"} == bench.pagerduty.incidents
    await bench.store.incidents.acknowledge(incident_id, "U1", bench.clock())
    await bench.deliver()
    assert {incident_id: "acknowledged"} == bench.pagerduty.incidents
    await bench.store.incidents.close(incident_id, "U1", bench.clock())
    await bench.deliver()
    assert {incident_id: "resolved"} == bench.pagerduty.incidents
    payload: Any = bench.pagerduty.events[0]["payload"]
    assert "critical" == payload["severity"]
    assert str(bench.provider.jobs["j1"].ref) == payload["source"]


async def test_a_step_of_the_escalation_is_an_event_for_the_incidents_routes(bench: Bench) -> None:
    chain = (EscalationStep(timedelta(minutes=15), MentionTarget("C0WARROOM")),)
    chosen = NotifySettings(escalation={Severity.PAGE: chain}, webhooks={"ops": Severity.PAGE})
    await bench.store.preferences.change_channel("C1", lambda _settings: chosen, "U1", bench.clock())
    bench.provider.jobs["j1"] = bench.provider.add_job("j1", JobState.FAILED)
    await bench.poll()
    await bench.deliver()
    bench.clock.advance(timedelta(minutes=16))
    await ReminderJob(bench.store, bench.clock).tick()
    await bench.deliver()
    assert ["firing", "escalated"] == bench.receiver.types
    assert 1 == bench.receiver.events[1]["escalation"]["step"]
    assert ["trigger", "trigger"] == [event["event_action"] for event in bench.pagerduty.events]
    assert {await bench.incident_id(): "triggered"} == bench.pagerduty.incidents


@pytest.mark.parametrize("answers", [[503, 503], [500, 429], [302, 401, 404]])
async def test_a_refused_event_is_retried_before_later_ones(bench: Bench, answers: list[int]) -> None:
    bench.receiver.answers = list(answers)
    await bench.fail()
    await bench.deliver()
    await bench.store.incidents.acknowledge(await bench.incident_id(), "U1", bench.clock())
    await bench.deliver(*[30] * (len(answers) + 1))
    assert ["firing", "acknowledged"] == bench.receiver.types
    assert [] == bench.receiver.answers


async def test_an_event_that_is_refused_permanently_does_not_hold_up_others(bench: Bench) -> None:
    bench.receiver.answers = [422]
    await bench.fail()
    await bench.store.incidents.acknowledge(await bench.incident_id(), "U1", bench.clock())
    await bench.deliver()
    assert ["acknowledged"] == bench.receiver.types


async def test_slack_messages_wait_for_slack_alone(bench: Bench) -> None:
    await bench.fail()
    await bench.deliver()
    assert ["firing"] == bench.receiver.types
    waiting = await bench.store.deliveries.claim(bench.clock(), lease=timedelta(minutes=1))
    assert {"C1"} == {one.channel for one in waiting}
    assert waiting[0].root is None


async def test_a_channel_chooses_other_severities(bench: Bench) -> None:
    def choose(name: str, severity: Severity | None) -> Any:
        return lambda settings: type(settings)(webhooks={**settings.webhooks, name: severity})

    await bench.store.preferences.change_channel("C1", choose("ops", None), "U1", bench.clock())
    await bench.store.preferences.change_channel("C1", choose("pagerduty-ml", Severity.INFO), "U1", bench.clock())
    await bench.fail()
    await bench.deliver()
    assert ([], ["triggered"]) == (bench.receiver.types, list(bench.pagerduty.incidents.values()))


async def test_a_silenced_alert_sends_nothing(bench: Bench) -> None:
    ends_at = bench.clock() + timedelta(hours=1)
    await bench.store.silences.add("C1", [], "U1", ends_at, bench.clock())
    await bench.fail()
    await bench.deliver()
    assert ([], {}) == (bench.receiver.types, bench.pagerduty.incidents)


async def test_a_webhook_that_was_removed_is_reported(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await bench.fail()
    gone = WebhookNotifier((), WebhookClient(), bench.clock)
    deliverer = Deliverer(bench.store, DispatchingNotifier(gone, gone, pings=gone), bench.clock, SETTINGS)
    while await deliverer.tick():
        pass
    assert "delivery dead" in caplog.text
    await deliverer.stop()


async def test_an_event_whose_sender_died_is_sent_again_without_a_search(bench: Bench) -> None:
    await bench.fail()
    claimed = await bench.store.deliveries.claim(bench.clock(), lease=timedelta(seconds=5))
    assert {"webhook:ops"} <= {one.channel for one in claimed}
    bench.receiver.events.clear()
    await bench.deliver(6)
    assert ["firing"] == bench.receiver.types
