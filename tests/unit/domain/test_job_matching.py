"""What people type for a job, and which job they mean."""

from __future__ import annotations

import pytest

from bot.domain.job_matching import JobName, KnownJob, closest_jobs, match_name, match_page
from bot.domain.jobs import JobRef

SFT = KnownJob(JobRef("baseten", "p7qr9qv/h8gpu42"), "llama-70b-sft")
DPO = KnownJob(JobRef("baseten", "p7qr9qv/h8xyz11"), "Llama-70B-dpo")
TUNE = KnownJob(JobRef("fireworks", "acme/tune-7b"), "tune-7b")
RUN = KnownJob(JobRef("rivergen", "mdl-churn/run-c93f5a"))
TWIN = KnownJob(JobRef("baseten-model", "abc1/tune-7b"), "Qwen-7B · production")
JOBS = (SFT, DPO, TUNE, RUN, TWIN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h8gpu42", (SFT,)),
        ("H8GPU42", (SFT,)),
        ("p7qr9qv/h8gpu42", (SFT,)),
        ("llama-70b-sft", (SFT,)),
        ("llama-70b-d", (DPO,)),
        ("llama", (SFT, DPO)),
        ("h8", (SFT, DPO)),
        ("h8g", (SFT,)),
        ("p7qr9qv/", (SFT, DPO)),
        ("run-c9", (RUN,)),
        ("tune-7b", (TUNE, TWIN)),
        ("production", (TWIN,)),
        ("qwen-7b", (TWIN,)),
        ("h", ()),
        ("gpu42", ()),
        ("", ()),
    ],
)
def test_ids_names_and_their_beginnings_match(text: str, expected: tuple[KnownJob, ...]) -> None:
    assert expected == match_name(JobName(text), (*JOBS, *JOBS))


def test_a_platform_narrows_the_match() -> None:
    assert (TUNE,) == match_name(JobName("tune-7b", "fireworks"), JOBS)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://app.baseten.co/training/p7qr9qv/h8gpu42", (SFT,)),
        ("https://app.baseten.co/training/p7qr9qv/jobs/h8gpu42/metrics?tab=gpu", (SFT,)),
        ("https://app.baseten.co/training/p7qr9qv", (SFT, DPO)),
        ("https://app.baseten.co/models/abc1/overview", (TWIN,)),
        ("https://app.fireworks.ai/dashboard/jobs?id=TUNE-7B", (TUNE, TWIN)),
        ("https://studio.rivergen.ai/workspaces/7/#run=run-c93f5a", (RUN,)),
        ("https://app.baseten.co/training/other/logs/none", ()),
        ("https://[bad", ()),
    ],
)
def test_pages_of_jobs_projects_and_models_match(url: str, expected: tuple[KnownJob, ...]) -> None:
    assert expected == match_page(url, JOBS)


@pytest.mark.parametrize(
    ("text", "first"), [("lama-70b-sft", SFT), ("70b-dpo", DPO), ("h8gpu24", SFT), ("run-c93", RUN)]
)
def test_close_names_are_suggested(text: str, first: KnownJob) -> None:
    assert first == closest_jobs(text, JOBS, 3)[0]


def test_distant_names_are_not_suggested() -> None:
    assert () == closest_jobs("zzzzzzzz", JOBS, 3)
