"""Summaries of a whole are good if most of its parts succeeded, and bad if it gave up."""

from __future__ import annotations

import pytest

from bot.diagnosis.failures.summaries import SummaryKind, read_summary

GOOD, COMPLETE, RESULT = SummaryKind.GOOD, SummaryKind.COMPLETE, SummaryKind.RESULT
BAD, LOST = SummaryKind.BAD, SummaryKind.LOST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sweep finished: 12 runs (11 finished, 1 crashed)", GOOD),
        ("9 of 10 jobs succeeded", GOOD),
        ("results: passed=98 failed=2", GOOD),
        ("12 runs finished, 0 failed", COMPLETE),
        ("2 of 90 fits failed", GOOD),
        ("40/40 shards converted", COMPLETE),
        ("best hyperparameters: depth=4", RESULT),
        ("mean auc over 5 folds 0.84", RESULT),
        ("metrics written to out.json", RESULT),
        ("128 passed, 1 skipped, 1 xfailed in 69.97s", GOOD),
        ("12 trials, 1 error(s). best trial 7 loss=0.41", RESULT),
        ("10 of 10 trials failed", BAD),
        ("0 of 8 folds finished", BAD),
        ("2 succeeded, 8 failed", BAD),
        ("3/8 ranks failed", BAD),
        ("=== 1 failed, 44 passed in 3.2s ===", BAD),
        ("test result: FAILED. 2 passed; 1 failed; 0 ignored", BAD),
        ("edge-1 : ok=2 changed=1 unreachable=0 failed=1 skipped=0", BAD),
        ("training failed", BAD),
        ("run 3/20 failed, stop", None),
        ("finished: 13 ok, 1 failed, 10 skipped", None),
        ("process exited with code 137", BAD),
        ("sweep failed: 3 finished, 3 crashed", LOST),
        ("All 6 trials failed", LOST),
        ("too many failures, giving up", LOST),
        ("60/100 processed", None),
        ("step 20/100 finished", None),
        ("saved the best checkpoint: epoch 8", None),
        ("crash report saved to /tmp/a.json", None),
        ("epoch 3 loss 0.91", None),
    ],
)
def test_summary_is_classified(text: str, expected: SummaryKind | None) -> None:
    assert read_summary(text) is expected
