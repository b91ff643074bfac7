"""Answer one command, click or mention: parse it in its context, find its job, run it and reply.

The context is the time, the person's time zone and, for a mention in a thread, the job of the thread.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC

from bot.commands.answers import Answer, Asker, ErrorAnswer
from bot.commands.channel_runner import ChannelRunner
from bot.commands.parsing.mentions import read_mention
from bot.commands.parsing.parser import has_local_time, parse
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.jobs import JobsCommand
from bot.commands.subcommands.subscriptions import SilenceAnswer, UnwatchAnswer, WatchAnswer
from bot.commands.subcommands.table import SlackCommand
from bot.domain.durations import Clock
from bot.errors import BotError, DeliveryError, UsageError
from bot.slack.announcements import update_announcement
from bot.slack.background_tasks import TaskSet
from bot.slack.render.answers import render, render_error, render_shared, render_working
from bot.slack.reply import Reply
from bot.slack.thread_jobs import ThreadJobs
from bot.slack.user_profiles import UserProfiles

_UTC_NOTE = "Times are in UTC: Slack does not tell trainwatch your time zone."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers whatever a person types or clicks."""

    runner: ChannelRunner
    clock: Clock
    tasks: TaskSet
    profiles: UserProfiles
    threads: ThreadJobs
    patience_s: float

    async def answer(
        self, reply: Reply, text: str, asker: Asker, *, share: bool = False, is_alert: bool = False
    ) -> None:
        """Answer a command as text; its mistakes are answers too. `is_alert`: a button of an alert was pressed."""
        async with errors_answered(reply):
            await self._answer(reply, text, asker, None, share=share, is_alert=is_alert)

    async def answer_mention(self, reply: Reply, text: str, asker: Asker, *, thread_ts: str | None) -> None:
        """Answer a mention in its thread. `thread_ts` is None for one outside of threads."""
        async with errors_answered(reply):
            job = await self.threads.find(reply.channel, thread_ts) if thread_ts is not None else None
            await self._answer(reply, read_mention(text, in_thread=job is not None), asker, job, share=True)

    async def _answer(
        self, reply: Reply, text: str, asker: Asker, job: str | None, *, share: bool, is_alert: bool = False
    ) -> None:
        context, notes = await self._context(reply, text, job)
        command = parse(text, context)
        if isinstance(command, JobsCommand) and command.mine:
            profile = await self.profiles.get(reply.client, reply.user, context.now)
            asker = replace(asker, email=profile.email)
        running = asyncio.ensure_future(self._run_in_turn(command, asker, notes))
        try:
            done, _ = await asyncio.wait({running}, timeout=self.patience_s)
            if not done and reply.respond is not None:
                async with errors_answered(reply):  # the answer still follows
                    await reply.private(render_working())
            answer, found = await running
        finally:
            running.cancel()
        if isinstance(answer, ErrorAnswer):
            await reply.private(render_error(answer, text, is_public=reply.respond is None))
            return
        silences = self.runner.store.silences
        if is_alert and isinstance(answer, SilenceAnswer | UnwatchAnswer) and answer.shown_on:
            await update_announcement(reply, answer, None, silences)
        elif share or getattr(command, "public", False) or concerns_channel(answer):
            ts = await reply.public(render_shared(answer), notes)
            self.threads.remember(reply.channel, reply.thread_ts or ts, found)
            await update_announcement(reply, answer, ts, silences)
        else:
            await reply.private(render(answer), notes)

    async def _context(self, reply: Reply, text: str, job: str | None) -> tuple[InputContext, list[str]]:
        """What surrounds the text, and notes for the answer; the time zone is fetched only if the text needs it."""
        now = self.clock()
        if not has_local_time(text):
            return InputContext(now, job=job), []
        zone = (await self.profiles.get(reply.client, reply.user, now)).zone
        return InputContext(now, zone or UTC, job), [] if zone is not None else [_UTC_NOTE]

    async def _run_in_turn(self, command: SlackCommand, asker: Asker, notes: list[str]) -> tuple[Answer, str | None]:
        """The answer and the job it is about; adds to the notes how the job was found."""
        async with self.tasks.turn():
            resolved = await self.runner.resolve(command, asker)
            if isinstance(resolved, ErrorAnswer):
                return resolved, None
            notes += [resolved.note] if resolved.note else []
            job, typed = getattr(resolved.command, "ref", None), getattr(command, "ref", None)
            answer = await self.runner.run(resolved.command, asker)
            if isinstance(answer, ErrorAnswer) and answer.suggestions and typed is not None:
                answer = replace(answer, typed=typed)
            return answer, job


@asynccontextmanager
async def errors_answered(reply: Reply) -> AsyncIterator[None]:
    """Reply with whatever goes wrong inside; an unexpected error gets a reference that is also in the log."""
    try:
        try:
            yield
        except DeliveryError:
            raise
        except BotError as error:
            usage = error.usage if isinstance(error, UsageError) else None
            await reply.private(render_error(ErrorAnswer(error.public, usage)))
        except Exception:
            error_id = secrets.token_hex(3)
            log.exception("command failed", extra={"error_id": error_id})
            text = f"Something went wrong on our side (error {error_id}). The server log has the details."
            await reply.private(render_error(ErrorAnswer(text)))
    except DeliveryError as error:
        log.warning("answer not delivered", extra={"reason": error.reason, "channel": reply.channel})


def concerns_channel(answer: Answer) -> bool:
    """Whether the answer changes which alerts the channel gets, so that the channel should see it."""
    match answer:
        case WatchAnswer():
            return answer.has_changed
        case SilenceAnswer():
            return True
        case UnwatchAnswer(jobs):
            return bool(jobs)
        case _:
            return False
