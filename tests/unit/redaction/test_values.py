"""A secret is hidden wherever a platform or a user can write one."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogLine
from bot.domain.metrics import MetricPoint, MetricSeries
from bot.domain.observations import Observation
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_observation, redact_series

SECRET = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz01234567"
NOW = datetime(2026, 3, 13, tzinfo=UTC)
REF = JobRef("mem", "run/1")


def test_secrets_are_hidden_in_every_text_of_an_observation() -> None:
    text = f"it says {SECRET} here"
    job = Job(REF, JobState.FAILED, text, text, text, f"https://x/y?token={SECRET}", text, details=(("Command", text),))
    seen = Observation(
        REF,
        NOW,
        job,
        (LogLine(1, text, replica=text), LogLine(2, "loss 1", replica=text)),
        (MetricSeries(text, (MetricPoint(1.0),), text), MetricSeries("loss", (), None)),
        (Gap(Part.LOGS, GapReason.UNAVAILABLE, text),),
    )
    safe = redact_observation(seen, Redactor())
    assert SECRET[:12] not in repr(safe)
    assert 11 == repr(safe).count("it says hf_[hidden] here")
    assert "loss" == safe.series[1].name


def test_observation_without_secrets_is_unchanged() -> None:
    series = (MetricSeries("loss", (), "node-1"),)
    seen = Observation(REF, NOW, None, (LogLine(1, "loss 1", rank=0),), series, ())
    assert seen == redact_observation(seen, Redactor())
    assert series is redact_series(series, Redactor())
