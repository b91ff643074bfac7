"""Run one call of a tool: check its arguments and the role, run the command within its budget, and record it."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_types import CallToolResult, TextContent

from bot.agents.documents import document_of
from bot.agents.texts import text_of
from bot.agents.tool_arguments import AGENT_TABLE, describe_fields, read_arguments
from bot.agents.tools import find_tool, needs_channel
from bot.commands.answers import Answer, Asker, ErrorAnswer
from bot.commands.channel_runner import ChannelRunner
from bot.commands.command_limits import limits_of
from bot.commands.parsing.help import closest
from bot.commands.permissions import required_role
from bot.commands.runner import error_answer
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.notify import NotifyMeCommand
from bot.commands.subcommands.spec import Effect, Subcommand
from bot.commands.subcommands.subscriptions import CHANNEL_COMMANDS
from bot.commands.subcommands.table import SlackCommand
from bot.domain.access import AccessRole
from bot.domain.audit import AuditKind, AuditResult
from bot.domain.durations import datetime_from_ns
from bot.domain.wording import plural
from bot.errors import BotError, DeliveryError, TooBusy, UsageError
from bot.providers.budget import UNLIMITED, BudgetLimits, CommandBudget, restart_time, spending
from bot.redaction.nested_values import redact_value
from bot.redaction.redactor import Redactor
from bot.slack.announcements import update_announcement
from bot.slack.answering import concerns_channel
from bot.slack.gate import Attempt, Gate
from bot.slack.payloads import PayloadOrigin
from bot.slack.render.answers import render_shared
from bot.slack.reply import Reply

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

_MAX_RECORD = 4_000
"""Characters of a call that are redacted for its record, which keeps fewer."""
_RECORDED_VALUE = 200
_NO_CHANNEL = "`{}` is about a Slack channel. Start the server with `trainwatch mcp --channel C0123ABCD`."
_NO_SLACK = "Set SLACK_BOT_TOKEN for `trainwatch mcp`: a channel must see who changes its alerts."
_UNQUOTED = "Invalid arguments. They contain a secret, so they are not quoted."
_NO_USER = "These settings belong to a person. Start the server with `trainwatch mcp --as U0123ABCD`."

log = logging.getLogger(__name__)

ReportProgress = Callable[[float, str], Awaitable[None]]
"""Sends an agent how far a call is: a growing number, and a sentence."""


@dataclass(frozen=True, slots=True)
class Caller:
    """In whose name agents call."""

    user: str = ""
    """Slack user id; empty for nobody."""
    channel: str = ""
    """Slack channel id; empty for none."""
    email: str | None = None
    """The person's e-mail address as the platforms know it."""


