"""docs/operations.md explains every log event, database table and delivery state."""

from __future__ import annotations

import re
from pathlib import Path

from bot import metrics
from bot.store.outbox import DeliveryState
from bot.store.schema import metadata

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
EVENT = re.compile(r'\b_?log\.(?:info|warning|error|exception)\(\s*"([^"]+)"')


def test_every_log_event_is_documented() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot").rglob("*.py"))
    events = set(EVENT.findall(code))
    assert events
    assert [] == sorted(event for event in events if f"`{event}`" not in DOCUMENT)


def test_every_table_and_delivery_state_is_documented() -> None:
    words = [*metadata.tables, *(state.value for state in DeliveryState)]
    assert [] == [word for word in words if f"`{word}`" not in DOCUMENT]


def test_every_metric_is_documented() -> None:
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in metrics.REGISTRY.collect()
        if not family.name.startswith("process_")
    }
    assert len(names) > 15
    assert [] == sorted(name for name in names if f"`{name}`" not in DOCUMENT)
