"""Count what was lost, doubled, left stale or out of order, from the messages of the emulated Slack."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from emulator.slack.model import Channel, Message
from emulator.slack.workspace import Workspace

Markers = Mapping[str, Sequence[str]]
"""The markers of each job, in order, by the id of its channel and its job: unique words that it logged."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The counts of one run."""

    lost: int
    """Markers that no message shows; of a job in a digest, its name."""
    doubled_roots: int
    doubled_replies: int
    stale_copies: int
    """Root messages that do not show the end of their job, or of all jobs of their digest."""
    out_of_order: int
    """Markers that a thread shows before an earlier one."""

    @property
    def is_perfect(self) -> bool:
        """Whether all counts are zero."""
        return not any(asdict(self).values())


def judge(workspace: Workspace, markers: Mapping[tuple[str, str], Sequence[str]]) -> Verdict:
    """Count over all channels."""
    channels = workspace.channels.values()
    messages = [message for channel in channels for message in channel.all_messages if delivery_id(message)]
    doubled = [group[1:] for group in copies(messages) if len(group) > 1]
    extra = [message for group in doubled for message in group]
    return Verdict(
        lost=sum(len(_missing(workspace.channels[channel], words)) for (channel, _), words in markers.items()),
        doubled_roots=sum(not message.is_reply for message in extra),
        doubled_replies=sum(message.is_reply for message in extra),
        stale_copies=sum(_is_stale(message) for message in messages),
        out_of_order=sum(_disorder(workspace.channels[channel], words) for (channel, _), words in markers.items()),
    )


def explain(workspace: Workspace, markers: Mapping[tuple[str, str], Sequence[str]]) -> list[str]:
    """Name each marker that is lost, each message that is stale or doubled, and each thread out of order."""
    found = []
    for (channel_id, job), words in markers.items():
        channel = workspace.channels[channel_id]
        found += [f"lost: {word} of {job} in {channel_id}" for word in _missing(channel, words)]
        if _disorder(channel, words):
            found.append(f"out of order: {job} in {channel_id}")
    for channel in workspace.channels.values():
        ours = [one for one in channel.all_messages if delivery_id(one)]
        extra = [one for group in copies(ours) for one in group[1:]]
        for word, wrong in (("stale", [one for one in ours if _is_stale(one)]), ("doubled", extra)):
            found += [f"{word}: {one.ts} in {channel.id}, {delivery_id(one)}: {one.text[:80]}" for one in wrong]
    return found


def delivery_id(message: Message) -> str | None:
    """The delivery id in a message's metadata."""
    payload = (message.metadata or {}).get("event_payload", {})
    found = payload.get("delivery_id")
    return str(found) if found else None


def copies(messages: Iterable[Message]) -> list[list[Message]]:
    """Messages grouped by delivery id, oldest first."""
    groups: defaultdict[str | None, list[Message]] = defaultdict(list)
    for message in messages:
        groups[delivery_id(message)].append(message)
    return list(groups.values())


def posts(workspace: Workspace) -> int:
    """How many alerts and replies were posted, including deleted ones."""
    everything = (one for channel in workspace.channels.values() for one in (*channel.all_messages, *channel.deleted))
    return sum(delivery_id(message) is not None for message in everything)


def roots(workspace: Workspace) -> int:
    """How many incidents have a root message."""
    found = {
        (message.metadata or {})["event_payload"].get("incident_id")
        for channel in workspace.channels.values()
        for message in channel.messages
        if delivery_id(message) and not message.is_reply
    }
    return sum(str(one).startswith("inc-") for one in found)


def _missing(channel: Channel, words: Sequence[str]) -> list[str]:
    text = json.dumps([message.blocks for message in channel.all_messages])
    return [word for word in words if word not in text]


def _is_stale(message: Message) -> bool:
    shown = str((message.metadata or {})["event_payload"].get("incident_id"))
    has_ended = message.text.startswith(("✅", "⚪")) or message.text.endswith("Nothing needs attention.")
    return not message.is_reply and shown.startswith(("inc-", "dig-")) and not has_ended


def _disorder(channel: Channel, words: Sequence[str]) -> int:
    replies = [json.dumps(message.blocks) for message in channel.all_messages if message.is_reply]
    first = [next((index for index, text in enumerate(replies) if word in text), None) for word in words]
    shown = [index for index in first if index is not None]
    return sum(later < earlier for earlier, later in pairwise(shown))