@dataclass(slots=True)
class _Call:
    """One call while it runs."""

    name: str
    arguments: Mapping[str, object]
    budget: CommandBudget | None = None

    def record(self, redactor: Redactor) -> str:
        """The call for its record. Secrets are hidden before a text is cut: a part of one is not recognized."""

        def short(text: str) -> str:
            return redactor.redact(text[:_MAX_RECORD])[0][:_RECORDED_VALUE]

        shown = {short(name): short(one) if isinstance(one, str) else one for name, one in self.arguments.items()}
        return f"{short(self.name)} {json.dumps(shown, default=str)}"[:_MAX_RECORD]


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """Answers calls of tools."""

    runner: ChannelRunner
    gate: Gate
    client: AsyncWebClient
    caller: Caller = Caller()
    limits: BudgetLimits = UNLIMITED
    has_slack: bool = False
    """Whether the client has a token."""
    most: int = 100
    """Calls at once; others are refused."""
    progress_s: float = 1.0
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8))
    running: set[asyncio.Task[CallToolResult]] = field(default_factory=set)

    async def call(self, name: str, arguments: Mapping[str, object], report: ReportProgress) -> CallToolResult:
        """Run a call and return its result; what goes wrong is a result too. Cancelling this ends the call."""
        call = _Call(name, arguments)
        if len(self.running) >= self.most:
            record = call.record(self.runner.runner.redactor)
            await self.gate.record_refusal(AuditKind.MCP, self._origin, record, "too many calls at once")
            return self._result(ErrorAnswer(TooBusy().public))
        # In a separate task, so that its record is completed even if the agent has gone.
        task = asyncio.create_task(self._recorded(call))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        try:
            while not (await asyncio.wait({task}, timeout=self.progress_s))[0]:
                await _report_progress(call.budget, report)
            return task.result()
        finally:
            task.cancel()

    async def drain(self, finish_s: float = 3.0) -> None:
        """Wait for running calls, then cancel the rest."""
        if running := set(self.running):
            _, late = await asyncio.wait(running, timeout=finish_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    @property
    def _origin(self) -> PayloadOrigin:
        return PayloadOrigin(self.caller.user or None, self.caller.channel or None)

    async def _recorded(self, call: _Call) -> CallToolResult:
        record = call.record(self.runner.runner.redactor)
        async with self.gate.recorded(AuditKind.MCP, self._origin, record) as attempt:
            try:
                answer = await self._answer(call, attempt)
                result = self._result(answer)
            except BotError as problem:
                answer = error_answer(problem, self.runner.runner.redactor)
                result = self._result(answer)
            except Exception:  # a bug: the agent gets a number to find it in the log
                error_id = secrets.token_hex(3)
                log.exception("command failed", extra={"error_id": error_id})
                attempt.end(AuditResult.FAILED, f"error {error_id}")
                text = f"Something went wrong on our side (error {error_id}). The log of the server has the details."
                return self._result(ErrorAnswer(text))
            if isinstance(answer, ErrorAnswer) and attempt.result is AuditResult.DONE:
                attempt.end(AuditResult.INVALID if answer.is_misuse else AuditResult.FAILED, answer.public)
            return result

    async def _answer(self, call: _Call, attempt: Attempt) -> Answer:
        subcommand = self._find(call.name)
        now = self.runner.runner.clock()
        try:
            command = subcommand.build(read_arguments(subcommand, call.arguments, InputContext(now)))
        except UsageError as problem:
            # A message may quote a part of a secret, which is not recognized as one.
            has_secret = bool(self.runner.runner.redactor.redact(str(dict(call.arguments)))[1])
            raise UsageError(f"{_UNQUOTED if has_secret else problem.public} {describe_fields(subcommand)}") from None
        needed = _needed_role(command)
        if refusal := await self.gate.refuse_role(needed, attempt.origin, self.client, any_job=True):
            return self.gate.refuse(attempt, refusal)
        self._check_setup(subcommand, command)
        call.budget = CommandBudget(limits_of(command, self.limits))
        with spending(call.budget):
            async with self.turns:
                restart_time()
                return await self._run(command, attempt)
        raise AssertionError  # pragma: no cover - the contexts swallow nothing

    def _find(self, name: str) -> Subcommand[SlackCommand]:
        subcommand = find_tool(name)
        if subcommand is None:
            names = [one.name for one in AGENT_TABLE if self.caller.channel or not needs_channel(one)]
            shown = self.runner.runner.redactor.redact(name[:_MAX_RECORD])[0][:40]
            meant = closest(shown, names)
            hint = f"Did you mean `{meant}`?" if meant else f"Tools: {', '.join(names)}."
            raise UsageError(f"Unknown tool `{shown}`. {hint}")
        return subcommand

    def _check_setup(self, subcommand: Subcommand[SlackCommand], command: SlackCommand) -> None:
        """Refuse what this server cannot do."""
        if needs_channel(subcommand) and not self.caller.channel:
            raise UsageError(_NO_CHANNEL.format(subcommand.name))
        if isinstance(command, NotifyMeCommand) and not self.caller.user:
            raise UsageError(_NO_USER)
        if subcommand in CHANNEL_COMMANDS and subcommand.effect is not Effect.READ and not self.has_slack:
            raise UsageError(_NO_SLACK)

    async def _run(self, command: SlackCommand, attempt: Attempt) -> Answer:
        asker = Asker(self.caller.user, self.caller.channel, email=self.caller.email)
        resolved = await self.runner.resolve(command, asker)
        if isinstance(resolved, ErrorAnswer):
            return resolved
        attempt.job = getattr(resolved.command, "ref", None) or ""
        concerned = await self.runner.concerned_job(resolved.command, asker)
        needed = _needed_role(resolved.command)
        if refusal := await self.gate.refuse_role(needed, attempt.origin, self.client, concerned):
            return self.gate.refuse(attempt, refusal)
        answer = await self.runner.run(resolved.command, asker)
        if concerns_channel(answer):
            await self._announce(answer)
        return answer

    async def _announce(self, answer: Answer) -> None:
        """Show the channel a change of its alerts."""
        reply = Reply(self.client, self.caller.channel, self.caller.user)
        try:
            ts = await reply.public(render_shared(answer), ["by an agent"])
        except DeliveryError as problem:
            log.warning("change not announced", extra={"channel": self.caller.channel, "reason": problem.reason})
            return
        await update_announcement(reply, answer, ts, self.runner.store.silences)

    def _result(self, answer: Answer) -> CallToolResult:
        """The answer as a result; secrets that the call itself contained are hidden too."""
        redactor = self.runner.runner.redactor
        text = redactor.redact(text_of(answer, secrets.token_hex(4)))[0]
        return CallToolResult(
            content=[TextContent(type="text", text=text)],
            structured_content=redact_value(document_of(answer), redactor),
            is_error=isinstance(answer, ErrorAnswer),
        )


def _needed_role(command: SlackCommand) -> AccessRole:
    """The role that a command needs; what Slack lets everybody choose for themselves is a change here too."""
    return AccessRole.OPERATE if isinstance(command, NotifyMeCommand) else required_role(command)


async def _report_progress(budget: CommandBudget | None, report: ReportProgress) -> None:
    if budget is None:
        return
    reached = "" if budget.reached_ns is None else f", up to {datetime_from_ns(budget.reached_ns):%H:%M:%S} UTC"
    text = f"Read {plural(budget.lines, 'line')}{reached}, {plural(budget.requests, 'request')}."
    await report(budget.lines + budget.requests, text)
