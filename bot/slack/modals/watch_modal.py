"""Watch a job in three taps: open this, pick the job, submit. The place is chosen already."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.commands.parsing.tokenizer import quote
from bot.domain.audit import AuditResult
from bot.slack.answering import Answering
from bot.slack.app_home import AppHome
from bot.slack.channel_check import is_absent
from bot.slack.gate import Attempt
from bot.slack.memberships import Membership
from bot.slack.modals.handler import FieldErrors, ModalHandler, ModalUse, SubmissionOutcome, Submitted
from bot.slack.payloads import PayloadOrigin
from bot.slack.render.blocks import WATCH_MODAL, section
from bot.slack.render.icons import CLEARED
from bot.slack.render.message import message
from bot.slack.render.modal import MAX_CHOICES, Choice, Field, Modal, menu_input, search_input
from bot.slack.render.query_form import job_choice, typed_choice
from bot.slack.render.text import channel_link

_LISTING_S = 1.5
"""How long the form waits for a list of jobs; a slower one is there when a person types."""
_JOB, _PLACE = "job", "place"
_DIRECT = "Direct message to me"
_PICK = "Pick a job from the list, or type its ID or name."


@dataclass(frozen=True, slots=True)
class WatchModal(ModalHandler):
    """Subscribes a channel or the direct message to a job, as `/train watch` does there."""

    answering: Answering
    home: AppHome
    name = WATCH_MODAL
    title = "Watch a job"

    async def open(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        """The form; the place is where it was opened. Waits a moment for the jobs of the platforms."""
        listing = asyncio.ensure_future(self.answering.list_jobs())
        await asyncio.wait([listing], timeout=_LISTING_S)
        await use.reply.show(await self._form(use))
        await listing
        return None

    async def _form(self, use: ModalUse) -> Modal:
        membership = await self.home.memberships.get(use.reply.client, use.reply.user)
        direct = await self.home.store.homes.direct_message_of(use.reply.user) or use.reply.user
        places = _places(use.reply.channel, direct, membership)
        hint = "" if not membership.missing_scopes else "In a channel that is missing here, type /train watch."
        job = Field(_JOB, "Job", "Type a name or an ID", _PICK, is_optional=False)
        place = Field(_PLACE, "Where to send its alerts", hint=hint, is_optional=False)
        blocks = (search_input(job), menu_input(place, places, places[0].value))
        return Modal(self.name, self.title, blocks, submit="Watch", close="Cancel")

    async def suggest(self, use: ModalUse, typed: str) -> Sequence[Choice]:
        """The listed jobs that match and have not ended, and what was typed."""
        may_read = await self.answering.gate.reader(use.origin, use.reply.client)
        found = await self.home.store.known_jobs.search(typed, limit=MAX_CHOICES)
        choices = [
            job_choice(job)
            for job in found
            if not (job.state and job.state.is_terminal) and (may_read is None or may_read(use.reply.channel, job.ref))
        ]
        return [*choices[: MAX_CHOICES - 1], *([typed_choice(typed)] if typed.strip() else [])]

    async def submit(self, use: ModalUse, attempt: Attempt) -> SubmissionOutcome:
        """Run the command in the chosen place."""
        job, place, client = use.fields.text(_JOB), _place(use), use.reply.client
        if not job:
            return FieldErrors({_JOB: _PICK})
        is_direct = place[:1] not in ("C", "G")
        if not is_direct and await is_absent(client, place):
            return FieldErrors({_PLACE: "trainwatch is not in this channel. Type /invite @trainwatch there first."})
        reply = replace(use.reply, channel=place)
        await self.answering.answer(reply, f"watch {quote(job)}", replace(use.asker, channel=place), attempt)
        if attempt.result is AuditResult.DONE:
            where = "here, in your direct messages with trainwatch" if is_direct else f"in {channel_link(place)}"
            text = f"{CLEARED} Done. The alerts of this job arrive {where}."
            await replace(reply, kept=(), submit="").private(message(text, [section(text)]))
            await self.home.show_change(use.reply.user, client)
        return Submitted.SHOWN

    def origin(self, use: ModalUse) -> PayloadOrigin:
        """The chosen place, in whose audit trail the subscription belongs."""
        return replace(use.origin, channel=_place(use))

    def record(self, use: ModalUse) -> str:
        """What the audit trail has about a submission."""
        return f"watch {use.fields.text(_JOB)}".rstrip()


def _place(use: ModalUse) -> str:
    """Where the alerts will arrive."""
    return use.fields.text(_PLACE) or use.reply.channel


def _places(here: str, direct: str, membership: Membership) -> list[Choice]:
    """The channel where it was opened, the direct message, then the person's other channels by name."""
    named = sorted((name.casefold(), name, one) for one, name in membership.channels.items())
    channels = {one: Choice(one, f"#{name}") for _, name, one in named}
    first = [channels.pop(here, Choice(here, "This channel"))] if here[:1] in ("C", "G") else []
    return [*first, Choice(direct, _DIRECT), *channels.values()]
