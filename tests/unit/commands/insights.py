"""A diagnosis and a replay to render: every field has something in it, and foreign text that wants to be obeyed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.jobs import DiagnoseCommand, DiagnosisAnswer
from bot.commands.subcommands.rules import ReplayAnswer, ReplayCommand
from bot.diagnosis.findings import Diagnosis, Failure
from bot.domain.alerts import Evidence, Resolution, Severity
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobState
from bot.domain.progress import RunProgress
from bot.rules.replay import Replayed
from tests.fakes.provider import NOW, REF

NOW_NS = ns_from_datetime(NOW)
MINUTE_NS = 60 * 10**9
JOB = Job(REF, JobState.FAILED, "FAILED", name="run <!channel>", started_at=NOW - timedelta(hours=3), ended_at=NOW)
OOM = Failure(
    severity=Severity.PAGE,
    category="gpu_memory",
    signature="cuda_oom",
    title="GPU out of memory <!here>",
    hint="Use a smaller batch. https://example.org/oom",
    line=3253,
    ranks=(3, 0, 1),
    count=3,
    first_ns=NOW_NS - 5 * MINUTE_NS,
    last_ns=NOW_NS - 3 * MINUTE_NS,
    excerpt=("step 7 loss 2.1", "[rank3]: torch.OutOfMemoryError: <!channel> \x1b[31mred", "bye"),
    confidence=0.95,
    fingerprint="oom",
    why="The first error that does not follow from another.",
    root_index=1,
)
WARNING = replace(
    OOM, severity=Severity.WARN, title="A data-loader worker died", ranks=(), count=1, first_ns=None, last_ns=None
)
NOTE = replace(WARNING, severity=Severity.INFO, title="Gradient overflow")
PROGRESS = RunProgress(
    step=2683,
    total_steps=50000,
    epoch=0.21,
    loss=1.128,
    grad_norm=0.9,
    learning_rate=1e-5,
    tokens_per_s=12000.0,
    samples_per_s=3.5,
    gap_s=4.0,
    step_s=4.0,
    last_ns=NOW_NS - 5 * MINUTE_NS,
    lines=2683,
    finished=False,
)
GAP = Gap(Part.LOGS, GapReason.UNAVAILABLE, "mem went away in the middle.")
DIAGNOSIS = DiagnosisAnswer(
    job=JOB,
    diagnosis=Diagnosis((OOM, WARNING, NOTE), 3304, PROGRESS),
    start=NOW - timedelta(hours=3),
    end=NOW,
    read=3304,
    redacted=2,
    gaps=(GAP,),
    pinned=DiagnoseCommand(str(REF), Window(end_ns=ns_from_datetime(NOW))),
)
QUIET = replace(DIAGNOSIS, diagnosis=Diagnosis((), 10, RunProgress()), start=None, redacted=0, gaps=())
EVIDENCE = Evidence("torch.OutOfMemoryError: <!channel>", title="GPU out of memory", hint="Use a smaller batch.")
FIRED = Replayed("failure", "GPU out of memory", Severity.PAGE, NOW - timedelta(minutes=5), EVIDENCE)
ENDED = replace(
    FIRED,
    rule="log_errors",
    severity=Severity.WARN,
    resolved_at=NOW - timedelta(minutes=1),
    resolution=Resolution.CLEARED,
    updates=2,
)
REPLAY = ReplayAnswer(
    job=JOB,
    start=NOW - timedelta(hours=24),
    end=NOW,
    step=timedelta(seconds=58),
    alerts=(FIRED, ENDED),
    quiet=("hang", "loss"),
    read=3304,
    gaps=(GAP,),
    notes=("Polled every 58 s, less often than the watcher does.",),
    pinned=ReplayCommand(str(REF), Window(since=timedelta(hours=24))),
)
