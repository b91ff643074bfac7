"""The commands that run now: show how far each is, and let people cancel them.

A private note cannot be edited (`bot.slack.reply.Reply.replaces`), so it only has the button. After a few seconds more,
a message with the progress follows: in the thread of a mention, or to the person directly. It is edited while the
command runs and deleted at its end. In a burst of commands, notes are sent a few at a time and only some commands show
their progress: hundreds of notes at once would delay the polls, and the alerts at Slack's rate limits.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from bot.domain.alerts import Receipt
from bot.errors import DeliveryError
from bot.providers.budget import CommandBudget
from bot.slack.render.message import Message
from bot.slack.render.progress import render_cancelled, render_progress, render_working
from bot.slack.reply import Reply

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NoteTimes:
    """When notes about a running command are shown, in seconds."""

    patience_s: float = 2.0
    """Without an answer, a note follows after this."""
    progress_s: float = 3.0
    """How much later the progress follows, and how often it is edited."""


NOTE_TIMES = NoteTimes()
_NOTES_AT_ONCE = 2
_PROGRESS_AT_ONCE = 3
"""Commands that show their progress at the same time."""


@dataclass(frozen=True, slots=True)
class RunningCommands:
    """The commands that this process runs, by their id."""

    times: NoteTimes = NOTE_TIMES
    budgets: dict[str, CommandBudget] = field(default_factory=dict)
    replies: dict[str, Reply] = field(default_factory=dict)
    """Where each command is answered."""
    sending: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_NOTES_AT_ONCE))
    progressing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_PROGRESS_AT_ONCE))

    @contextlib.asynccontextmanager
    async def noted(self, reply: Reply, budget: CommandBudget, about: str, *, reads_all: bool) -> AsyncIterator[None]:
        """Note that a command runs in the block. `about` names its job."""
        command_id = secrets.token_hex(8)
        self.budgets[command_id], self.replies[command_id] = budget, reply
        notes = _Notes(reply, budget, command_id, about, self)
        showing = asyncio.ensure_future(notes.show(reads_all=reads_all))
        try:
            yield
        finally:
            del self.budgets[command_id], self.replies[command_id]
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
            await notes.remove()

    async def cancel(self, reply: Reply, command_id: str) -> None:
        """Stop a command for the person who asked for it."""
        budget = self.budgets.get(command_id)
        if budget is not None:
            budget.cancel()
        if budget is None or reply.replaces:
            await reply.private(render_cancelled(is_known=budget is not None))

    def cancel_thread(self, channel: str, thread_ts: str, user: str) -> None:
        """Stop the commands of a thread for the person who pressed Stop; their answers show what was read."""
        for command_id, reply in self.replies.items():
            if (reply.channel, reply.thread_ts, reply.user) == (channel, thread_ts, user):
                self.budgets[command_id].cancel()


@dataclass(slots=True)
class _Notes:
    """The notes about one command."""

    reply: Reply
    budget: CommandBudget
    command_id: str
    about: str
    commands: RunningCommands
    progress: asyncio.Task[Receipt] | None = None
    """Posts the message that shows the progress."""

    async def show(self, *, reads_all: bool) -> None:
        """Show notes until cancelled. One that cannot be sent is not important: the answer still follows."""
        times = self.commands.times
        try:
            await asyncio.sleep(times.patience_s)
            if self.reply.is_private:
                async with self.commands.sending:
                    await self.reply.private(render_working(self.command_id, reads_all=reads_all))
                await asyncio.sleep(times.progress_s)
            async with self.commands.progressing:
                self.progress = asyncio.ensure_future(self.reply.post_aside(self._render()))
                posted = await asyncio.shield(self.progress)  # a command that ends meanwhile deletes it
                while True:
                    await asyncio.sleep(times.progress_s)
                    await self.reply.edit_aside(posted, self._render())
        except DeliveryError as error:
            log.warning("note about a command not shown", extra={"reason": error.reason, "channel": self.reply.channel})

    async def remove(self) -> None:
        """Delete the progress."""
        if self.progress is None or (self.progress.done() and self.progress.exception() is not None):
            return
        try:
            await self.reply.remove_aside(await self.progress)
        except DeliveryError:
            log.warning("note about a command not deleted", extra={"channel": self.reply.channel})

    def _render(self) -> Message:
        budget = self.budget
        return render_progress(
            self.command_id,
            self.about,
            requests=budget.requests,
            lines=budget.lines,
            reached_ns=budget.reached_ns,
            took=budget.elapsed,
        )
