"""Figures count what each label asks, misses state what is wrong, and the exit status follows the thresholds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.diagnosis.findings import Diagnosis, Failure
from bot.domain.alerts import Severity
from tests.corpus.__main__ import main
from tests.corpus.labels import Label
from tests.corpus.scoring import (
    ERROR_RATES,
    THRESHOLDS,
    ScoredLog,
    calibration_error,
    confidence_bins,
    measure,
    score_log,
)

FAILURE = Failure(
    severity=Severity.PAGE, category="data", signature="s", title="A shard is damaged", hint="Download it again.",
    line=7, ranks=(3, 1), confidence=0.9,
)  # fmt: skip
LABEL = Label(
    name="a.log", path=Path("a.log"), must_fail=True, severity=Severity.PAGE, categories=("data",), root_lines=(7,),
    ranks=(("3",),), must=(("shard", "download"),), must_not=("batch",), note="a note",
)  # fmt: skip
HEALTHY = Label(name="h.log", path=Path("h.log"), must_fail=False, severity=Severity.INFO)
FORMAT = (Path(__file__).parents[2] / "docs" / "labelled-logs.md").read_text(encoding="utf-8")


def missed(label: Label, *failures: Failure) -> list[str]:
    return [check.metric for check in score_log(label, Diagnosis(failures)).checks if not check.is_right]


def test_right_answer_has_no_miss() -> None:
    assert missed(LABEL, FAILURE) == []
    assert missed(HEALTHY) == []


@pytest.mark.parametrize(
    ("failure", "metrics"),
    [
        (replace(FAILURE, category="code"), ["category"]),
        (replace(FAILURE, line=8), ["root line"]),
        (replace(FAILURE, ranks=(1, 3)), ["rank"]),
        (replace(FAILURE, hint="Wait."), ["hint useful"]),
        (replace(FAILURE, hint="Download it again with a smaller BATCH."), ["hint useful", "hint wrong"]),
        (replace(FAILURE, severity=Severity.WARN), ["recall"]),
    ],
)
def test_wrong_answer_is_a_miss_of_its_metric(failure: Failure, metrics: list[str]) -> None:
    assert missed(LABEL, failure) == metrics


def test_severity_and_number_of_pages_are_judged_apart_from_recall() -> None:
    second = replace(FAILURE, signature="t", line=9)

    assert missed(LABEL, FAILURE, second) == ["single page"]
    assert missed(replace(LABEL, severity=Severity.WARN), FAILURE) == ["severity"]
    assert missed(LABEL) == ["recall"]


def test_failure_above_what_a_healthy_log_may_have_is_a_false_alarm() -> None:
    warning, note = replace(FAILURE, severity=Severity.WARN), replace(FAILURE, severity=Severity.INFO)

    assert missed(HEALTHY, warning) == ["false alarms"]
    assert missed(HEALTHY, note) == []
    assert missed(replace(HEALTHY, severity=Severity.WARN), warning) == []
    assert missed(replace(HEALTHY, severity=Severity.WARN), FAILURE) == ["false alarms"]


def test_miss_states_what_was_found_and_wanted() -> None:
    scored = score_log(LABEL, Diagnosis((replace(FAILURE, line=8),)))

    assert scored.misses == ["a.log  root line: found 8, wanted 7  (a note)"]


def scored(confidence: float, *, is_right: bool) -> ScoredLog:
    return score_log(LABEL, Diagnosis((replace(FAILURE, confidence=confidence, line=7 if is_right else 8),)))


def test_calibration_compares_stated_confidence_with_right_answers() -> None:
    logs = [scored(0.9, is_right=number > 2) for number in range(10)]
    logs += [scored(0.5, is_right=number < 5) for number in range(10)]
    bins = confidence_bins(logs)

    assert [(one.right, one.count) for one in bins] == [(5, 10), (7, 10)]
    assert calibration_error(bins) == pytest.approx(0.1)


def test_false_alarm_is_a_wrong_answer_and_an_accepted_warning_none() -> None:
    warning = replace(FAILURE, severity=Severity.WARN)
    logs = [score_log(HEALTHY, Diagnosis((FAILURE,)))]
    logs += [score_log(replace(HEALTHY, severity=Severity.WARN), Diagnosis((warning,)))]

    assert [(one.right, one.count) for one in confidence_bins(logs)] == [(0, 1)]


def test_few_answers_do_not_judge_the_calibration() -> None:
    logs = [scored(0.9, is_right=False)] * 49
    passed = {one.metric: one.is_passed for one in measure(logs)}
    assert (passed["root line"], passed["calibration error"]) == (False, True)

    assert not {one.metric: one.is_passed for one in measure([*logs, *logs[:1]])}["calibration error"]


def test_thresholds_are_documented() -> None:
    rows = re.findall(r"^([a-z ]+?) +\d+ +[\d.]+  (at (?:least|most)) ([\d.]+)$", FORMAT, re.MULTILINE)

    assert {(name, float(limit)) for name, _, limit in rows} == set(THRESHOLDS.items())
    assert {name for name, side, _ in rows if side == "at most"} == set(ERROR_RATES)


OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.\n"


def write_corpus(folder: Path, category: str) -> None:
    (folder / "oom.log").write_text(f"step 1 loss 2.0\n{OOM}", encoding="utf-8")
    (folder / "fine.log").write_text("step 1 loss 2.0\n", encoding="utf-8")
    rows = (f"oom.log\tfail\talert\t{category}\t2", "fine.log\thealthy\tnone\t-\t")
    table = "\n".join(("file\tlabel\texpect\tcategories\troot_lines", *rows))
    (folder / "labels.tsv").write_text(f"{table}\n", encoding="utf-8")


def test_command_passes_a_folder_and_prints_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_corpus(tmp_path, "oom")
    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out

    assert re.search(r"^recall +1 +1\.000  at least 0\.97$", printed, re.MULTILINE)
    assert re.search(r"^rank +0 +-  at least 0\.90$", printed, re.MULTILINE)
    assert "\n2 logs in " in printed


def test_command_fails_a_folder_and_lists_its_misses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_corpus(tmp_path, "data")
    assert main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("oom.log  category: found gpu_memory (")
    assert re.search(r"^category .* MISSED$", printed, re.MULTILINE)

    assert main([str(tmp_path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["logs"], found["passed"], found["misses"][0]["metric"]) == (2, False, "category")
    assert found["figures"]["root_line"] == {"share": 1.0, "answers": 1, "threshold": 0.92, "passed": True}


def test_command_refuses_a_folder_without_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "No labels.tsv in" in capsys.readouterr().err


def test_logs_are_scored_on_several_processes_in_their_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"{number:02}.log" for number in range(12)]
    for number, name in enumerate(names):
        (tmp_path / name).write_text(OOM if number % 2 else "fine\n", encoding="utf-8")
    (tmp_path / "labels.tsv").write_text("".join(f"{name}\n" for name in ("file", *names)), encoding="utf-8")
    assert main([str(tmp_path), "--json"]) == 1

    assert [miss["file"] for miss in json.loads(capsys.readouterr().out)["misses"]] == names[::2]
