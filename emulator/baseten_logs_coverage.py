"""What emulated Baseten promises about log lines, and how we know it. Rows only; the code is in ``baseten_logs.py``."""

from emulator.baseten import JOB
from emulator.baseten_coverage import CLI, CLIENT, DEPLOYMENT_LOGS, OPENAPI, SILENT, TRUSS
from emulator.baseten_serving import DEPLOYMENT
from emulator.coverage_row import CoverageRow

TRAINING_LOGS = "docs.baseten.co, Get training job logs (read 2026-11-20)"

GET_LOGS, POST_LOGS = f"GET {JOB}/logs", f"POST {JOB}/logs"
SERVED_LOGS = f"GET {DEPLOYMENT}/logs"
LOGS, DEPLOYED = "test_baseten_logs.py::test_", "test_baseten_deployments.py::test_"

COVERAGE = (
    CoverageRow(
        POST_LOGS,
        "the request is a JSON body",
        "documented",
        TRAINING_LOGS,
        LOGS + "get_and_post_return_the_same_lines",
    ),
    CoverageRow(
        GET_LOGS,
        "GET with query parameters; POST is deprecated",
        "documented",
        OPENAPI,
        LOGS + "get_and_post_return_the_same_lines",
    ),
    CoverageRow(
        GET_LOGS,
        "one method only; the other gets 404, 405 or 501 (quirk)",
        "invented",
        "the two documents name different methods",
        LOGS + "a_deployment_of_the_api_may_serve_one_method_only",
    ),
    CoverageRow(
        GET_LOGS,
        "timestamp is a string of nanoseconds; replica, request_id and level may be null",
        "documented",
        OPENAPI,
        LOGS + "a_line_carries_nanoseconds_as_a_string_and_nulls_where_nothing_is_known",
    ),
    CoverageRow(
        GET_LOGS,
        "three fields only (quirk)",
        "documented",
        TRAINING_LOGS,
        LOGS + "the_older_document_has_three_fields",
    ),
    CoverageRow(
        GET_LOGS,
        "newest first when direction is omitted",
        "observed",
        TRUSS,
        LOGS + "without_a_direction_the_newest_comes_first",
    ),
    CoverageRow(
        GET_LOGS,
        "start defaults to 30 minutes before the end, end to now",
        "documented",
        OPENAPI,
        LOGS + "without_a_start_the_window_begins_30_minutes_before_the_end",
    ),
    CoverageRow(
        GET_LOGS,
        "a window over 7 days: 400 (quirk: another length)",
        "documented",
        OPENAPI,
        LOGS + "a_window_over_seven_days_is_refused",
    ),
    CoverageRow(
        GET_LOGS, "limit 1..1000, else 400", "documented", TRAINING_LOGS, LOGS + "a_limit_outside_1_to_1000_is_refused"
    ),
    CoverageRow(GET_LOGS, "limit defaults to 500", "documented", TRAINING_LOGS, LOGS + "the_default_limit_is_500"),
    CoverageRow(
        GET_LOGS,
        "bounds count whole milliseconds; inclusive or exclusive, all four ways (quirk)",
        "invented",
        "the official clients disagree about the end",
        LOGS + "bounds_count_whole_milliseconds",
    ),
    CoverageRow(
        GET_LOGS,
        "a smaller page than asked, in silence (quirk)",
        "invented",
        SILENT,
        LOGS + "a_page_cap_is_applied_in_silence",
    ),
    CoverageRow(
        GET_LOGS,
        "any order within a millisecond, another one each time (quirk)",
        "invented",
        SILENT,
        LOGS + "lines_of_one_millisecond_may_come_in_any_order",
    ),
    CoverageRow(
        GET_LOGS,
        "lines may become visible late",
        "observed",
        "github.com/basetenlabs/truss pull 1878 (read 2026-11-20)",
        LOGS + "a_late_line_appears_behind_lines_already_shown",
    ),
    CoverageRow(
        GET_LOGS,
        "min_level drops lines without a level",
        "documented",
        OPENAPI,
        LOGS + "min_level_drops_lines_without_a_level",
    ),
    CoverageRow(
        GET_LOGS,
        "unknown levels count as above ERROR",
        "invented",
        SILENT,
        LOGS + "min_level_drops_lines_without_a_level",
    ),
    CoverageRow(
        GET_LOGS, "unknown parameters are passed over", "invented", SILENT, LOGS + "unknown_parameters_are_passed_over"
    ),
    CoverageRow(
        POST_LOGS, "a body that is not JSON: 400", "invented", SILENT, LOGS + "a_body_that_is_not_json_is_refused"
    ),
    CoverageRow(
        SERVED_LOGS,
        "every field of LogV1",
        "documented",
        DEPLOYMENT_LOGS,
        DEPLOYED + "lines_have_every_field_of_the_document",
    ),
    CoverageRow(
        SERVED_LOGS,
        "min_level, replica, request_id, search_pattern (RE2), includes, excludes",
        "documented",
        DEPLOYMENT_LOGS,
        DEPLOYED + "filters_narrow_on_the_server",
    ),
    CoverageRow(
        SERVED_LOGS,
        "includes and excludes are repeated keys",
        "observed",
        f"{CLIENT}, run against a local server",
        DEPLOYED + "filters_narrow_on_the_server",
    ),
    CoverageRow(
        SERVED_LOGS,
        "the limit counts matching lines",
        "invented",
        SILENT,
        DEPLOYED + "the_limit_counts_lines_that_match",
    ),
    CoverageRow(
        SERVED_LOGS,
        "more than 8 substrings, 256 characters, no RE2: 400",
        "documented",
        DEPLOYMENT_LOGS,
        DEPLOYED + "what_the_document_forbids_is_refused",
    ),
    CoverageRow(
        SERVED_LOGS,
        "404 for some seconds after the creation (quirk)",
        "observed",
        f"{CLI}, WarmupTimeout",
        DEPLOYED + "a_new_deployment_has_no_logs_for_some_seconds",
    ),
)
