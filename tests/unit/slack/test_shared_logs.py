"""Answers to shared logs, links and unclear messages: valid for Slack whatever is in a log, a name or a question."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands.answers import LogDiagnosis
from bot.commands.handlers.diagnose_file import combine, diagnose_file
from bot.commands.parsing.mentions import ReadingKind, read_mention
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.merged_files import FileDiagnosis, merge_files
from bot.domain.jobs import JobState
from bot.domain.wording import size_text
from bot.errors import UsageError
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import shipped_diagnosis_config
from bot.slack.downloads import is_slack_url
from bot.slack.render.answers import render_unclear
from bot.slack.render.log_diagnosis import render_log_diagnosis
from bot.slack.render.message import Message
from bot.slack.render.unfurl import render_unfurl
from bot.slack.shared_messages import read_shared_log
from tests.unit.slack.factories import NOW, job
from tests.unit.slack.test_hostile_text import FOREIGN
from tests.unit.slack.validity import problems

API = "https://slack.com/api/"
OOM = "step 1 loss 2.5\nTraceback (most recent call last):\ntorch.OutOfMemoryError: CUDA out of memory.\n"


def diagnosed(name: str, text: str) -> FileDiagnosis:
    diagnoser = Diagnoser(shipped_diagnosis_config().scanner, last_lines=True)
    diagnoser.feed_page(text.encode("utf-8", "replace"))
    return FileDiagnosis(name, diagnoser.report())


def hostile_diagnosis(foreign: str, log: str, files: int) -> LogDiagnosis:
    """Of files whose lines and names hold a text."""
    parts = [diagnosed(f"{number} {foreign}", f"{log}{foreign}\n") for number in range(files)]
    return LogDiagnosis(tuple(part.path for part in parts), merge_files(parts), 3, (foreign, foreign * 3))


@pytest.mark.parametrize("foreign", ["<!channel> `x`", "```\u202e\x1b[31m", "&" * 900])
def test_a_log_with_hostile_text_and_names_makes_a_valid_message(foreign: str) -> None:
    assert [] == problems(render_log_diagnosis(hostile_diagnosis(foreign, OOM, 3)))


@settings(deadline=None, max_examples=25)
@given(FOREIGN, st.sampled_from(JobState))
def test_any_job_makes_a_valid_preview(foreign: str, state: JobState) -> None:
    shown = render_unfurl(replace(job(), name=foreign, error=foreign, state=state), NOW, is_watched=False)
    assert [] == problems(Message("preview", tuple(shown)))


@settings(deadline=None, max_examples=25)
@given(FOREIGN)
def test_any_unclear_message_gets_a_valid_answer(foreign: str) -> None:
    try:
        reading = read_mention(f"pizza for {foreign}")
    except UsageError:
        return
    if reading.kind is ReadingKind.UNCLEAR:
        assert [] == problems(render_unclear(reading))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://files.slack.com/files-pri/T1-F1/download/a.log", True),
        ("https://slack.com/files-pri/T1-F1/a.log", True),
        ("http://files.slack.com/a.log", False),
        ("https://files.slack.com.evil.example/a.log", False),
        ("https://evilslack.com/a.log", False),
        ("https://slack-files.com/a.log", False),
        ("https://files.slack.com@evil.example/a.log", False),
        ("https://[bad", False),
    ],
)
def test_the_token_goes_to_slack_only(url: str, expected: bool) -> None:
    assert expected is is_slack_url(url, API)


def test_an_emulated_slack_counts_only_with_its_port_and_scheme() -> None:
    assert is_slack_url("http://127.0.0.1:8080/files/a", "http://127.0.0.1:8080/slack/api/")
    assert not is_slack_url("http://127.0.0.1:8081/files/a", "http://127.0.0.1:8080/slack/api/")
    assert not is_slack_url("https://127.0.0.1:8080/files/a", "http://127.0.0.1:8080/slack/api/")


def test_the_text_of_an_app_is_read_from_its_blocks_and_attachments() -> None:
    code = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "Traceback\nboom"}]}
    blocks = [{"type": "rich_text", "elements": [code]}, {"type": "actions", "elements": [{"type": "button"}]}]
    assert "Traceback\nboom" == read_shared_log({"blocks": blocks}).text
    assert "a & b" == read_shared_log({"attachments": [{"text": "a &amp; b"}]}).text
    assert "" == read_shared_log({"attachments": [{"is_app_unfurl": True, "text": "ours"}], "files": "odd"}).text


async def test_a_text_beyond_the_limit_is_cut_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_bytes(b"step 1 loss 2.5\n" * 200_000)
    scanner = shipped_diagnosis_config().scanner
    with path.open("rb") as file:
        part, notes = await diagnose_file(file, "long.log", scanner, max_text=1_000_000)
    answer = combine([part], Redactor(), notes, is_text=False)
    assert part.diagnosis.lines < 200_000
    assert ("Only the first 1.0 MB of long.log were read. Use `trainwatch scan` for all of it.",) == answer.notes


@pytest.mark.parametrize(
    ("size", "expected"),
    [(1, "1 byte"), (940, "940 bytes"), (3000, "3 kB"), (1500, "1.5 kB"), (10**8, "100 MB"), (1_234_567_890, "1.2 GB")],
)
def test_sizes_are_short(size: int, expected: str) -> None:
    assert expected == size_text(size)
