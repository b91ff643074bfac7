# ruff: noqa: PLC0415 - each command imports only what it needs
"""Run one command typed in a shell: answer it with `CommandRunner`, or stream a log, and return the exit code."""

from dataclasses import dataclass

from bot.commands.answers import ErrorAnswer
from bot.commands.runner import CommandRunner, error_answer
from bot.commands.subcommands.jobs import JobsAnswer, MetricsAnswer, MetricsCommand
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.rules import ReplayCommand
from bot.commands.subcommands.shell import FollowCommand
from bot.commands.subcommands.table import SharedAnswer, SharedCommand
from bot.domain.durations import datetime_from_ns
from bot.domain.jobs import JobState
from bot.domain.wording import plural
from bot.errors import BotError
from bot.providers.budget import CommandBudget, spending
from bot.terminal.exit_codes import ExitCode
from bot.terminal.interrupt import run_interruptibly
from bot.terminal.log_files import is_log_file
from bot.terminal.output import Output


@dataclass(frozen=True, slots=True)
class Session:
    """Runs one command."""

    runner: CommandRunner
    output: Output

    async def run(self, command: LogsCommand | FollowCommand | SharedCommand) -> int:
        """Run the command, print its answer and return the exit code. Its budget is unlimited, but Ctrl-C ends it."""
        if isinstance(command, FollowCommand) or (isinstance(command, LogsCommand) and command.follow):
            return await self._run(command)
        with spending(CommandBudget(on_change=self._show_progress)) as budget:
            return await run_interruptibly(self._run(command), budget)

    def _show_progress(self, budget: CommandBudget) -> None:
        reached = "" if budget.reached_ns is None else f", up to {datetime_from_ns(budget.reached_ns):%H:%M:%S} UTC"
        requests = plural(budget.requests, "request")
        self.output.progress(f"Read {plural(budget.lines, 'line')}{reached}, {requests}. Ctrl-C shows what was read.")

    async def _run(self, command: LogsCommand | FollowCommand | SharedCommand) -> int:
        if isinstance(command, ReplayCommand) and is_log_file(command.ref):
            return self._test_file(command)
        resolved = await self.runner.resolve(command)
        if isinstance(resolved, ErrorAnswer):
            return self._show_error(resolved)
        if resolved.note:
            self.output.note(resolved.note)
        match resolved.command:
            case LogsCommand() | FollowCommand() as streamed:
                return await self._stream(streamed)
            case shared:
                answer = await self.runner.run(shared)
                code = self._show(answer, json=shared.json)
                if isinstance(answer, MetricsAnswer) and isinstance(shared, MetricsCommand):
                    await self._draw(answer, shared)
                return code

    def _test_file(self, command: ReplayCommand) -> int:
        from bot.terminal.tested_file import replay_file

        try:
            answer = replay_file(command, self.runner.diagnosis_config(), self.runner.redactor)
        except BotError as problem:
            return self._show_error(error_answer(problem, self.runner.redactor))
        return self._show(answer, json=command.json)

    async def _stream(self, command: LogsCommand | FollowCommand) -> int:
        """Print log lines as they are read, in constant memory."""
        try:
            if isinstance(command, FollowCommand):
                return await self._follow(command)
            await self._logs(command)
        except BotError as problem:
            return self._show_error(await self.runner.explain(problem, command))
        return ExitCode.OK

    async def _logs(self, command: LogsCommand) -> None:
        from bot.terminal.downloads import download
        from bot.terminal.logs import print_logs

        runner, output = self.runner, self.output
        provider, ref = runner.registry.resolve(command.ref)
        if command.follow:
            from bot.terminal.follow import FollowContext, follow

            await follow(provider, ref, command, FollowContext(output, runner.redactor, runner.clock))
        elif command.download is not None:
            await download(provider, ref, command, output, runner.redactor, runner.clock())
        else:
            await print_logs(provider, ref, command, output, runner.redactor, runner.clock())

    async def _follow(self, command: FollowCommand) -> int:
        """Watch the job to its end. A job that did not succeed is a failure, for `trainwatch watch REF && next`."""
        from bot.domain.subscriptions import AS_USUAL
        from bot.errors import UsageError
        from bot.rules.evaluate import LocalAlerts
        from bot.rules.expected_alerts import expected_alerts
        from bot.rules.settings import overlay, parse_settings
        from bot.terminal.follow import FollowContext, follow

        config = self.runner.diagnosis_config()
        settings = overlay(config.defaults, parse_settings(command.settings, config.defaults))
        if settings.run != AS_USUAL:
            raise UsageError("`notify`, `milestones`, `queued` and `time_limit` are settings of Slack channels.")
        provider, ref = self.runner.registry.resolve(command.ref)
        context = FollowContext(self.output, self.runner.redactor, self.runner.clock)
        self.output.note(expected_alerts(settings))
        job = await follow(
            provider, ref, LogsCommand(command.ref, follow=True), context, LocalAlerts(settings, config.scanner)
        )
        return ExitCode.OK if job.state is JobState.SUCCEEDED else ExitCode.FAILED

    async def _draw(self, answer: MetricsAnswer, command: MetricsCommand) -> None:
        if command.png is None and command.svg is None:
            return
        from bot.terminal.pictures import draw_pictures

        if not answer.summaries:
            self.output.note("No samples, so no chart was drawn.")
            return
        await draw_pictures(answer, command, self.output)

    def _show(self, answer: SharedAnswer | ErrorAnswer, *, json: bool) -> int:
        if isinstance(answer, ErrorAnswer):
            return self._show_error(answer)
        from bot.terminal.render.answers import render

        self.output.write(render(answer, self.output.screen, json=json))
        return ExitCode.FAILED if _has_failed(answer) else ExitCode.OK

    def _show_error(self, answer: ErrorAnswer) -> int:
        usage = f"\nUsage: {answer.usage}" if answer.usage else ""
        self.output.note(f"trainwatch: {answer.public}{usage}")
        for job in answer.suggestions:
            about = ", ".join(filter(None, (job.name, job.state)))
            self.output.note(f"  {job.ref}" + (f"  {about}" if about else ""))
        return ExitCode.USAGE if answer.is_misuse else ExitCode.FAILED


def _has_failed(answer: SharedAnswer) -> bool:
    """Whether the answer is incomplete because a platform failed."""
    match answer:
        case MetricsAnswer():
            return any(gap.is_outage for gap in answer.gaps) and not answer.summaries
        case JobsAnswer():
            return any(one.problem and one.lists for one in answer.providers)
        case _:
            return False
