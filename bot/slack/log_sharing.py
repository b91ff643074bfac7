"""Diagnose what a person shares in a message, pasted text and files, and answer in the message's thread.

The shortcut "Diagnose this log", a mention with a log and a log in a direct message come here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO

from bot.commands.answers import ErrorAnswer
from bot.commands.handlers.diagnose_file import MAX_TEXT, combine, diagnose_file
from bot.commands.handlers.log_text import BinaryFile
from bot.commands.parsing.pasted_logs import extract_log
from bot.commands.runner import CommandRunner
from bot.diagnosis.merged_files import FileDiagnosis
from bot.domain.access import AccessRole
from bot.domain.audit import AuditResult
from bot.errors import BotError, DeliveryError
from bot.providers.budget import BudgetLimits, CommandBudget, restart_time, spending, within_budget
from bot.slack.downloads import MAX_DOWNLOAD, FileNotReadable, downloaded
from bot.slack.gate import Attempt, Gate
from bot.slack.render.answers import render_error
from bot.slack.render.log_diagnosis import render_log_diagnosis
from bot.slack.render.logs import Shared
from bot.slack.render.message import Message
from bot.slack.reply import NOT_A_MEMBER, Reply
from bot.slack.running_commands import RunningCommands
from bot.slack.shared_messages import SharedLog

_LONG = 10
"""How much more a diagnosis may use than another command; as `diagnose`."""
_NOTHING = "This message has no text and no file to diagnose."
_UNINVITED = (
    "Only you see this: trainwatch is not in this conversation. `/invite @trainwatch` lets it answer in the thread."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SharedLogLimits:
    """How much of a shared log is read."""

    max_download: int = MAX_DOWNLOAD
    """Bytes of one file, as it was uploaded."""
    max_text: int = MAX_TEXT
    """Bytes of one file, decompressed."""
    quiet_s: float = 2.0
    """How long a direct message with a log waits for more of it: a long paste arrives as several messages."""


SHARED_LOG_LIMITS = SharedLogLimits()


@dataclass(frozen=True, slots=True)
class LogSharing:
    """Answers logs that people share."""

    runner: CommandRunner
    running: RunningCommands
    limits: BudgetLimits
    gate: Gate
    sizes: SharedLogLimits = SHARED_LOG_LIMITS
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """Logs that are read at the same time."""

    async def answer(self, reply: Reply, shared: SharedLog, attempt: Attempt, private: Reply | None = None) -> None:
        """Diagnose a log and reply in its thread.

        Args:
            reply: to the thread.
            shared: what the message holds.
            attempt: for the audit trail.
            private: for what concerns only the person, and for all if the bot cannot post in the thread.
        """
        aside = private or reply
        needed = AccessRole.READ
        if refusal := await self.gate.refuse_role(needed, attempt.origin, reply.client, any_job=True):
            await aside.private(render_error(self.gate.refuse(attempt, refusal)))
            return
        budget = CommandBudget(self.limits.times(_LONG))
        about = ", ".join(file.name for file in shared.files) or "the log in this message"
        try:
            with spending(budget):
                async with self.running.noted(reply, budget, self._redacted(about), reads_all=False):
                    answer = await self._diagnose(shared, reply)
        except (FileNotReadable, BinaryFile) as problem:
            public = self._redacted(problem.public)
            attempt.end(AuditResult.INVALID, public)
            await aside.private(render_error(ErrorAnswer(public)))
            return
        await _post(reply, private, answer)

    async def _diagnose(self, shared: SharedLog, reply: Reply) -> Message:
        async with within_budget():
            await self.turns.acquire()
        try:
            restart_time()
            parts, notes = await self._read(shared, reply)
            is_text = not shared.files
            return render_log_diagnosis(combine(parts, self.runner.redactor, notes, is_text=is_text))
        finally:
            self.turns.release()

    async def _read(self, shared: SharedLog, reply: Reply) -> tuple[Sequence[FileDiagnosis], Sequence[str]]:
        """Diagnose each file, or the text if there is none. Files that cannot be read are noted, unless all are."""
        scanner = self.runner.diagnosis_config().scanner
        if not shared.files:
            text = extract_log(shared.text)
            if not text.strip():
                raise FileNotReadable(_NOTHING)
            part, notes = await diagnose_file(_in_memory(text), "the message", scanner)
            return [part], notes
        parts, all_notes, problems = list[FileDiagnosis](), list[str](), list[BotError]()
        for file in shared.files:
            try:
                async with downloaded(file, reply.client, max_size=self.sizes.max_download) as (content, note):
                    part, notes = await diagnose_file(content, file.name, scanner, max_text=self.sizes.max_text)
            except (FileNotReadable, BinaryFile) as problem:
                problems.append(problem)
                continue
            parts.append(part)
            all_notes += [*([note] if note else []), *notes]
        if not parts:
            raise problems[0]
        return parts, [*all_notes, *(f"Skipped: {problem.public}" for problem in problems)]

    def _redacted(self, text: str) -> str:
        return self.runner.redactor.redact(text)[0]


def _in_memory(text: str) -> BufferedReader:
    return BufferedReader(BytesIO(text.encode("utf-8", "replace")))


async def _post(reply: Reply, private: Reply | None, answer: Message) -> None:
    """Post in the thread; where the bot is not a member, show the answer to the person."""
    try:
        await reply.public(Shared(answer))
    except DeliveryError as error:
        if private is None or error.reason not in NOT_A_MEMBER:
            raise
        await private.private(answer, [_UNINVITED])
