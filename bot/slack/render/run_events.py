"""Replies in the thread of a run: one for each event, and the summary at its end."""

import re
from collections.abc import Callable, Mapping

from bot.domain.durations import spoken_duration
from bot.domain.jobs import JobState
from bot.domain.progress import RunProgress, checkpoint_text, fraction_done, position_text, rounded_span
from bot.domain.runs import QueuePosition, RunEventKind, RunReport
from bot.domain.wording import plural
from bot.slack.render.blocks import context, section
from bot.slack.render.charts import chart_block
from bot.slack.render.icons import CHECKPOINT, FIRST_STEP, MILESTONE, PENDING, REMINDER, STARTED, STATE_ICONS
from bot.slack.render.jobs import job_link, job_name
from bot.slack.render.message import Message, message
from bot.slack.render.run import headline_state, numbers_line, problem_lines
from bot.slack.render.text import clock_time, code, one_line

_MAX_HOLDERS = 3
_TOKEN, _MARKUP = re.compile(r"<![^<>|]*\|([^<>]*)>"), re.compile(r"[*`]")


def render_run_event(run: RunReport, links: Mapping[str, str]) -> Message:
    """The reply about the event of a report."""
    if run.event is RunEventKind.ENDED or run.event is None:
        return _render_summary(run, links)
    icon, text = _TEXTS[run.event](run)
    spoken = _MARKUP.sub("", _TOKEN.sub(r"\1", text))
    return message(f"{job_name(run.job)}: {spoken}", [section(f"{icon} {text}")])


def _waiting(run: RunReport) -> tuple[str, str]:
    since = run.statistics.queued_at
    waited = spoken_duration(run.at - since) if since else "long"
    priority = next((value for label, value in run.job.details if label == "Priority"), "")
    why = one_line(run.job.error or "", 300)
    facts = [_queue(run.queue), f"Priority {one_line(priority, 20)}." if priority else "", why]
    what = "Queued" if run.job.state is JobState.QUEUED else "Not started"
    return PENDING, " ".join(part for part in (f"*{what} for {waited}.*", *facts) if part)


def _queue(queue: QueuePosition | None) -> str:
    """`2 runs ahead. 56 of 64 H100 are held by llama (32), qwen (16) and 1 other; this run needs 8.`."""
    if queue is None:
        return ""
    held, kind = sum(gpus for _, gpus in queue.holders), one_line(queue.gpu_type, 40)
    names = [f"{one_line(name, 40)} ({gpus})" for name, gpus in queue.holders[:_MAX_HOLDERS]]
    hidden = len(queue.holders) - len(names)
    others = f" and {plural(hidden, 'other')}" if hidden else ""
    pool = f" of {queue.pool_gpus:,}" if queue.pool_gpus else ""
    by = f" by {', '.join(names)}{others}" if names else ""
    needs = f"; this run needs {queue.wanted_gpus:,}" if queue.wanted_gpus else ""
    ahead = f"{plural(queue.ahead, 'run')} ahead" if queue.ahead else "Next in the queue"
    return f"{ahead}. {held:,}{pool} {kind} are held{by}{needs}."


def _started(run: RunReport) -> tuple[str, str]:
    seen = run.statistics
    waited = ""
    if seen.queued_at is not None and seen.started_at is not None and seen.started_at > seen.queued_at:
        waited = f" after {spoken_duration(seen.started_at - seen.queued_at)} of waiting"
    where = run.job.resources.gpus_text()
    return STARTED, f"*Started*{waited}{f' on {one_line(where, 80)}' if where else ''}."


def _first_step(run: RunReport) -> tuple[str, str]:
    seen = run.statistics
    after = ""
    if seen.started_at is not None and seen.first_step_at is not None and seen.first_step_at > seen.started_at:
        after = f", {spoken_duration(seen.first_step_at - seen.started_at)} after the start"
    left = run.job.progress.time_left if run.job.progress else None
    end = f" About {rounded_span(left)} left." if left else ""
    return FIRST_STEP, f"*First step*{after}.{end}"


def _checkpoint(run: RunReport) -> tuple[str, str]:
    saved = run.job.progress.checkpoint if run.job.progress else None
    if saved is None:
        return CHECKPOINT, "*Checkpoint saved.*"
    name = f" at step {saved.step:,}" if saved.step is not None else ""
    where = f": {code(saved.path, 120)}" if saved.path else ""
    return CHECKPOINT, f"*Checkpoint saved*{name}{where}"


