"""What must hold in every simulation: nothing lost, nothing doubled, replies after their root, final state, pace."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.domain.alerts import DeliveryKind, Incident, Notification, NotifyReason, Receipt
from bot.domain.digest_plans import StoredDigest
from bot.domain.digests import DigestState
from bot.rules.digest import build_digest
from bot.slack.render.digest import render_digest
from bot.slack.render.incident_root import render_root
from bot.slack.render.message import Message
from bot.store.codec import from_json
from tests.simulation.scenario import Scenario, epoch
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
    copies = [*_doubled(slack), *_announced_twice(slack), *_abandoned(slack, rows)]
    found = [*_lost(slack, rows), *_stale(slack, rows), *_unseen(scenario, rows)]
    return [*found, *copies] if scenario.can_read_history else found


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
    """Each root message shows the newest state of its incident or digest."""
    alone = rows("SELECT root, value FROM incidents WHERE digest_id IS NULL AND root IS NOT NULL")
    newest = {_ts(root): render_root(from_json(str(value), Incident)) for root, value in alone} | _digests(rows)
    found = []
    for shown in (one for one in slack.messages if one.ts in newest and not one.deleted):
        wanted = newest[shown.ts].payload()
        if any(shown.payload.get(name) != value for name, value in wanted.items()):
            found.append(
                Violation("stale", f"{shown.ts} shows {shown.payload['text']!r} instead of {wanted['text']!r}")
            )
    return found


def _abandoned(slack: SlackModel, rows: Rows) -> list[Violation]:
    """Each root message of an alert is updated: that of an incident alone, or that of a digest."""
    alone = rows("SELECT root FROM incidents WHERE digest_id IS NULL AND root IS NOT NULL")
    updated = {_ts(root) for (root,) in (*alone, *rows("SELECT root FROM digests WHERE root IS NOT NULL"))}
    return [
        Violation("stale", f"nothing updates {one.ts}, which shows {one.payload['text']!r}")
        for one in slack.messages
        if one.metadata.get("alert_id") and not one.thread_ts and not one.deleted and one.ts not in updated
    ]


def _digests(rows: Rows) -> dict[str, Message]:
    """The newest state of each digest by its root message."""
    members: defaultdict[object, list[Incident]] = defaultdict(list)
    for name, value in rows("SELECT digest_id, value FROM incidents ORDER BY opened_at, id"):
        members[name].append(from_json(str(value), Incident))
    newest = {}
    for root, name, channel, key in rows("SELECT root, id, channel, key FROM digests WHERE root IS NOT NULL"):
        stored = StoredDigest(str(name), str(channel), str(key), epoch(), epoch(), None, DigestState(), has_root=True)
        if joined := members[name]:
            digest = build_digest(stored, joined)
            edit = Notification(DeliveryKind.EDIT, NotifyReason.CHANGED, joined[0].job, digest=digest)
            newest[_ts(root)] = render_digest(edit)
    return newest


def _ts(root: object) -> str:
    return from_json(str(root), Receipt).ts


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
