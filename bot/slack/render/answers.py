"""The message of every answer. Log and metric answers have their own modules; the others are short and live here."""

from __future__ import annotations

from bot.commands.answers import Answer, ErrorAnswer
from bot.commands.subcommands.help import HelpAnswer
from bot.commands.subcommands.jobs import DiagnosisAnswer, JobsAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.logs import LogsAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer
from bot.commands.subcommands.subscriptions import ListAnswer, SilenceAnswer, UnwatchAnswer, WatchAnswer, Watched
from bot.domain.alerts import Incident, Severity
from bot.domain.durations import format_ago, format_duration
from bot.domain.jobs import Job, Resources
from bot.domain.subscriptions import Silence
from bot.domain.wording import plural
from bot.slack.render import button_commands as commands
from bot.slack.render.actions import Action, actions, button, without
from bot.slack.render.alerts import sign
from bot.slack.render.blocks import context, fenced_sections, listed_sections, section
from bot.slack.render.jobs import job_link, job_name, job_row, jobs_in_words, state_sign, state_words
from bot.slack.render.log_lines import line_rows
from bot.slack.render.logs import Shared, gap_notes, render_logs, render_shared_logs
from bot.slack.render.message import (
    Message,
    code,
    escape,
    message,
    moment,
    one_line,
    person,
    plain_moment,
)
from bot.slack.render.metrics import gpu_sentence, render_metrics
from bot.slack.render.rules import SEVERITIES, render_insight, rule_row

_LIST_BUDGET = 7000
_STATUS_LINES = 1800
_NOTE = "\N{INFORMATION SOURCE}\ufe0f"
_NO_PLATFORM = "No platform is set up; `trainwatch check` says what is missing."


def render(answer: Answer) -> Message:
    """The message of an answer, for the one who asked."""
    match answer:
        case LogsAnswer():
            return render_logs(answer)
        case MetricsAnswer():
            return render_metrics(answer)
        case StatusAnswer():
            return render_status(answer)
        case DiagnosisAnswer() | RulesAnswer() | ReplayAnswer():
            return render_insight(answer)
        case JobsAnswer():
            return render_jobs(answer)
        case WatchAnswer():
            return render_watch(answer)
        case UnwatchAnswer():
            return render_unwatch(answer)
        case ListAnswer():
            return render_list(answer)
        case SilenceAnswer():
            return render_silence(answer)
        case HelpAnswer():
            return render_help(answer)
        case ErrorAnswer():
            return render_error(answer)


def render_shared(answer: Answer) -> Shared:
    """The message of an answer, for the whole channel."""
    if isinstance(answer, LogsAnswer):
        return render_shared_logs(answer)
    if isinstance(answer, WatchAnswer):
        return Shared(render_watch(answer), render_watch_settings(answer), pointer="its rules are in the thread")
    return Shared(without(render(answer), Action.SHARE))


def render_status(answer: StatusAnswer) -> Message:
    """Is it alive: state and since when, GPUs, the newest lines, what is wrong."""
    job = answer.job
    lines = [
        f"{state_sign(job.state)} {job_link(job)} · *{state_words(job)}* {_since(job)}".rstrip(),
        " · ".join(part for part in (_resources(job.resources), gpu_sentence(answer.summaries)) if part),
        f"> {one_line(job.error, 400)}" if job.error else "",
        *(f"{sign(incident)} {plural(_firing(incident), 'alert')} since {moment(incident.opened_at)}"
          for incident in answer.incidents[:3]),
    ]  # fmt: skip
    tail, _ = fenced_sections(line_rows(answer.last_lines, max_line=300), _STATUS_LINES)
    ref = str(job.ref)
    watchers = [f"watched here by {person(one.created_by)}" for one in answer.watched_by[:1]]
    is_unwell = job.state.is_failure or bool(answer.incidents)
    return message(
        _status_sentence(answer),
        [
            section("\n".join(line for line in lines if line)),
            *tail,
            context([code(ref), f"as of {moment(answer.at, seconds=True)}", *watchers, *gap_notes(answer.gaps)]),
            actions(
                [
                    button("Diagnose", Action.SHOW, f"diagnose {ref}", key="diagnose") if is_unwell else None,
                    button("Logs", Action.SHOW, f"logs {ref}", key="logs"),
                    button("Metrics", Action.SHOW, f"metrics {ref}", key="metrics"),
                    None if watchers or job.state.is_terminal else button("Watch here", Action.CHANGE, f"watch {ref}"),
                    button("Share in channel", Action.SHARE, f"status {ref}"),
                ]
            ),
        ],
    )


