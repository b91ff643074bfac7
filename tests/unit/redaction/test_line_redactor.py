"""A secret that continues on the next page is hidden there, and counted once."""

from __future__ import annotations

import pytest

from bot.domain.logs import LogLine, Order
from bot.redaction.line_redactor import LineRedactor
from bot.redaction.redactor import HIDDEN, Redactor


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_pages_of_any_size_hide_the_same(size: int) -> None:
    texts = [
        "step 1",
        "db_password:",
        "  'hunter2hunter2'",
        "step 2",
        "password=hunter22",
        "WANDB_API_KEY=0f1e2d3c4b5a69",
        "7887",
        "a5b4c3d2e1f0",
        "step 3",
    ]
    lines = [LogLine(at, text) for at, text in enumerate(texts)]
    redactor, shown, count = LineRedactor(Redactor()), list[str](), 0
    for start in range(0, len(lines), size):
        page, hidden = redactor.redact_lines(lines[start : start + size])
        shown += [line.message for line in page]
        count += hidden
    whole, expected = Redactor().redact_lines(lines)
    assert [line.message for line in whole] == shown
    assert expected == count


def test_a_page_without_secrets_is_returned_as_it_is() -> None:
    redactor, lines = LineRedactor(Redactor()), [LogLine(1, "step 1")]
    assert redactor.redact_lines(lines)[0] is lines
    assert redactor.redact_lines(lines)[0] is lines


def test_a_page_that_is_read_newest_first_is_searched_in_the_order_of_time() -> None:
    lines = [LogLine(2, "  'hunter2hunter2'"), LogLine(1, "db_password:")]
    shown, hidden = LineRedactor(Redactor(), Order.DESC).redact_lines(lines)
    assert [line.message for line in shown] == [f"  '{HIDDEN}'", "db_password:"]
    assert hidden == 1
