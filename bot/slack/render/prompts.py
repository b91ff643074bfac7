"""The questions that are suggested to a person in Slack's agent view: about what fails, then about what runs. Pure."""

from collections.abc import Iterator

from bot.domain.dashboard import PersonalDashboard
from bot.domain.jobs import Job
from bot.slack.render.text import ELLIPSIS, clean

MAX_PROMPTS = 4
"""Documented: https://docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts (read 2026-11-29)."""
_MAX_FAILING = 2
_MAX_NAME = 40
_ALWAYS = ("Which jobs are running?", "Which jobs failed?")


def suggest_prompts(dashboard: PersonalDashboard) -> list[dict[str, str]]:
    """Return up to four prompts, each with the title that is shown and the message that pressing it sends."""
    own = list(dict.fromkeys(_questions(dashboard)))[: MAX_PROMPTS - 1]
    return [{"title": title, "message": message} for title, message in (*own, *((one, one) for one in _ALWAYS))][
        :MAX_PROMPTS
    ]


def _questions(dashboard: PersonalDashboard) -> Iterator[tuple[str, str]]:
    jobs = list({one.incident.job.ref: one.incident.job for one in dashboard.incidents}.values())
    for job in jobs[:_MAX_FAILING]:
        question = "Why did {} fail?" if job.state.is_failure else "What is wrong with {}?"
        yield question.format(_name(job)), question.format(job.ref)
    running = next((one for one in dashboard.running if one.job is not None), None)
    if running is not None and running.job is not None:
        yield f"How far is {_name(running.job)}?", f"How far is {running.ref}?"


def _name(job: Job) -> str:
    """The name of a job as plain text in one line."""
    name = " ".join(clean(job.name or str(job.ref)).split())
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + ELLIPSIS
