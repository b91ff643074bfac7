"""docs/runs.md names every event and every setting of the messages about runs."""

from __future__ import annotations

import re
from pathlib import Path

from bot.domain.runs import RunEventKind
from bot.domain.subscriptions import NotifyLevel
from bot.rules.run_settings import RUN_SETTINGS

TEXT = (Path(__file__).parents[2] / "docs" / "runs.md").read_text(encoding="utf-8")


def test_the_table_of_events_is_complete() -> None:
    table = TEXT[TEXT.index("| Event |") :].split("\n\n")[0]
    assert re.findall(r"^\| ([a-z ]+) \|", table, re.MULTILINE) == [one.value for one in RunEventKind]


def test_every_setting_is_documented() -> None:
    assert set(re.findall(r"^\| `([a-z_]+)=", TEXT, re.MULTILINE)) == set(RUN_SETTINGS)
    assert re.findall(r"^\| `notify=([a-z]+)`", TEXT, re.MULTILINE) == [one.value for one in NotifyLevel]
