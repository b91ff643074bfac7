"""What goes wrong on bad days, and how we know it. Rows only; the code is in ``faults.py``."""

from emulator.coverage_row import CoverageRow
from emulator.faults import CONTROL_PATH

OURS = "the emulator's own"
NETWORK = "any network or proxy may"
TEST = "test_faults.py::test_"

COVERAGE = (
    CoverageRow(
        "any path",
        "429 and 5xx in the vendor's words",
        "observed",
        "truss and fireworks-ai clients (read 2026-11-20)",
        TEST + "an_error_is_worded_as_the_vendor_does",
    ),
    CoverageRow(
        "any path",
        "Retry-After: absent, seconds, a date",
        "documented",
        "RFC 9110, 10.2.3, quoted at andrewmaksimchuk.github.io/note/common/48 (read 2026-11-21)",
        TEST + "retry_after_is_absent_seconds_or_a_date",
    ),
    CoverageRow(
        "any path",
        "a stall before the answer",
        "invented",
        NETWORK,
        TEST + "a_stall_answers_late_and_ends_when_the_client_goes",
    ),
    CoverageRow("any path", "a slow body", "invented", NETWORK, TEST + "a_slow_body_is_whole"),
    CoverageRow(
        "any path",
        "a truncated body that claims to be whole",
        "invented",
        NETWORK,
        TEST + "a_truncated_body_claims_to_be_whole",
    ),
    CoverageRow(
        "any path",
        "a connection that ends inside the body",
        "invented",
        NETWORK,
        TEST + "a_cut_off_body_ends_with_the_connection",
    ),
    CoverageRow("any path", "HTML in place of JSON", "invented", NETWORK, TEST + "html_comes_in_place_of_json"),
    CoverageRow(
        "any path",
        "a reset before the answer",
        "invented",
        NETWORK,
        TEST + "a_reset_ends_the_connection_without_an_answer",
    ),
    CoverageRow(
        f"GET {CONTROL_PATH}", "shows the faults", "invented", OURS, TEST + "faults_are_set_and_shown_over_http"
    ),
    CoverageRow(
        f"POST {CONTROL_PATH}", "replaces the faults", "invented", OURS, TEST + "faults_are_set_and_shown_over_http"
    ),
    CoverageRow("any path", "gzipped bodies (option)", "invented", NETWORK, TEST + "bodies_may_be_compressed"),
)
