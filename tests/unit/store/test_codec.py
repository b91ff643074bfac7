"""Every value the store keeps comes back as it was, whatever text is in it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bot.domain.alerts import (
    Alert,
    AlertState,
    CountedMessage,
    DeliveryKind,
    Evidence,
    ExcerptLine,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
    Receipt,
    Resolution,
    Severity,
)
from bot.domain.charts import ChartLevel, ChartLine, ChartMoment, ChartPoint, LineChart
from bot.domain.grouping import Firings
from bot.domain.job_matching import Matcher
from bot.domain.jobs import Job, JobRef, JobState, Resources
from bot.domain.logs import Level
from bot.domain.ownership import Acknowledgement, Closing, IncidentNote, Muting, Unwatching
from bot.domain.progress import Checkpoint, RunProgress
from bot.domain.run_verdicts import Remedy, RunVerdict
from bot.domain.subscriptions import RuleSettings
from bot.store.codec import clean_text, from_json, to_json

NOW = datetime(2026, 3, 13, 10, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
LINES = (
    ExcerptLine("Traceback\n  File <!channel> `x` \x1b[31m\0", 1773396000123456789, rank=3, level=Level.CRITICAL),
    ExcerptLine("OSError: gone", 1773396000123456790, replica="k2v9x"),
    ExcerptLine(""),
)
EVIDENCE = Evidence(
    summary="Rank 3 ran out of memory.",
    title="GPU out of memory",
    lines=LINES,
    count=3,
    facts=(("Rank", "3 of 8"), ("GPU", "")),
    hint="lower the batch size",
    first_at=NOW,
    last_at=LATER,
    root=1,
    expected_at=LATER,
    messages=(CountedMessage("KV cache is exhausted", 13, NOW), CountedMessage("`x` <!here>", 2)),
    group="disk:/mnt/data",
    chart=LineChart(
        "GPU memory free",
        "GiB",
        (ChartLine("GPU 3", (ChartPoint(1.0, 4.5, 4.0, 5.0),)),),
        (ChartLevel("limit", 80.0),),
        (ChartMoment("out of memory", 2.0),),
        is_time=False,
        note="1 of 8 GPUs",
    ),
    verdict=RunVerdict(Remedy.FIX, "the same batch runs out again", "the run's own limits", is_from_log_only=False),
)
PROGRESS = RunProgress(
    400,
    5000,
    1.5,
    2.25,
    0.5,
    1e-4,
    12_000.0,
    8.5,
    4.0,
    1773396000123456789,
    9,
    True,
    4.0,
    Checkpoint(400, NOW, "ckpt-12"),
)
FULL_JOB = Job(
    ref=JobRef("baseten", "proj/job"),
    state=JobState.FAILED,
    vendor_status="TRAINING_JOB_FAILED",
    name="llama \N{GRINNING FACE}",
    error="exit code 1",
    url="https://app.example/jobs/1",
    user="ann@example.com",
    created_at=NOW,
    started_at=NOW,
    updated_at=LATER,
    ended_at=LATER,
    resources=Resources("H100:8", 2, 8, "H100", 80 * 1024**3, 26.5, 2**60),
    details=(("Checkpoint", "ckpt-12"), ("Step", "400")),
    progress=PROGRESS,
    utilization=0.93,
)
SHOWN = IncidentAlert(
    "tw-3f9c2ab1",
    "error_lines",
    "Errors",
    Severity.PAGE,
    NOW,
    EVIDENCE,
    LATER,
    Resolution.JOB_ENDED,
    "tw-00aa11bb",
    history=Firings(7, NOW, (NOW, LATER), is_flapping=True),
)
INCIDENT = Incident(
    "inc-0123456789ab",
    "C1",
    FULL_JOB,
    NOW,
    (SHOWN, SHOWN),
    LATER,
    PROGRESS,
    acknowledgement=Acknowledgement("U1", NOW, taken_from="U2"),
    closing=Closing("U1", LATER),
    muted=Muting("U1", LATER, 3),
    unwatched=Unwatching("U1", LATER, "watch baseten:proj/job"),
    group="disk:/mnt/data",
    note=IncidentNote("U1", LATER, "restarting node 3"),
)
ALERT = Alert(
    rule="low_gpu_utilization",
    parameters_key="below=0.2",
    state=AlertState.FIRING,
    episode=7,
    pending_since=NOW,
    fired_at=NOW,
    last_finding_at=LATER,
    severity=Severity.INFO,
    evidence=EVIDENCE,
    memory={"list": [1, 2.5, None, True, "x"], "deep": {"a": {"b": []}}},
)
NOTIFICATION = Notification(DeliveryKind.REPLY, NotifyReason.REMINDER, FULL_JOB, INCIDENT, "tw-3f9c2ab1", "text")
VALUES = [
    FULL_JOB,
    INCIDENT,
    ALERT,
    Alert("job_failed", ""),
    NOTIFICATION,
    Notification(DeliveryKind.NOTE, NotifyReason.NOTE, FULL_JOB),
    Receipt("C1", "1710324000.000100"),
    RuleSettings({"r": {"a": 1, "b": 1.0, "c": True, "d": "x"}}, ("off",), Severity.WARN),
    RuleSettings(),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_survives_encoding(value: object) -> None:
    again = from_json(to_json(value), type(value))

    assert again == value
    assert repr(again) == repr(value)


OLD_LINES = [
    [1773396000123456789, "Traceback\n  File <!channel> `x` \x1b[31m\0", "rank 3", 50, "req-1"],
    [1773396000123456790, "OSError: gone", "k2v9x", None, None],
    [0, "", None, None, None],
]


@pytest.mark.parametrize("value", [INCIDENT, ALERT, NOTIFICATION], ids=lambda value: type(value).__name__)
def test_evidence_lines_stored_as_arrays_by_older_versions_are_read(value: object) -> None:
    old = to_json(value).replace(to_json(LINES), to_json(OLD_LINES))

    assert to_json(OLD_LINES) in old
    assert from_json(old, type(value)) == value


def test_matchers_are_decoded_as_a_tuple() -> None:
    matchers = (Matcher("rule", "error_lines"), Matcher("job", "baseten:p/j"))

    assert from_json(to_json(matchers), tuple[Matcher, ...]) == matchers


@pytest.mark.parametrize("value", [FULL_JOB, SHOWN, INCIDENT, ALERT, EVIDENCE], ids=lambda value: type(value).__name__)
def test_the_examples_fill_every_field(value: object) -> None:
    """A field added to the domain is added here too, so that it is known to come back."""
    assert is_dataclass(value)
    assert [field.name for field in fields(value) if getattr(value, field.name) in (None, (), 0)] == []


def test_characters_that_json_cannot_store_are_replaced() -> None:
    job = Job(JobRef("p", "1"), JobState.RUNNING, "x\ud800y", details=(("a", "\udfff"),))

    again = from_json(to_json(job), Job)

    assert (again.vendor_status, again.details) == ("x?y", (("a", "?"),))


def test_text_columns_accept_any_text() -> None:
    assert clean_text("a\0b\ud800c\N{GRINNING FACE}") == "a\ufffdb?c\N{GRINNING FACE}"


def test_an_incompatible_value_raises_an_error() -> None:
    with pytest.raises(msgspec.ValidationError):
        from_json('{"ref":{"provider":"p","id":"1"},"state":"resting","vendor_status":""}', Job)


def test_an_unknown_field_is_ignored() -> None:
    assert from_json('{"channel":"C1","ts":"1.2","permalink":"x"}', Receipt) == Receipt("C1", "1.2")
