"""The verdict on a run from its log alone: of each signature, and of lines that change it."""

from __future__ import annotations

import pytest

from bot.diagnosis.catalogue import UNREPORTED_ROLES, Catalogue, load_catalogue
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner
from bot.diagnosis.run_verdicts import JudgedFailure, judge_failure
from bot.domain.alerts import Severity
from bot.domain.run_verdicts import Remedy
from bot.errors import ConfigError

OF_CATEGORY = {
    "gpu_memory": Remedy.FIX,
    "host_memory": Remedy.FIX,
    "gpu_fault": Remedy.CHANGE_NODE,
    "collective": Remedy.RESTART,
    "storage": Remedy.FIX,
    "data": Remedy.FIX,
    "numerics": Remedy.FIX,
    "hang": Remedy.RESTART,
    "launch": Remedy.FIX,
    "scheduler": Remedy.RESTART,
    "code": Remedy.FIX,
}
OTHERS: dict[Remedy | None, str] = {
    Remedy.RESTART: "rendezvous dataloader_timeout cancelled interrupted terminated",
    Remedy.FIX: "device_assert cuda_fault amd_fault ascend_fault collective_mismatch jax_peer_lost nccl_error"
    " nccl_peer_closed nccl_abort gloo_peer mpi_abort time_limit deadline_passed terminal_closed never_scheduled"
    " job_held",
    Remedy.CHANGE_NODE: "nccl_ib storage_io kernel_hang node_failure refused_by_node",
    Remedy.WAIT: "rate_limited no_capacity no_capacity_error gang_waits quota_for_job",
}
EXPECTED = {name: remedy for remedy, names in OTHERS.items() for name in names.split()}
STEPS = [f"step {n} loss {3 - n / 100:.2f}" for n in range(1, 20)]


def reported(catalogue: Catalogue) -> list[tuple[str, str, Severity]]:
    return [(s.name, s.category, s.severity) for s in catalogue.signatures if s.role not in UNREPORTED_ROLES]


def test_each_signature_has_the_verdict_of_its_category_or_its_own(catalogue: Catalogue) -> None:
    wrong = {}
    for name, category, severity in reported(catalogue):
        failure = JudgedFailure(name, category, "", severity is Severity.PAGE, has_checkpoint=False)
        found = judge_failure(failure, catalogue.verdict_rules)
        expected = EXPECTED.get(name, OF_CATEGORY[category] if severity is Severity.PAGE else None)
        if (found.remedy if found else None) is not expected:
            wrong[name] = (found, expected)
    assert wrong == {}


def test_rules_name_known_signatures_and_fit_a_line_of_a_phone(catalogue: Catalogue) -> None:
    names = {name for name, *_ in reported(catalogue)} | {"python_exception"}
    for rule in catalogue.verdict_rules:
        assert rule.signatures <= names
        assert len(f"{rule.verdict.label}: {rule.verdict.reason}") <= 40
        assert len(rule.verdict.missing) <= 90


def diagnose(lines: list[str], own: str = "") -> Failure:
    diagnoser = Diagnoser(PageScanner(load_catalogue(own)))
    diagnoser.feed_page("\n".join([*STEPS, *lines]).encode() + b"\n")
    return diagnoser.report().failures[0]


SAVED = "Saving model checkpoint to /ckpt/checkpoint-19"
PREEMPTED = "slurmstepd: error: *** JOB 81 ON n1 CANCELLED AT 2026-03-13T10:00:00 DUE TO PREEMPTION ***"
TIME_LIMIT = "slurmstepd: error: *** JOB 81 ON n1 CANCELLED AT 2026-03-13T10:00:00 DUE TO TIME LIMIT ***"


@pytest.mark.parametrize(
    ("lines", "remedy", "reason"),
    [
        (["OSError: [Errno 116] Stale file handle: '/mnt/nfs/x'"], Remedy.FIX, "its file handle is stale"),
        (["OSError: [Errno 5] Input/output error: '/mnt/nfs/x'"], Remedy.CHANGE_NODE, "its disk or mount failed"),
        ([SAVED, *STEPS, PREEMPTED], Remedy.RESTART, "a checkpoint is saved"),
        ([PREEMPTED], Remedy.RESTART, "preempted, not failed"),
        ([SAVED, *STEPS, TIME_LIMIT], Remedy.RESTART, "only its time ran out"),
        ([TIME_LIMIT], Remedy.FIX, "the same limit ends it again"),
        (["NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus."], Remedy.CHANGE_NODE, "its GPU failed"),
        (["torch.OutOfMemoryError: CUDA out of memory."], Remedy.FIX, "the same batch runs out again"),
        (
            ["huggingface_hub.errors.HfHubHTTPError: 503 Server Error: Service Unavailable for url: https://hf.co/x"],
            Remedy.WAIT,
            "a service does not answer",
        ),
        (
            [
                "huggingface_hub.errors.GatedRepoError: 403 Client Error. Cannot access gated repo for url"
                " https://huggingface.co/x"
            ],
            Remedy.FIX,
            "the same request is refused",
        ),
    ],
)
def test_verdict_of_a_log(lines: list[str], remedy: Remedy, reason: str) -> None:
    verdict = diagnose(lines).verdict

    assert verdict is not None
    assert (verdict.remedy, verdict.reason) == (remedy, reason)
    assert verdict.is_from_log_only


def test_what_the_run_survived_has_no_verdict() -> None:
    lines = ["ValueError: bad sample 7", *[f"step {n} loss 1.0" for n in range(20, 400)]]

    assert diagnose(["Traceback (most recent call last):", '  File "/a/t.py", line 1, in f', *lines]).verdict is None


OWN = """
[[signature]]
name = "vault_sealed"
title = "The dataset vault is sealed"
pattern = 'vault is sealed'
verdict = "wait"
"""


def test_user_signature_states_its_verdict() -> None:
    verdict = diagnose(["vault is sealed"], OWN).verdict

    assert verdict is not None
    assert verdict.sentence == "Wait: your signature states it."


def test_unknown_verdict_of_a_signature_is_an_error() -> None:
    with pytest.raises(ConfigError, match="verdict must be one of restart as is, fix first, change node, wait"):
        load_catalogue(OWN.replace("wait", "panic"))
