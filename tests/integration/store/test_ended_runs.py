"""The runs that verdicts are compared with, on each database."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.jobs import JobRef
from bot.domain.run_history import EndedRun, RunFacts, RunHistory
from bot.domain.subscriptions import RuleSettings
from bot.domain.watches import PollResult
from bot.store.ended_runs import KEEP_ENDED_RUNS_FOR
from bot.store.store import Store
from tests.integration.store.building import LEASE
from tests.integration.store.conftest import NOW

WEEK = timedelta(days=7)
CATEGORIES = ("collective", "gpu_fault")


def run(number: int, days: float, **changes: object) -> EndedRun:
    values: dict[str, object] = {
        "job": JobRef("baseten", f"proj/job{number}"), "scope": "proj", "at": NOW - timedelta(days=days),
        "category": "collective", "fingerprint": "f1", "node": "gpu-17",
    }  # fmt: skip
    return EndedRun(**{**values, **changes})  # type: ignore[arg-type]


async def save(store: Store, *runs: EndedRun) -> None:
    """Save the results of polls that found that runs ended."""
    for one in runs:
        await store.subscriptions.add("C1", None, one.job, "U1", RuleSettings(), NOW)
        (watch,) = await store.watches.claim_due(NOW, lease=LEASE)
        due_at = NOW + timedelta(days=1)
        result = PollResult(watch.id, watch.token, due_at, ended_run=one)
        assert await store.watches.settle([result], NOW)


async def ask(store: Store, of: EndedRun) -> RunHistory:
    return await store.ended_runs.history_of(of, CATEGORIES, WEEK, 2 * WEEK)


async def test_failures_on_a_node_are_counted_within_the_window_for_other_jobs(store: Store) -> None:
    await save(store, run(1, 1), run(2, 6), run(3, 8), run(4, 1, node="gpu-18"), run(5, 1, category="code"))
    await save(store, run(6, 2, job=JobRef("fireworks", "x"), scope=""), run(7, 0))

    history = await ask(store, run(7, 0))

    assert history.node_failures == 3
    assert (await ask(store, run(7, 0, node=""))).node_failures == 0


async def test_the_newest_run_with_the_same_failure_and_the_last_good_one_are_found(store: Store) -> None:
    good = run(4, 3, category="", fingerprint="", node="", facts=RunFacts({"NCCL": "2.21"}), name="llama")
    await save(store, run(1, 5), run(2, 1, name="llama"), run(3, 0.5, fingerprint="other"), good)
    await save(store, run(5, 1, scope="elsewhere", job=JobRef("baseten", "elsewhere/job")))

    history = await ask(store, run(9, 0))

    assert history.same == run(2, 1, name="llama")
    assert history.good == good
    assert await ask(store, run(9, 0, scope="new", node="")) == RunHistory()


async def test_a_job_has_one_row_and_old_rows_are_purged(store: Store) -> None:
    await save(store, run(1, 3))
    (watch,) = await store.watches.claim_due(NOW + timedelta(days=2), lease=LEASE)
    again = run(1, 1, fingerprint="f2")
    await store.watches.settle([PollResult(watch.id, watch.token, NOW + timedelta(days=3), ended_run=again)], NOW)

    assert (await ask(store, run(2, 0, fingerprint="f2"))).same == again
    assert (await ask(store, run(2, 0))).same is None
    assert await store.purge_expired(NOW + KEEP_ENDED_RUNS_FOR) == 1


async def test_long_and_strange_texts_are_stored(store: Store) -> None:
    strange = run(1, 1, scope="s" * 5000, node="n\0\ud800" * 900, job=JobRef("baseten", "j\u202e\ud800"))
    await save(store, strange)

    history = await ask(store, run(2, 0, scope="s" * 5000, node="n\0\ud800" * 900))

    assert history.node_failures == 1
    assert history.same is not None
