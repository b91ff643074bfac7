"""The list of jobs as a table, page by page, with a menu that opens one of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.commands.parsing.formatting import format_command
from bot.commands.parsing.tokenizer import quote
from bot.commands.subcommands.jobs import JobsAnswer, JobsCommand
from bot.domain.jobs import Job
from bot.domain.wording import plural
from bot.slack.render.blocks import (
    ANSWER_MODAL,
    Action,
    MenuEntry,
    actions,
    button,
    context,
    menu,
    row_sections,
    section,
    share_button,
)
from bot.slack.render.icons import NOTE, WARNING
from bot.slack.render.jobs import job_cell, job_summary, state_cell
from bot.slack.render.message import BLOCKS_BUDGET, Block, Message, message, weight
from bot.slack.render.tables import table_block
from bot.slack.render.text import one_line

MAX_ROWS = 20
"""Jobs on one page."""
_NOTES_BUDGET = 1500
_OTHER_BUDGET = 5000
"""For the menu, whose entries repeat names and references, and the buttons."""
_COLUMNS = ("Job", "State")
_NO_PLATFORM = "No platform is configured. Run `trainwatch check` to see what is missing."


def render_jobs(answer: JobsAnswer) -> Message:
    """One page of the jobs of all platforms."""
    jobs = [job for one in answer.providers for job in one.jobs]
    skip = min(answer.command.skip, max(0, len(jobs) - 1))
    notes = row_sections(list(_notes(answer)), _NOTES_BUDGET, "platform")
    page = jobs[skip : skip + MAX_ROWS]
    room = BLOCKS_BUDGET - weight(notes) - _OTHER_BUDGET
    table, shown = table_block(_COLUMNS, [(job_cell(job), state_cell(job)) for job in page], room)
    what = f"{_count(answer.command, jobs)} on {plural(len(answer.providers), 'platform')}"
    span = f"Showing {skip + 1} to {skip + shown} of {len(jobs):,}" if shown < len(jobs) else ""
    names = f": {job_summary(jobs[skip : skip + shown])}" if shown else ""
    hint = "Use these IDs with `/train status`, `logs`, `metrics` or `watch`" if shown else ""
    share = share_button(format_command(replace(answer.command, public=False)))
    return message(
        f"{what}{names}.",
        [
            section(f"*{what}*" if answer.providers else _NO_PLATFORM),
            *notes,
            context([span, hint]),
            actions([_job_menu(page[:shown]), *_page_buttons(answer.command, skip, shown, len(jobs)), share]),
            table,
        ],
    )


def _count(command: JobsCommand, jobs: Sequence[Job]) -> str:
    """`2 jobs`, `3 failed or preempted jobs of ada@example.org`."""
    states = dict.fromkeys(job.state.value for job in jobs) if command.state else {}
    kind = f"{' or '.join(states) or command.state} job" if command.state else "job"
    count = plural(len(jobs), kind) if jobs else f"No {kind}s"
    return count + (f" of {one_line(command.user, 80)}" if command.user else "")


def _notes(answer: JobsAnswer) -> Iterator[str]:
    """What is missing or limited, platform by platform."""
    is_filtered = answer.command.state is not None or answer.command.user is not None
    for one in answer.providers:
        name = f"*{one_line(one.provider, 80)}*"
        if one.problem:
            yield f"{WARNING if one.lists else NOTE} {name} {one_line(one.problem, 300)}"
        elif answer.command.user and not one.has_users:
            yield f"{NOTE} {name} does not report who started a job."
        elif is_filtered and one.read >= answer.command.limit:
            yield f"{NOTE} {name} Only its newest {one.read:,} jobs were searched."
        elif not one.jobs and not is_filtered:
            yield f"{name} No jobs."


def _job_menu(jobs: Sequence[Job]) -> Block | None:
    """A menu that shows the status of a job in a dialog, which has the buttons for its log and metrics."""
    entries = [
        (job, MenuEntry("", Action.OPEN, f"status {quote(str(job.ref))}", f"{ANSWER_MODAL}:status")) for job in jobs
    ]
    return menu("Open a job", Action.MORE, [(job.name or str(job.ref), entry.encoded) for job, entry in entries])


def _page_buttons(command: JobsCommand, skip: int, shown: int, total: int) -> list[Block | None]:
    earlier, later = replace(command, skip=max(0, skip - MAX_ROWS)), replace(command, skip=skip + shown)
    return [
        button("Previous", Action.SHOW, format_command(earlier), key="previous") if skip else None,
        button("Next", Action.SHOW, format_command(later), key="next") if skip + shown < total else None,
    ]
