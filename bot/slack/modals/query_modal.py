"""The form of a query: a job found by type-ahead, what to show of it, and a filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.commands.answers import Asker
from bot.commands.parsing.query_draft import QueryDraft, QueryField, decode_draft
from bot.domain.audit import AuditResult
from bot.domain.job_matching import KnownJob
from bot.errors import BotError
from bot.slack.answering import Answering
from bot.slack.gate import Attempt
from bot.slack.modals.answer_modal import answer_reply
from bot.slack.modals.handler import FieldErrors, ModalHandler, ModalUse, SubmissionOutcome, Submitted
from bot.slack.modals.metadata import ModalMetadata
from bot.slack.render.blocks import QUERY_MODAL
from bot.slack.render.modal import MAX_CHOICES, Choice, Modal
from bot.slack.render.query_form import QUERY_TITLE, job_choice, render_query, typed_choice
from bot.slack.reply import Reply
from bot.store.store import Store

_MAX_HERE = 40
"""Jobs of the channel at the top of the menu."""
_MAX_PROBLEM = 300
_MAX_READ = 2_000
"""Jobs that are found for a person who may read only some of them."""


@dataclass(frozen=True, slots=True)
class QueryModal(ModalHandler):
    """Makes a command, and shows its answer in its place."""

    answering: Answering
    store: Store
    name = QUERY_MODAL
    title = QUERY_TITLE

    async def open(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        """Show the form with the values of the command that it is about, and have the platforms listed meanwhile."""
        draft = decode_draft(use.metadata.about)
        await use.reply.show(render_query(draft, await self._find_job(draft.get(QueryField.JOB), use.asker.channel)))
        await self.answering.list_jobs()
        return None

    async def change(self, use: ModalUse) -> Modal | None:
        """Show the command that the fields make now, and the fields that belong to it."""
        return render_query(_draft(use), use.fields.chosen(QueryField.JOB))

    async def submit(self, use: ModalUse, attempt: Attempt) -> SubmissionOutcome:
        """Answer the command, or say what is wrong with which field."""
        command = _draft(use).command()
        context, _ = await self.answering.context(use.reply, command)
        problems = _draft(use).find_problems(context)
        if problems:
            redactor = self.answering.runner.runner.redactor
            shown = {
                name.value: redactor.redact(text)[0].replace("`", "")[:_MAX_PROBLEM] for name, text in problems.items()
            }
            attempt.end(AuditResult.INVALID, " ".join(shown.values()))
            return FieldErrors(shown)
        await self.answering.answer(answer_reply(use.reply, command), command, use.asker, attempt)
        return Submitted.SHOWN

    async def suggest(self, use: ModalUse, typed: str) -> Sequence[Choice]:
        """Jobs of the channel, then those of all platforms, then the text itself."""
        may_read = await self.answering.gate.reader(use.origin, use.reply.client)
        words, channel = typed.casefold().split(), use.asker.channel
        limit = MAX_CHOICES if may_read is None else _MAX_READ
        found = {job.ref: job for job in await self.store.known_jobs.search(typed, limit=limit)}
        watched = await self.answering.runner.jobs_of_channel(channel)
        here = [found.pop(job.ref, job) for job in watched if job.ref in found or _has_words(job, words)]
        choices = [
            job_choice(job, group)
            for jobs, group in ((here[:_MAX_HERE], "This channel"), (found.values(), "All platforms"))
            for job in jobs
            if may_read is None or may_read(channel, job.ref)
        ]
        last = [typed_choice(typed)] if words else []
        return [*choices[: MAX_CHOICES - len(last)], *last]

    def record(self, use: ModalUse) -> str:
        """The command."""
        return _draft(use).command()

    async def without_modal(
        self, reply: Reply, metadata: ModalMetadata, asker: Asker, attempt: Attempt, problem: BotError
    ) -> None:
        """Answer the typed command as it is."""
        await self.answering.answer(reply, metadata.about, asker, attempt)

    async def _find_job(self, ref: str, channel: str) -> Choice | None:
        """The entry of the job that the form begins with."""
        if not ref:
            return None
        jobs = (
            *await self.answering.runner.jobs_of_channel(channel),
            *await self.store.known_jobs.search(ref, limit=5),
        )
        known = next((job for job in jobs if str(job.ref) == ref), None)
        return replace(typed_choice(ref), label=ref) if known is None else job_choice(known)


def _draft(use: ModalUse) -> QueryDraft:
    """What the fields hold, with the values of those that are hidden."""
    shown = {name: use.fields.text(name) for name in QueryField if name in use.fields.values}
    return QueryDraft({**decode_draft(use.metadata.about).values, **shown})


def _has_words(job: KnownJob, words: Sequence[str]) -> bool:
    text = f"{job.ref} {job.name or ''} {job.owner or ''}".casefold()
    return all(word in text for word in words)