def _status_sentence(answer: StatusAnswer) -> str:
    job = answer.job
    why = f" ({one_line(job.error, 200).rstrip('.')})" if job.error else ""
    firing = sum(_firing(incident) for incident in answer.incidents)
    parts = (
        state_words(job) + why,
        gpu_sentence(answer.summaries),
        f"{plural(firing, 'alert')} firing" if firing else "",
    )
    return f"{job_name(job)}: {', '.join(part for part in parts if part)}, as of {plain_moment(answer.at)}."


def render_jobs(answer: JobsAnswer) -> Message:
    """What runs where, a row a job."""
    rows: list[str] = []
    for one in answer.providers:
        rows.append(f"*{one_line(one.provider, 80)}*")
        rows += [f"{'⚠️' if one.lists else _NOTE} {one_line(one.problem, 300)}"] if one.problem else []
        rows += [job_row(job) for job in one.jobs]
        rows += ["no jobs"] if not one.jobs and not one.problem else []
    jobs = [job for one in answer.providers for job in one.jobs]
    heard = f": {jobs_in_words(jobs)}" if jobs else ""
    share = f"jobs {answer.providers[0].provider}" if len(answer.providers) == 1 else "jobs"
    return message(
        f"{plural(len(jobs), 'job')} on {plural(len(answer.providers), 'platform')}{heard}.",
        [
            *listed_sections(rows or [_NO_PLATFORM], _LIST_BUDGET, "row"),
            context(["copy a reference into `/train status`, `logs`, `metrics` or `watch`"]),
            actions([button("Share in channel", Action.SHARE, share)]),
        ],
    )


def render_watch(answer: WatchAnswer) -> Message:
    """A subscription was made or changed: for which job, and for what."""
    job, ref = answer.job, code(str(answer.job.ref))
    verb = "now watches" if answer.created else "has new settings for" if answer.is_news else "watches already"
    by = f"by {person(answer.subscription.created_by)}"
    return message(
        f"This channel {verb} {job_name(job)}.",
        [
            section(f"👀 This channel {verb} {state_sign(job.state)} {job_link(job)}"),
            context([ref, by, *_rule_changes(answer)]),
        ],
    )


def render_watch_settings(answer: WatchAnswer) -> Message:
    """What will be told, a rule a line, and how to change it: for the thread, so that the channel stays quiet."""
    change = f"`/train watch {one_line(str(answer.job.ref), 200)} rule.parameter=value` changes it"
    return message(
        f"What this channel is told of {job_name(answer.job)}.",
        [
            *listed_sections([rule_row(rule) for rule in answer.rules] or ["No rule is on."], 6000, "rule"),
            context([SEVERITIES, change, "it ends with the job, or with `/train unwatch`"]),
        ],
    )


def render_unwatch(answer: UnwatchAnswer) -> Message:
    """Which subscriptions ended."""
    if not answer.jobs:
        return message("This channel watched nothing.", [section("This channel watched nothing.")])
    if len(answer.jobs) == 1:
        said = f"This channel no longer watches {code(str(answer.jobs[0]))}."
        return message(said, [section(said)])
    said = f"This channel no longer watches {plural(len(answer.jobs), 'job')}."
    return message(said, [section(said), *listed_sections([code(str(job)) for job in answer.jobs], 3000, "job")])


def render_list(answer: ListAnswer) -> Message:
    """What a channel watches and has muted."""
    watched = [_watched_row(one, answer) for one in answer.watched]
    silences = [silence_row(one) for one in answer.silences]
    said = f"This channel watches {plural(len(watched), 'job')}" if watched else "This channel watches nothing"
    muted = f" and has muted {plural(len(silences), 'thing')}" if silences else ""
    heard = jobs_in_words([one.job for one in answer.watched if one.job])
    hint = "" if watched else " Type `/train watch REF`; `/train jobs` shows what runs."
    return message(
        f"{said}{f' ({heard})' if heard else ''}{muted}.",
        [
            section(f"*{said}.*{hint}"),
            *listed_sections(watched, _LIST_BUDGET - 1500, "job"),
            *listed_sections(silences, 1500, "silence"),
            actions([button("Share in channel", Action.SHARE, "list")]) if watched else None,
        ],
    )


def render_silence(answer: SilenceAnswer) -> Message:
    """A mute began or ended."""
    silence = answer.silence
    if answer.ended:
        said = f"Silence {silence.id} is over"
        heard = f"{said}: {_muted(silence)} are heard again."
        return message(heard, [section(f"🔔 {heard}")])
    return message(
        f"No {_what(silence)} until {plain_moment(silence.ends_at)}.",
        [
            section(silence_row(silence)),
            None if answer.is_watched else context(["this channel does not watch that job now: `/train list`"]),
            actions([button("End it now", Action.CHANGE, commands.end_silence(silence.id))]),
        ],
    )


