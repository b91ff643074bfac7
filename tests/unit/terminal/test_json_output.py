"""The fields of `--json` documents are those in docs/cli.md."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from bot.commands.handlers.rules import rules_answer
from bot.commands.subcommands.audit import AuditAnswer, AuditCommand
from bot.commands.subcommands.jobs import JobsAnswer, ProviderJobs, StatusAnswer
from bot.commands.subcommands.table import SharedAnswer
from bot.diagnosis.merged_files import FileDiagnosis, merge_files
from bot.domain.audit import AuditEntry, AuditKind
from bot.domain.checks import CheckResult
from bot.domain.metrics import MetricPoint, MetricSeries, summarize
from bot.domain.progress import Checkpoint
from bot.domain.subscriptions import RuleSettings
from bot.terminal.audit import audit_json
from bot.terminal.json_output import checks_json
from bot.terminal.log_lines import LineFormat, LineFormatter
from bot.terminal.logs_around import _json_row
from bot.terminal.render.answers import render
from bot.terminal.render.screen import Screen
from bot.terminal.scan import _file_json
from bot.terminal.top.run import top_json
from tests.fakes.provider import NOW
from tests.unit.commands.insights import DIAGNOSIS, REPLAY
from tests.unit.terminal.samples import GAP, JOB, LINE, METRICS
from tests.unit.terminal.top_samples import sample_board

AUDITED = AuditEntry(AuditKind.COMMAND, "U1", "C1", "T1", "list", NOW)
LOCATED = FileDiagnosis("a.log", DIAGNOSIS.diagnosis, rank=0)
SAVED = replace(DIAGNOSIS.diagnosis, progress=replace(DIAGNOSIS.diagnosis.progress, checkpoint=Checkpoint(7, NOW, "x")))
DOCUMENT = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")


def answer_json(answer: SharedAnswer) -> str:
    return render(answer, Screen(), json=True)


def keys(value: object) -> set[str]:
    match value:
        case dict():
            return {*value, *(key for one in value.values() for key in keys(one))}
        case list():
            return {key for one in value for key in keys(one)}
        case _:
            return set()


def test_fields_match_the_documentation() -> None:
    documents = [
        answer_json(METRICS),
        answer_json(StatusAnswer(JOB, NOW, (LINE,), METRICS.summaries, (GAP,))),
        answer_json(JobsAnswer((ProviderJobs("mem", (JOB,)),))),
        checks_json([CheckResult("a", True, "b")]),
        LineFormatter(LineFormat.JSON).text([LINE]),
        answer_json(replace(DIAGNOSIS, diagnosis=SAVED)),
        _json_row(LineFormatter(LineFormat.JSON).text([LINE]), is_marked=True),
        json.dumps({"files": [_file_json(LOCATED)]}),
        answer_json(replace(DIAGNOSIS, diagnosis=merge_files([LOCATED]))),
        answer_json(rules_answer(RuleSettings())),
        answer_json(REPLAY),
        json.dumps(audit_json(AuditAnswer((AUDITED,), 1, AuditCommand()))),
        json.dumps(top_json(sample_board())),
    ]
    printed = set().union(*(keys(json.loads(document)) for document in documents))
    documented = set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE))
    assert documented == printed


def test_json_has_no_nan() -> None:
    made = summarize(MetricSeries("loss", (MetricPoint(float("nan")), MetricPoint(1.0)), limit=float("inf")))
    assert made is not None
    series = json.loads(answer_json(replace(METRICS, summaries=(made,))))["series"][0]
    assert [point["value"] for point in series["points"]] == [None, 1.0]
    assert series["limit"] is None


def test_times_are_rfc_3339_in_utc() -> None:
    job = json.loads(answer_json(StatusAnswer(JOB, NOW)))["job"]
    assert (job["started_at"], job["ended_at"]) == ("2026-03-13T11:00:00.000000Z", None)
