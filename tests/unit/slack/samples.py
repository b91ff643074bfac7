"""Notifications and answers to render: one of each kind, and hostile ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.commands.answers import Answer, ErrorAnswer
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.jobs import (
    JobsAnswer,
    MetricsAnswer,
    MetricsCommand,
    ProviderJobs,
    StatusAnswer,
)
from bot.commands.subcommands.logs import Cut, CutReason, LogsAnswer, LogsCommand
from bot.commands.subcommands.table import HelpAnswer
from bot.domain.alerts import (
    DeliveryKind,
    Evidence,
    Incident,
    Notification,
    NotifyReason,
    Resolution,
    Severity,
)
from bot.domain.digests import Digest, DigestMember
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.grouping import Firings
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import Level
from bot.domain.metrics import CACHE, GPU_MEMORY, GPU_UTILIZATION, MetricPoint, MetricSeries, MetricSummary, summarize
from bot.domain.ownership import Acknowledgement, Muting
from bot.domain.progress import Checkpoint, RunProgress
from bot.domain.reminders import Escalation, Reminder
from tests.unit.slack.channel_samples import CHANNEL_ANSWERS, JOINS, SUBSCRIPTION
from tests.unit.slack.factories import (
    HOSTILE,
    NOW,
    REF,
    alert,
    at,
    errors,
    failed,
    incident,
    job,
    line,
    notification,
    quoted,
)

CLEARED = alert(resolved_at=at(12), resolution=Resolution.CLEARED)
ENDED = alert(resolved_at=at(12), resolution=Resolution.JOB_ENDED)
LEFT = alert(resolved_at=at(12), resolution=Resolution.UNSUBSCRIBED)
LOW = replace(alert("tw-5a5a5a5a5a5a"), rule="low_gpu_utilization", title="GPUs idle", fired_at=at(-3))

REOPENED = alert(history=Firings(2, at(-40), (at(-40), at(0))))
FLAPPING = replace(failed(), history=Firings(7, at(-40), (at(-40), at(-30), at(-20), at(-10)), is_flapping=True))
STABLE = replace(FLAPPING, resolved_at=at(3), resolution=Resolution.CLEARED, history=Firings(7, at(-40)))


def member(number: int, cause: str = "NCCL timeout", **changes: object) -> DigestMember:
    """One job of a storm."""
    made = DigestMember(
        incident_id=f"inc-{number:012}",
        job=JobRef("baseten", f"proj42/job{number:03}"),
        name=f"llama-8b-{number:03}",
        url=f"https://app.baseten.co/training/proj42/logs/job{number:03}",
        cause=cause,
        fact="Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1827)",
        severity_rank=3,
        at=at(0),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


STORM_MEMBERS = (
    *(member(number) for number in range(37)),
    *(member(number, "Disk full", fact="OSError: [Errno 28] No space left on device") for number in range(37, 49)),
    *(member(number, f"KeyError: 'f{number}'", severity_rank=2) for number in range(49, 53)),
)
ENDINGS: dict[str, object] = {"is_firing": False, "ended_at": at(30), "resolution": "cleared"}


def digest_of(*members: DigestMember, key: str = "", ended_at: datetime | None = None) -> Digest:
    return Digest("dig-0123456789ab", "C0RUNS", key, at(0), members or STORM_MEMBERS, at(-1), ended_at)


def about_digest(
    kind: DeliveryKind, digest: Digest, reason: NotifyReason = NotifyReason.FIRST, **changes: object
) -> Notification:
    return replace(Notification(kind, reason, job(), digest=digest), **changes)  # type: ignore[arg-type]


UNREADABLE = tuple(
    member(
        number,
        "No data from the platform",
        severity_rank=2,
        fact="baseten did not answer in time.",
    )
    for number in range(60)
)
BACK = tuple(replace(one, **ENDINGS) for one in UNREADABLE)  # type: ignore[arg-type]
DIGESTS = {
    "storm": about_digest(DeliveryKind.ROOT, digest_of()),
    "storm_list": about_digest(DeliveryKind.REPLY, digest_of(*STORM_MEMBERS[30:50])),
    "storm_acknowledged": about_digest(
        DeliveryKind.EDIT, digest_of(*(replace(one, acknowledged_by="U0ANNA") for one in STORM_MEMBERS))
    ),
    "storm_partly_over": about_digest(
        DeliveryKind.EDIT,
        digest_of(*(replace(one, **ENDINGS) for one in STORM_MEMBERS[:40]), *STORM_MEMBERS[40:]),  # type: ignore[arg-type]
    ),
    "storm_silenced": about_digest(
        DeliveryKind.EDIT, digest_of(*(replace(one, muted_until=at(60), silence_id=7) for one in STORM_MEMBERS))
    ),
    "storm_closed": about_digest(
        DeliveryKind.EDIT,
        digest_of(
            *(replace(one, is_firing=False, is_closed=True, ended_at=at(9)) for one in STORM_MEMBERS), ended_at=at(9)
        ),
    ),
    "storm_reminder": about_digest(
        DeliveryKind.REPLY,
        digest_of(),
        NotifyReason.REMINDER,
        reminder=Reminder(1, at(0), at(30), at(90)),
        broadcast=True,
    ),
    "storm_escalated": about_digest(
        DeliveryKind.REPLY,
        digest_of(),
        NotifyReason.ESCALATED,
        escalation=Escalation(1, 2, "U0ONCALL", at(0), at(15)),
        broadcast=True,
    ),
    "platform": about_digest(DeliveryKind.EDIT, digest_of(*UNREADABLE, key="platform:baseten")),
    "platform_returning": about_digest(
        DeliveryKind.EDIT, digest_of(*BACK[:48], *UNREADABLE[48:], key="platform:baseten")
    ),
    "platform_answers": about_digest(DeliveryKind.EDIT, digest_of(*BACK, key="platform:baseten", ended_at=at(30))),
    "platform_answers_reply": about_digest(
        DeliveryKind.REPLY, digest_of(*BACK, key="platform:baseten", ended_at=at(30)), NotifyReason.RESOLVED
    ),
    "caught_up": about_digest(
        DeliveryKind.ROOT,
        digest_of(
            member(1, "GPU out of memory", at=at(-50)),
            member(2, "Errors in the log", severity_rank=2, at=at(-3)),
            member(3, "Errors in the log", severity_rank=2, at=at(-50), **ENDINGS | {"ended_at": at(-40)}),
            member(4, "Finished", severity_rank=0, at=at(-30), is_firing=False, ended_at=at(0)),
            key=f"downtime:{at(-145).isoformat()}",
        ),
    ),
    "caught_up_nothing": about_digest(
        DeliveryKind.ROOT,
        digest_of(
            member(4, "Finished", severity_rank=0, at=at(-30), is_firing=False, ended_at=at(0)),
            key=f"downtime:{at(-145).isoformat()}",
            ended_at=at(0),
        ),
    ),
    "disk": about_digest(DeliveryKind.EDIT, digest_of(*STORM_MEMBERS[37:40], key="disk:/mnt/data")),
    "node": about_digest(DeliveryKind.EDIT, digest_of(*STORM_MEMBERS[35:40], key="node:gpu-17")),
}


def hostile_digest(kind: DeliveryKind, key: str) -> Notification:
    members = [
        member(number, HOSTILE * 9, name=HOSTILE * 9, fact=HOSTILE * 90, url="https://x/>|<!here>")
        for number in range(300)
    ]
    ones = [replace(one, job=JobRef("x", HOSTILE * 9), acknowledged_by=HOSTILE) for one in members]
    return about_digest(kind, digest_of(*ones, key=key))


def reminder(number: int, next_at: datetime | None) -> Notification:
    """A reminder that nobody has acknowledged a failed job."""
    return notification(
        DeliveryKind.REPLY,
        incident(failed(), of=job(JobState.FAILED)),
        reason=NotifyReason.REMINDER,
        broadcast=True,
        mention=Severity.PAGE,
        reminder=Reminder(number, at(1), at(121), next_at),
    )


def escalated(kind: DeliveryKind, number: int, target: str) -> Notification:
    """A step of an escalation chain, about a failed job."""
    return notification(
        kind,
        incident(failed(), of=job(JobState.FAILED)),
        reason=NotifyReason.ESCALATED,
        broadcast=kind is DeliveryKind.REPLY,
        escalation=Escalation(number, 3, target, at(1), at(16)),
    )


NOTIFICATIONS = {
    **JOINS,
    "firing": notification(DeliveryKind.ROOT),
    "failed": notification(DeliveryKind.ROOT, incident(failed(), LOW, CLEARED, of=job(JobState.FAILED))),
    "acknowledged": notification(
        DeliveryKind.EDIT, replace(incident(), acknowledgement=Acknowledgement("U0ANNA", at(1)))
    ),
    "cleared": notification(DeliveryKind.EDIT, incident(CLEARED)),
    "failed_permanently": notification(
        DeliveryKind.EDIT, replace(incident(failed(), ENDED, of=job(JobState.FAILED)), resolved_at=at(12))
    ),
    "reopened": notification(DeliveryKind.EDIT, incident(REOPENED)),
    "reply_returned": notification(DeliveryKind.REPLY, incident(REOPENED), reason=NotifyReason.RETURNED),
    "flapping": notification(DeliveryKind.EDIT, incident(FLAPPING)),
    "reply_flapping": notification(DeliveryKind.REPLY, incident(FLAPPING), reason=NotifyReason.FLAPPING),
    "stable": notification(DeliveryKind.EDIT, incident(STABLE)),
    "reply_stable": notification(DeliveryKind.REPLY, incident(STABLE), reason=NotifyReason.STABLE),
    "job_ended": notification(DeliveryKind.EDIT, incident(ENDED, of=job(JobState.SUCCEEDED))),
    "unsubscribed": notification(DeliveryKind.EDIT, incident(LEFT)),
    "reply": notification(DeliveryKind.REPLY),
    "reply_more": notification(DeliveryKind.REPLY, incident(alert(evidence=errors(312))), reason=NotifyReason.CHANGED),
    "reply_broadcast": notification(DeliveryKind.REPLY, incident(failed()), broadcast=True),
    "final_note": notification(
        DeliveryKind.REPLY, alert_id=None, reason=NotifyReason.NOTE, text="llama-8b-sft failed after 3 h 10 min."
    ),
    "reminder": reminder(2, at(241)),
    "last_reminder": reminder(6, None),
    "escalated": escalated(DeliveryKind.REPLY, 1, "U0BEN"),
    "silenced": notification(DeliveryKind.EDIT, replace(incident(), muted=Muting("U0ANNA", at(60), 7))),
    "taken_over": notification(
        DeliveryKind.REPLY,
        replace(incident(failed()), acknowledgement=Acknowledgement("U0BEN", at(9), taken_from="U0ANNA")),
        reason=NotifyReason.TAKEN_OVER,
    ),
    "reply_resolved": notification(DeliveryKind.REPLY, incident(CLEARED), reason=NotifyReason.RESOLVED),
    "note": notification(
        DeliveryKind.NOTE, reason=NotifyReason.NOTE, incident=None, text="The job ended: succeeded. Unsubscribed."
    ),
}


def hostile_incident() -> Incident:
    sources = [HOSTILE[:40] + str(number) for number in range(20)]
    lines = quoted(*(line(HOSTILE * 40, number, rank=None, replica=name) for number, name in enumerate(sources)))
    evidence = Evidence(
        summary=HOSTILE * 50,
        lines=lines,
        count=9999,
        facts=tuple((HOSTILE, HOSTILE * 20) for _ in range(30)),
        hint=HOSTILE * 50,
    )
    bad = replace(alert(), title=HOSTILE[:60], evidence=evidence)
    many = tuple(replace(bad, id=f"tw-{number:012x}") for number in range(60))
    about = incident(*many, of=replace(job(name=HOSTILE * 9), url="https://x/>|<!here>", ref=JobRef("x", HOSTILE)))
    alerts = (*about.alerts, replace(bad, resolved_at=at(2)))
    return replace(about, alerts=alerts, acknowledgement=Acknowledgement(HOSTILE, NOW))


def gauge(
    name: str, gpu: int, values: list[float], limit: float | None = None, node: str | None = None
) -> MetricSummary:
    points = tuple(MetricPoint(value, at(-60 + 60 * index / len(values))) for index, value in enumerate(values))
    made = summarize(MetricSeries(name, points, node, gpu, limit))
    assert made is not None
    return made


PROGRESS = RunProgress(
    step=2926, total_steps=50_000, loss=1.117, step_s=4.0, checkpoint=Checkpoint(2500, at(-15), "out/checkpoint-2500")
)


def metrics(count: int = 8) -> MetricsAnswer:
    used = [gauge(GPU_UTILIZATION, gpu, [0.2, 0.5, 0.97, 0.98, 0.96, 0.97, 0.99, 0.05 * gpu]) for gpu in range(count)]
    memory = [gauge(GPU_MEMORY, gpu, [70e9, 71e9, 72e9, 71.5e9], 80 * 2**30) for gpu in range(count)]
    gap = Gap(Part.METRICS, GapReason.UNAVAILABLE, "The cache figures could not be read.")
    return MetricsAnswer(job(), at(-60), NOW, (*used, *memory), MetricsCommand(str(REF)), (CACHE,), (gap,))


def detailed_metrics(*summaries: MetricSummary) -> MetricsAnswer:
    """With `--gpus`: every series."""
    answer = metrics()
    pinned = replace(answer.pinned, gpus=True)
    return replace(answer, pinned=pinned, summaries=summaries or answer.summaries)


ANSWERS: dict[str, Answer] = {
    "status": StatusAnswer(
        job(), NOW, (line("step 9 loss 2.1"),), metrics().summaries, (), (SUBSCRIPTION,), progress=PROGRESS
    ),
    "status_diagnosed": StatusAnswer(
        replace(job(JobState.FAILED), error="exited with code 1", ended_at=at(-3)),
        NOW,
        (line("=" * 60),),
        progress=replace(PROGRESS, last_ns=ns_from_datetime(at(-3))),
        cause=Evidence(
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.91 GiB.",
            title="GPU out of memory",
            facts=(("Rank", "3 first, then 0, 1"),),
        ),
        cause_lines=500,
    ),
    "status_failed": StatusAnswer(
        replace(job(JobState.FAILED), error="Exit code 1", ended_at=at(-3)), NOW, incidents=(incident(),)
    ),
    "status_unknown": StatusAnswer(replace(job(JobState.UNKNOWN), vendor_status="REHYDRATING"), NOW),
    "jobs": JobsAnswer(
        (
            ProviderJobs("baseten", (replace(job(), progress=PROGRESS), job(JobState.FAILED, None))),
            ProviderJobs("fireworks", (), "Fireworks refused the key. Check FIREWORKS_API_KEY."),
            ProviderJobs("rivergen", (), "RiverGen does not list its models.", lists=False),
            ProviderJobs("acme"),
        )
    ),
    "metrics": metrics(),
    "metrics_gpus": detailed_metrics(),
    "no_metrics": MetricsAnswer(job(), at(-60), NOW, (), MetricsCommand(str(REF)), (GPU_UTILIZATION, CACHE)),
    **CHANNEL_ANSWERS,
    "help": HelpAnswer(
        topic="logs",
        usage="/train logs REF [OPTIONS]",
        description="Show log lines.",
        rows=(("--since SPAN", "only lines newer than this"),),
        examples=(("/train logs baseten:p/j", "the last 100 lines"),),
    ),
    "error": ErrorAnswer("Job `p/j` not found on Baseten. `/train jobs baseten` lists jobs."),
    "usage": ErrorAnswer("Invalid duration `x` for `--since`.", "/train logs REF [OPTIONS]"),
}


HOSTILE_JOB = replace(
    job(name=HOSTILE), ref=JobRef("x", HOSTILE), vendor_status=HOSTILE, state=JobState.UNKNOWN, error=HOSTILE * 9
)


PINNED = LogsCommand(
    str(REF), Window(None, ns_from_datetime(NOW.replace(hour=13, minute=0, second=0)), ns_from_datetime(NOW))
)
OLDER = replace(PINNED, before_ns=ns_from_datetime(at(-60)))


def log_answer(count: int = 5, text: str = "step {} loss 2.31", **changes: object) -> LogsAnswer:
    lines = tuple(line(text.format(number), minutes=number / 60 - 10) for number in range(count))
    made = LogsAnswer(REF, lines, at(-60), NOW, count, pinned=PINNED, older=OLDER, newer=None)
    return replace(made, **changes)  # type: ignore[arg-type]


LOG_ANSWERS = {
    "few": log_answer(),
    "ranks": log_answer(
        lines=(line("NCCL INFO ok", -1, 0), line("CUDA out of memory", 0, 3, level=Level.ERROR)),
        cuts=(Cut(CutReason.NOT_MATCHED, 412), Cut(CutReason.OLDER, None)),
        gaps=(Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, "One millisecond holds more lines than a page."),),
        redacted=2,
    ),
    "none": log_answer(0, cuts=(Cut(CutReason.NOT_MATCHED, 1200),)),
    "over_midnight": log_answer(lines=(line("before", -14 * 60 - 5), line("after", 0))),
    "truncated": log_answer(900),
    "around": log_answer(7, marked=3, pinned=LogsCommand(str(REF), around_ns=ns_from_datetime(at(-10)), context=3)),
}