def render_help(answer: HelpAnswer) -> Message:
    """What can be typed."""
    rows = [f"{code(what)} {escape(meaning)}" for what, meaning in answer.rows]
    examples = [f"{code(what)} {escape(meaning)}" for what, meaning in answer.examples]
    title = f"*{escape(answer.topic)}*" if answer.topic else "*trainwatch* watches training jobs."
    return message(
        f"How to use {escape(answer.usage)}. {escape(answer.description)}",
        [
            section(f"{title}\n{code(answer.usage)}\n{escape(answer.description)}"),
            *listed_sections(rows, 5000, "option"),
            section("*Examples*") if examples else None,
            *listed_sections(examples, 2500, "example"),
        ],
    )


def render_error(answer: ErrorAnswer) -> Message:
    """It did not work: what happened, and how it is typed."""
    said = one_line(answer.public, 1500)
    usage = answer.usage or ""
    typed = one_line(usage, 1500) if "`" in usage else code(usage, 1500)
    how = f"Usage: {typed}" if usage else ""
    return message(f"{said} {how}".rstrip(), [section(f"⚠️ {said}"), context([how])])


def render_working(what: str) -> Message:
    """Shown when an answer takes more than two seconds."""
    text = f"Working on {code(what)}; the answer follows."
    return message(text, [context([f"⏳ {text}"])])


def render_greeting(watched: int, waiting: int) -> Message:
    """Posted by the bot when it joins a channel: what this channel watches, or how to start."""
    here = f"This channel watches {plural(watched, 'job')}: `/train list`." if watched else ""
    late = f"Sending {plural(waiting, 'alert')} that waited for the invitation." if waiting else ""
    how = "Type `/train watch REF` to alert this channel when that job fails, hangs or idles. `/train jobs` lists REFs."
    text = " ".join(part for part in (here, late, "" if watched else how) if part)
    return message(text, [section(f"👋 {text}")])


def silence_row(silence: Silence) -> str:
    """A mute in a list: what, until when, by whom, why, and how to end it."""
    why = f": {one_line(silence.reason, 200)}" if silence.reason else ""
    who = f"{person(silence.created_by)}{why}"
    return (
        f"🔕 No {_what(silence)} until {moment(silence.ends_at)} by {who} · `/train {commands.end_silence(silence.id)}`"
    )


def _rule_changes(answer: WatchAnswer) -> list[str]:
    """What is not as usual, by the rules' names."""
    settings = answer.subscription.settings
    changed = [one_line(name, 60) for name in sorted(settings.parameters) if name not in settings.off]
    return [
        f"{', '.join(changed)} set differently" if changed else "",
        f"{', '.join(one_line(name, 60) for name in settings.off)} off" if settings.off else "",
        f"{', '.join(one_line(name, 60) for name in settings.on)} on" if settings.on else "",
        f"only {settings.min_severity} and worse" if settings.min_severity is not Severity.INFO else "",
    ]


def _watched_row(one: Watched, answer: ListAnswer) -> str:
    job = job_row(one.job) if one.job else f"⏳ {code(str(one.subscription.job))} not looked at yet"
    firing = f"*{plural(one.firing, 'alert')} firing*" if one.firing else ""
    seen = f"seen {format_ago(one.seen_at, answer.at)}" if one.seen_at else ""
    return " · ".join(part for part in (job, firing, seen, f"by {person(one.subscription.created_by)}") if part)


def _muted(silence: Silence) -> str:
    tests = [f"{one_line(one.label, 40)} {code(one.value)}" for one in silence.matchers]
    return f"alerts of {', '.join(tests)}" if tests else "all alerts here"


def _what(silence: Silence) -> str:
    return _muted(silence).removeprefix("all ")


def _firing(incident: Incident) -> int:
    return sum(alert.resolved_at is None for alert in incident.alerts)


def _since(job: Job) -> str:
    if job.ended_at:
        began = job.started_at or job.created_at
        took = f" after {format_duration(job.ended_at - began)}" if began else ""
        return f"{moment(job.ended_at)}{took}"
    began = job.started_at or job.created_at
    return f"since {moment(began)}" if began else ""


def _resources(given: Resources) -> str:
    nodes = plural(given.node_count, "node") if given.node_count else ""
    kind = one_line(given.gpu_type, 40) if given.gpu_type else "GPU"
    gpus = f"{given.gpu_count} \N{MULTIPLICATION SIGN} {kind}" if given.gpu_count else ""
    return " · ".join(part for part in (nodes, gpus) if part) or one_line(given.instance or "", 60)
