"""What must hold in every simulation: nothing lost, nothing doubled, replies after their root, final state, pace."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.domain.alerts import Incident
from bot.slack.render.incident_root import render_root
from bot.store.codec import from_json
from tests.simulation.scenario import Scenario
from tests.simulation.slack import Posted, SlackModel

BURST, SUSTAINED_S = 5, 1.0
"""A channel may get this many messages at once, and one each second in the long run."""
Rows = Callable[[str], Sequence[tuple[object, ...]]]


@dataclass(frozen=True)
class Violation:
    """An invariant that did not hold."""

    invariant: str
    detail: str


def check_post(slack: SlackModel, posted: Posted) -> list[Violation]:
    """Check one new message against those before it."""
    found = []
    recent = [one for one in slack.messages if one.channel == posted.channel and one.at_s > posted.at_s - 10]
    if len(recent) > BURST + 10 / SUSTAINED_S:
        found.append(Violation("pace", f"{len(recent)} messages within 10 s in {posted.channel}"))
    return found


def check_at_end(scenario: Scenario, slack: SlackModel, rows: Rows) -> list[Violation]:
    """Check what people see when everything works again."""
    doubled = [*_doubled(slack), *_announced_twice(slack)] if scenario.can_read_history else []
    return [*_lost(slack, rows), *doubled, *_stale(slack, rows), *_unseen(scenario, rows)]


def _lost(slack: SlackModel, rows: Rows) -> list[Violation]:
    """Every delivery that was decided is sent, and its message is there."""
    found = [
        Violation("lost", f"{kind} delivery {identity} is {state}")
        for identity, kind, state in rows("SELECT id, kind, state FROM deliveries WHERE state IN ('queued', 'dead')")
    ]
    shown = {one.ts for one in slack.messages if not one.deleted}
    sent = rows("SELECT id, kind, json_extract(receipt, '$.ts') FROM deliveries WHERE state = 'sent'")
    return found + [
        Violation("lost", f"{kind} delivery {identity} is marked as sent, but {ts} is not shown")
        for identity, kind, ts in sent
        if ts not in shown
    ]


def _doubled(slack: SlackModel) -> list[Violation]:
    """No delivery has two messages."""
    shown = Counter(one.metadata.get("delivery_id") for one in slack.messages if not one.deleted)
    return [Violation("doubled", f"{count} messages of {name}") for name, count in shown.items() if count > 1]


def _announced_twice(slack: SlackModel) -> list[Violation]:
    """No firing of an alert has two root messages in a channel."""
    shown = [one for one in slack.messages if not one.deleted and not one.thread_ts]
    roots = Counter((one.channel, one.metadata["alert_id"]) for one in shown if one.metadata.get("alert_id"))
    return [Violation("doubled", f"{count} root messages of {key}") for key, count in roots.items() if count > 1]


def _stale(slack: SlackModel, rows: Rows) -> list[Violation]:
    """Each root message shows the newest state of its incident."""
    incidents = rows("SELECT value, root FROM incidents WHERE digest_id IS NULL AND root IS NOT NULL")
    states = {json.loads(str(root))["ts"]: from_json(str(value), Incident) for value, root in incidents}
    found = []
    for message in (one for one in slack.messages if one.ts in states and not one.deleted):
        newest = render_root(states[message.ts]).payload()
        shown = {name: message.payload.get(name) for name in newest}
        if shown != newest:
            found.append(Violation("stale", f"{message.ts} shows {shown['text']!r} instead of {newest['text']!r}"))
    return found


def _unseen(scenario: Scenario, rows: Rows) -> list[Violation]:
    """Each job that logged an error or failed has an incident in each of its channels."""
    notified = {
        (channel, job)
        for channel, job in rows("SELECT DISTINCT channel, json_extract(value, '$.job.ref.id') FROM incidents")
    }
    restarted = {event.target for event in scenario.events if event.what == "restart"}
    failed = {event.target for event in scenario.events if event.what == "fail"} - restarted
    broken = failed | {event.target for event in scenario.events if event.what == "log"}
    return [
        Violation("lost", f"{channel} was not notified of {job}")
        for channel, job in scenario.subscriptions
        if job in broken and (channel, job) not in notified
    ]
