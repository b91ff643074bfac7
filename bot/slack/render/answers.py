"""Answers as messages. Longer ones have their own modules: logs, metrics, diagnosis, rules, subscriptions."""

from collections.abc import Callable, Iterable, Sequence

from bot.commands.answers import Answer, ErrorAnswer
from bot.commands.parsing.formatting import replace_reference
from bot.commands.parsing.mentions import Reading
from bot.commands.subcommands.audit import AuditAnswer
from bot.commands.subcommands.channel_check import ChannelCheckAnswer
from bot.commands.subcommands.digest import DigestAnswer
from bot.commands.subcommands.jobs import DiagnosisAnswer, JobsAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.logs import LogsAnswer
from bot.commands.subcommands.notify import NotifyAnswer
from bot.commands.subcommands.patterns import WatchPatternAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer
from bot.commands.subcommands.subscriptions import (
    ConfirmAnswer,
    ListAnswer,
    RestoreAnswer,
    SilenceAnswer,
    UnwatchAnswer,
    WatchAnswer,
)
from bot.commands.subcommands.table import HelpAnswer
from bot.domain.alerts import Evidence, Incident
from bot.domain.charts import is_nearly_full
from bot.domain.durations import spoken_duration
from bot.domain.gaps import Part
from bot.domain.job_ends import describe_end, describe_search
from bot.domain.job_matching import KnownJob
from bot.domain.jobs import Job, JobState
from bot.domain.metric_charts import compact_chart
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION
from bot.domain.progress import position_text, summary_text
from bot.domain.serving import serving_sentence
from bot.domain.wording import plural
from bot.slack.render.alert_text import incident_icon
from bot.slack.render.audit import render_audit
from bot.slack.render.blocks import (
    Action,
    MenuEntry,
    actions,
    answer_button,
    button,
    code_sections,
    context,
    overflow,
    section,
    without_entry,
)
from bot.slack.render.board import render_digest_choice
from bot.slack.render.channel_check import render_channel_check
from bot.slack.render.charts import chart_block
from bot.slack.render.diagnosis import render_diagnosis
from bot.slack.render.help import render_help
from bot.slack.render.icons import PENDING, STATE_ICONS, WARNING
from bot.slack.render.job_list import render_jobs
from bot.slack.render.jobs import job_link, job_name, state_label
from bot.slack.render.log_lines import line_rows
from bot.slack.render.logs import Shared, gap_notes, render_logs, render_shared_logs
from bot.slack.render.message import Block, Message, message
from bot.slack.render.metrics import gpu_sentence, render_metrics
from bot.slack.render.notify import render_notify
from bot.slack.render.rules import render_replay, render_rules
from bot.slack.render.subscriptions import render_subscriptions
from bot.slack.render.text import code, escape, fence, one_line, person, plain_time, slack_time

_MAX_CHOICES = 10
_UNCLEAR = "I understand commands, and questions about jobs and their logs; this message is neither."
_READS_ONLY = "trainwatch only reads: it cannot start, stop or change jobs."
_STATUS_LINES = 1800


def render(answer: Answer) -> Message:
    """The message of an answer, for the one who asked."""
    match answer:
        case LogsAnswer():
            return render_logs(answer)
        case MetricsAnswer():
            return render_metrics(answer)
        case StatusAnswer():
            return render_status(answer)
        case DiagnosisAnswer():
            return render_diagnosis(answer)
        case RulesAnswer() | ReplayAnswer():
            return render_rules(answer) if isinstance(answer, RulesAnswer) else render_replay(answer)
        case JobsAnswer():
            return render_jobs(answer)
        case (
            WatchAnswer()
            | WatchPatternAnswer()
            | UnwatchAnswer()
            | RestoreAnswer()
            | ListAnswer()
            | SilenceAnswer()
            | ConfirmAnswer()
        ):
            return render_subscriptions(answer)
        case DigestAnswer() | NotifyAnswer():
            return render_digest_choice(answer) if isinstance(answer, DigestAnswer) else render_notify(answer)
        case AuditAnswer():
            return render_audit(answer)
        case HelpAnswer() | ChannelCheckAnswer():
            return render_help(answer) if isinstance(answer, HelpAnswer) else render_channel_check(answer)
        case ErrorAnswer():
            return render_error(answer)


