"""What the emulated PagerDuty promises, and how we know it. Rows only; the code is in ``pagerduty.py``."""

from emulator.coverage_row import CoverageRow
from emulator.pagerduty import ENQUEUE

INFLUX = "docs.influxdata.com, Flux pagerduty.sendEvent() (read 2026-11-29)"
ANSIBLE = "docs.ansible.com, pagerduty_alert (read 2026-11-29)"
HEX = "readme.hex.pm, pagerduty_ex 1.0.0 (read 2026-11-29)"
POST = f"POST {ENQUEUE}"
TEST = "test_pagerduty.py::test_"

COVERAGE = (
    CoverageRow(
        POST,
        "routing_key; event_action trigger, acknowledge or resolve; dedup_key of up to 255 characters",
        "observed",
        INFLUX,
        TEST + "an_event_is_checked",
    ),
    CoverageRow(
        POST,
        "a trigger has payload.summary, source and severity (critical, error, warning, info)",
        "observed",
        HEX,
        TEST + "an_event_is_checked",
    ),
    CoverageRow(POST, "summary of up to 1,024 characters", "observed", ANSIBLE, TEST + "an_event_is_checked"),
    CoverageRow(
        POST,
        "events with one dedup_key concern one incident",
        "observed",
        ANSIBLE,
        TEST + "events_with_one_key_concern_one_incident",
    ),
    CoverageRow(
        POST,
        "202 with dedup_key; 400 with errors",
        "invented",
        "the documents that were read do not say",
        TEST + "an_event_is_checked",
    ),
)
