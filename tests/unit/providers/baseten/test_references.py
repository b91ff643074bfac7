"""References and pages of Baseten's training jobs, deployments, environments and chainlets."""

from __future__ import annotations

import pytest

from bot.domain.jobs import JobRef
from bot.providers.baseten.references import parse_deployment_ref, parse_training_ref


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("qrj8y03/wp11ylw", "qrj8y03/wp11ylw"),
        ("wp11ylw", "wp11ylw"),
        ("https://app.baseten.co/training/qrj8y03/logs/wp11ylw", "qrj8y03/wp11ylw"),
        ("https://app.baseten.co/training/qrj8y03/metrics/wp11ylw/?tab=gpu#x", "qrj8y03/wp11ylw"),
        ("https://app.baseten.co/training/project/qrj8y03/logs/wp11ylw", "qrj8y03/wp11ylw"),
        ("https://api.baseten.co/v1/training_projects/qrj8y03/jobs/wp11ylw/logs", "qrj8y03/wp11ylw"),
        ("https://app.baseten.co/models/abc1d2ef/logs/xyz123", None),
        ("https://baseten.co.evil.test/training/qrj8y03/logs/wp11ylw", None),
        ("https://[broken/training/a/logs/b", None),
        ("a/b/c", None),
        ("../etc", None),
        ("", None),
    ],
)
def test_a_training_reference_is_parsed_from_an_id_or_a_url(text: str, expected: str | None) -> None:
    assert (JobRef("baseten", expected) if expected else None) == parse_training_ref(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc1d2ef/xyz123", "abc1d2ef/xyz123"),
        ("https://app.baseten.co/models/abc1d2ef/logs/xyz123", "abc1d2ef/xyz123"),
        ("https://api.baseten.co/v1/models/abc1d2ef/deployments/xyz123", "abc1d2ef/xyz123"),
        ("abc1d2ef/environments/production", "abc1d2ef/environments/production"),
        ("https://app.baseten.co/models/abc1d2ef/environments/production", "abc1d2ef/environments/production"),
        ("https://api.baseten.co/v1/models/abc1d2ef/environments/staging/logs", "abc1d2ef/environments/staging"),
        ("https://app.baseten.co/models/abc1d2ef/deployments/xyz123", "abc1d2ef/xyz123"),
        ("chains/chn1/dep1/let1", "chains/chn1/dep1/let1"),
        ("https://app.baseten.co/chains/chn1/logs/dep1/let1", "chains/chn1/dep1/let1"),
        ("https://api.baseten.co/v1/chains/chn1/deployments/dep1/chainlets/let1/logs", "chains/chn1/dep1/let1"),
        ("https://app.baseten.co/training/qrj8y03/logs/wp11ylw", None),
        ("https://baseten.co.evil.test/models/abc1d2ef/environments/production", None),
        ("abc1d2ef/environments", "abc1d2ef/environments"),  # a deployment may be called so
        ("abc1d2ef/environments/", None),
        ("chains/chn1/dep1", None),
        ("chains/chn1/dep1/let1/more", None),
        ("abc1d2ef/../xyz123", None),
        ("xyz123", None),
    ],
)
def test_a_deployment_reference_is_parsed_from_an_id_or_a_url(text: str, expected: str | None) -> None:
    assert (JobRef("baseten-model", expected) if expected else None) == parse_deployment_ref(text)