def render_shared(answer: Answer) -> Shared:
    """The message of an answer, for the whole channel."""
    if isinstance(answer, LogsAnswer):
        return render_shared_logs(answer)
    shown = render_audit(answer, is_public=True) if isinstance(answer, AuditAnswer) else render(answer)
    return Shared(message(shown.text, map(without_share, shown.blocks)))


def without_share(block: Block) -> Block | None:
    """A block without the button that shares; None if nothing is left of it."""
    match block:
        case {"type": "actions", "elements": list(elements)}:
            return actions([without_entry(one, Action.SHARE) for one in elements if one["action_id"] != Action.SHARE])
        case _:
            return block


def render_status(answer: StatusAnswer) -> Message:
    """The state and since when, GPUs, open incidents and the newest lines."""
    job = answer.job
    machine = one_line(job.resources.to_text(), 120)
    lines = [
        f"{STATE_ICONS[job.state]} {job_link(job)} · *{state_label(job)}* {_since(job)}".rstrip(),
        *_cause(answer.cause),
        escape(_progress(answer)),
        " · ".join(part for part in (machine, gpu_sentence(answer.summaries)) if part),
        serving_sentence(answer.summaries),
        *_end(answer),
        *map(_incident_line, answer.incidents[:3]),
    ]
    newest = answer.last_lines if answer.cause is None else ()  # after a failure, they are the launcher's
    tail, _ = code_sections(line_rows(newest, max_line=300), _STATUS_LINES)
    watchers = [f"watched here by {person(one.created_by)}" for one in answer.watched_by[:1]]
    as_of = f"as of {slack_time(answer.at, seconds=True)}"
    further = [
        *(["diagnose"] if job.state.is_failure or answer.incidents else []),
        *(["logs"] if Part.LOGS not in answer.missing else []),
        *(["metrics"] if Part.METRICS not in answer.missing else []),
    ]
    buttons = [answer_button(word.title(), f"{word} {job.ref}", word) for word in further]
    can_watch = not watchers and not job.state.is_terminal
    watch = MenuEntry("Watch here", Action.CHANGE, f"watch {job.ref}") if can_watch else None
    share = MenuEntry("Share in channel", Action.SHARE, f"status {job.ref}")
    return message(
        _status_sentence(answer),
        [
            section("\n".join(line for line in lines if line)),
            _status_chart(answer),
            *tail,
            context([code(str(job.ref)), as_of, *watchers, *_cause_note(answer), *gap_notes(answer.gaps)]),
            actions([*buttons, overflow([watch, share])]),
        ],
    )


def _status_chart(answer: StatusAnswer) -> Block | None:
    """The GPUs of a running job over the last minutes: their memory if it is near its limit, else their utilization."""
    if answer.job.state is not JobState.RUNNING:
        return None
    for name in (GPU_MEMORY, GPU_UTILIZATION):
        series = [one.series for one in answer.summaries if one.series.name == name]
        times = [point.at for one in series for point in one.points[:1] if point.at is not None]
        chart = compact_chart(series, min(times), answer.at) if times else None
        if chart is not None and (name == GPU_UTILIZATION or is_nearly_full(chart)):
            return chart_block(chart)
    return None


def _end(answer: StatusAnswer) -> list[str]:
    """What ended the job in the platform's words, and that the log does not name a cause, if so."""
    job = answer.job
    if answer.cause is not None:
        return []
    end = describe_end(job) or job.error
    searched = describe_search(answer.cause_lines) if answer.has_no_known_cause else ""
    return [f"> {one_line(end, 400)}" if end else "", searched]


def _cause(cause: Evidence | None) -> list[str]:
    """What broke, on which rank, and the line that shows it."""
    if cause is None:
        return []
    facts = ((label, value) for label, value in cause.facts if label in ("Rank", "Replica"))
    ranks = next((f" · {label.lower()} {one_line(value, 80)}" for label, value in facts), "")
    return [
        f"*{one_line(cause.title or '', 200)}*{ranks}",
        *([f"> {one_line(cause.summary, 400)}"] if cause.summary else []),
    ]


def _cause_note(answer: StatusAnswer) -> list[str]:
    if answer.cause is None or answer.cause_lines is None:
        return []
    return [f"cause from the last {plural(answer.cause_lines, 'line')}; `diagnose` reads the whole log"]


