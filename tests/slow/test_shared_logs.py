"""Diagnoses of any log with any file names are valid for Slack; the fast sibling is in tests/unit/slack."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.render.log_diagnosis import render_log_diagnosis
from tests.unit.slack.test_hostile_text import FOREIGN
from tests.unit.slack.test_shared_logs import OOM, hostile_diagnosis
from tests.unit.slack.validity import problems


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(FOREIGN, st.sampled_from([OOM, "ERROR a\nERROR b\n", ""]), st.integers(1, 12))
def test_any_log_with_any_names_makes_a_valid_message(foreign: str, log: str, files: int) -> None:
    answer = hostile_diagnosis(foreign, log, files)
    assert [] == problems(render_log_diagnosis(answer))
    assert [] == problems(render_log_diagnosis(replace(answer, names=())))