def _milestone(run: RunReport) -> tuple[str, str]:
    progress = run.job.progress or RunProgress()
    done = fraction_done(progress)
    left = f"about {rounded_span(progress.time_left)} left" if progress.time_left else ""
    parts = [part for part in (position_text(progress), numbers_line(run), left) if part]
    return MILESTONE, f"*{int(done * 100)}%* · {' · '.join(parts)}" if done is not None else " · ".join(parts)


def _time_limit(run: RunReport) -> tuple[str, str]:
    deadline, progress = run.deadline, run.job.progress
    if deadline is None:
        return REMINDER, "*The time limit is near.*"
    left = deadline - run.at
    when = f"in {spoken_duration(left)}, {clock_time(deadline)}" if left.total_seconds() > 0 else "now"
    needed = progress.time_left if progress else None
    is_late = needed is not None and needed > left
    rest = f" The run needs about {rounded_span(needed)} more, so it will not finish." if needed and is_late else ""
    saved = one_line(checkpoint_text(progress), 160) if progress and is_late else ""
    rest += f" ({saved})" if saved else ""
    return REMINDER, f"*The time limit ends the run {when}.*{rest}"


_TEXTS: Mapping[RunEventKind, Callable[[RunReport], tuple[str, str]]] = {
    RunEventKind.WAITING: _waiting,
    RunEventKind.STARTED: _started,
    RunEventKind.FIRST_STEP: _first_step,
    RunEventKind.CHECKPOINT: _checkpoint,
    RunEventKind.MILESTONE: _milestone,
    RunEventKind.TIME_LIMIT: _time_limit,
}


def _render_summary(run: RunReport, links: Mapping[str, str]) -> Message:
    """How the run ended, in numbers; its incidents, linked; and that the subscription ended with it."""
    state = f"{job_name(run.job)} {headline_state(run)}"
    rows = [f"*{label}:* {value}" for label, value in _facts(run)]
    problems = problem_lines(run, links) or ["No alerts on the way."]
    reason = one_line(run.job.error or "", 300) if run.job.state.is_failure else ""
    headline = f"{STATE_ICONS[run.job.state]} {job_link(run.job)} {headline_state(run)}"
    return message(
        f"{STATE_ICONS[run.job.state]} {state}.",
        [
            section("\n".join(part for part in (headline, reason) if part)),
            section("\n".join(rows)) if rows else None,
            chart_block(run.chart) if run.chart is not None else None,
            section("\n".join(problems)),
            context(["This channel no longer watches it.", code(str(run.job.ref))]),
        ],
    )


def _facts(run: RunReport) -> list[tuple[str, str]]:
    """The numbers of a run that has ended; those that are unknown are left out."""
    seen, progress = run.statistics, run.job.progress or RunProgress()
    waited = seen.started_at - seen.queued_at if seen.started_at and seen.queued_at else None
    lost_at = None if run.job.state is JobState.SUCCEEDED else run.ended_at
    facts = (
        ("Waited", spoken_duration(waited) if waited and waited.total_seconds() >= 1 else ""),
        ("Steps", position_text(progress).removeprefix("step ")),
        ("Loss", _loss(run, progress)),
        ("Throughput", _throughput(run, progress)),
        ("GPU hours", "" if run.gpu_hours is None else f"{run.gpu_hours:,.1f} ({run.job.resources.gpus_text()})"),
        ("Mean GPU utilization", "" if seen.mean_utilization is None else f"{seen.mean_utilization:.0%}"),
        ("Last checkpoint", checkpoint_text(progress, lost_at).removeprefix("last checkpoint ")),
    )
    return [(label, one_line(value, 200)) for label, value in facts if value]


def _loss(run: RunReport, progress: RunProgress) -> str:
    seen = run.statistics
    if progress.loss is None:
        return ""
    if seen.best_loss is None or seen.best_loss >= progress.loss:
        return f"{progress.loss:.4g} (the lowest)"
    at = f" at step {seen.best_step:,}" if seen.best_step is not None else ""
    return f"{progress.loss:.4g} (lowest {seen.best_loss:.4g}{at})"


def _throughput(run: RunReport, progress: RunProgress) -> str:
    pace = run.steps_per_s
    steps = "" if pace is None else f"{pace:.3g} steps/s"
    tokens = f"{progress.tokens_per_s:,.0f} tokens/s" if progress.tokens_per_s else ""
    samples = f"{progress.samples_per_s:,.3g} samples/s" if progress.samples_per_s else ""
    return " · ".join(part for part in (steps, tokens or samples) if part)