def _progress(answer: StatusAnswer) -> str:
    job = answer.job
    ended_at = (job.ended_at or answer.at) if job.state.is_terminal else None
    return summary_text(answer.progress, ended_at) if answer.progress else ""


def _incident_line(incident: Incident) -> str:
    """How many alerts, since when, and who has them."""
    taken = incident.acknowledgement
    owner = f"acknowledged by {person(taken.by)}" if taken else "nobody has acknowledged it"
    alerts = plural(max(_firing(incident), 1), "alert")
    return f"{incident_icon(incident)} {alerts} since {slack_time(incident.opened_at)} · {owner}"


def _status_sentence(answer: StatusAnswer) -> str:
    job = answer.job
    reason = answer.cause.title if answer.cause else job.error
    why = f" ({one_line(reason, 200).rstrip('.')})" if reason else ""
    firing = sum(_firing(incident) for incident in answer.incidents if incident.resolved_at is None)
    alerts = f"{plural(firing, 'alert')} firing" if firing else ""
    step = position_text(answer.progress) if answer.progress else ""
    parts = (state_label(job) + why, step, gpu_sentence(answer.summaries), serving_sentence(answer.summaries), alerts)
    return f"{job_name(job)}: {', '.join(part for part in parts if part)}, as of {plain_time(answer.at)}."


def render_error(answer: ErrorAnswer, typed: str = "", *, is_public: bool = False) -> Message:
    """What was wrong, with the usage of the command, or with a button for each job that may have been meant.

    Args:
        answer: the error.
        typed: the command, which a button repeats for its job.
        is_public: whether the channel sees this message, and so the answer to a click.
    """
    sentence, _, pointed = answer.public.partition("\n  ")
    problem, usage = one_line(sentence, 1500), answer.usage or ""
    excerpt = "\n" + fence(escape(line.removeprefix("  ")) for line in pointed.splitlines()) if pointed else ""
    shown_usage = one_line(usage, 1500) if "`" in usage else code(usage, 1500)
    how = f"Usage: {shown_usage}" if usage else ""
    action = Action.SHARE if is_public else Action.SHOW
    return message(
        f"{problem} {how}".rstrip(),
        [
            section(f"{WARNING} {problem}{excerpt}"),
            context([how]),
            *suggestion_blocks(answer.suggestions, lambda ref: replace_reference(typed, answer.typed, ref), action),
        ],
    )


def render_unclear(reading: Reading) -> Message:
    """What to do about a message that was not understood: buttons with what it may mean, which change nothing."""
    problem = _READS_ONLY if reading.is_beyond else _UNCLEAR
    buttons = [
        button(command, Action.SHARE, command, key=f"meant{number}")
        for number, command in enumerate(reading.suggestions)
    ]
    return message(
        f"{problem} Did you mean: {one_line(', '.join(reading.suggestions), 500)}?",
        [
            section(f"{WARNING} {problem} Did you mean:"),
            actions(buttons),
            context(["`/train help` lists all commands."]),
        ],
    )


def suggestion_blocks(
    jobs: Sequence[KnownJob], command: Callable[[str], str], action: Action
) -> Iterable[Block | None]:
    """A row and a button for each job that may have been meant."""
    shown = jobs[:_MAX_CHOICES]
    yield section("\n".join(map(_known_job_row, shown))) if shown else None
    buttons = [
        button(job.name or job.ref.id, action, command(str(job.ref)), key=f"job{number}")
        for number, job in enumerate(shown)
    ]
    yield actions(buttons)
    hidden = len(jobs) - len(shown)
    yield context([f"Showing {len(shown)} of {len(jobs):,}; type more of the name."]) if hidden else None


def _known_job_row(job: KnownJob) -> str:
    icon = STATE_ICONS[job.state] if job.state is not None else PENDING
    name = f"*{one_line(job.name, 120)}* " if job.name else ""
    return f"{icon} {name}{code(str(job.ref))} {job.state or ''}".rstrip()


def _firing(incident: Incident) -> int:
    return sum(alert.resolved_at is None for alert in incident.alerts)


def _since(job: Job) -> str:
    began = job.started_at or job.created_at
    if job.ended_at:
        return slack_time(job.ended_at) + (f" after {spoken_duration(job.ended_at - began)}" if began else "")
    return f"since {slack_time(began)}" if began else ""
