"""What emulated Fireworks promises, and how we know it. Rows only; the code is in ``fireworks*.py``."""

from emulator.coverage_row import CoverageRow
from emulator.fireworks import ACCOUNTS, BATCH_JOBS

LOGS_PAGE = "docs.fireworks.ai/api-reference-dlde/get-batch-job-logs (read 2026-11-20)"
PROTO = "PyPI fireworks-ai 0.19.20, gateway protos (read 2026-11-20)"
PROTO_JSON = "proto3 language guide, JSON mapping, copy at cnblogs.com/itheo/p/14273567.html (read 2026-11-21)"
SILENT = "the documents do not say"

LIST, GET = f"GET {BATCH_JOBS}", f"GET {BATCH_JOBS}/{{batch_job_id}}"
LOGS = f"{GET}:getLogs"
TEST = "test_fireworks.py::test_"

CLIENT = "PyPI fireworks-ai 1.2.30, accounts (read 2026-11-29)"

COVERAGE = (
    CoverageRow(
        f"GET {ACCOUNTS}",
        "by name; pageSize 50, at most 200",
        "documented",
        CLIENT,
        TEST + "accounts_are_listed_by_name",
    ),
    CoverageRow(
        "all", "Bearer only; otherwise 401, code 16", "documented", LOGS_PAGE, TEST + "errors_are_the_gateways"
    ),
    CoverageRow(
        "all", 'errors: {"code":<gRPC>,"message","details"}', "observed", PROTO, TEST + "errors_are_the_gateways"
    ),
    CoverageRow(
        LOGS,
        "reverse in time unless startFromHead",
        "documented",
        LOGS_PAGE,
        TEST + "pages_run_backwards_in_time_unless_started_from_the_head",
    ),
    CoverageRow(
        LOGS,
        "pageToken gives the next page; none after the last, however full",
        "documented",
        LOGS_PAGE,
        TEST + "a_last_page_that_is_full_has_no_token",
    ),
    CoverageRow(
        LOGS, "every entry once, both ways", "documented", LOGS_PAGE, TEST + "following_tokens_gives_every_entry_once"
    ),
    CoverageRow(
        LOGS,
        "pageSize defaults to 100, is cut to 10,000",
        "documented",
        LOGS_PAGE,
        TEST + "the_default_page_size_is_100_and_the_maximum_10000",
    ),
    CoverageRow(LOGS, "ranks are repeated keys (explode)", "documented", LOGS_PAGE, TEST + "ranks_are_repeated_keys"),
    CoverageRow(
        LOGS,
        "comma-joined ranks: 400, code 3",
        "invented",
        "follows from explode and int32",
        TEST + "ranks_are_repeated_keys",
    ),
    CoverageRow(LOGS, "no ranks: all ranks", "invented", SILENT, TEST + "following_tokens_gives_every_entry_once"),
    CoverageRow(
        LOGS, "zero values and empty lists are left out", "documented", PROTO_JSON, TEST + "zero_values_are_left_out"
    ),
    CoverageRow(
        LOGS, "logTime has 0, 3, 6 or 9 digits", "documented", PROTO_JSON, TEST + "stamps_have_0_3_6_or_9_digits"
    ),
    CoverageRow(
        LOGS,
        "entries before startTime are not returned; at it they are",
        "documented",
        LOGS_PAGE,
        TEST + "the_start_time_is_inclusive_to_the_nanosecond",
    ),
    CoverageRow(LOGS, "filter is a substring", "documented", LOGS_PAGE, TEST + "the_filter_is_a_substring"),
    CoverageRow(
        LOGS,
        "a token needs the same other parameters",
        "documented",
        LOGS_PAGE,
        TEST + "a_token_is_bound_to_the_other_parameters",
    ),
    CoverageRow(LOGS, "otherwise 400, code 3", "invented", SILENT, TEST + "a_token_is_bound_to_the_other_parameters"),
    CoverageRow(LOGS, "a token may expire: 400, code 3 (quirk)", "invented", SILENT, TEST + "a_token_may_expire"),
    CoverageRow(
        LOGS,
        "a short page with a token (quirk)",
        "invented",
        "the token alone tells that more follows",
        TEST + "a_page_may_be_shorter_than_asked_though_more_follows",
    ),
    CoverageRow(
        LOGS,
        "an empty page with a token (quirk)",
        "invented",
        "the token alone tells that more follows",
        TEST + "a_page_may_be_empty_and_carry_a_token",
    ),
    CoverageRow(LOGS, "readMask: empty or * is all", "documented", LOGS_PAGE, TEST + "a_read_mask_chooses_fields"),
    CoverageRow(LOGS, "readMask: paths below entries", "invented", SILENT, TEST + "a_read_mask_chooses_fields"),
    CoverageRow(
        LOGS,
        "only the document's fields (quirk: more)",
        "documented",
        LOGS_PAGE,
        TEST + "answers_have_the_documents_shape_and_may_have_more",
    ),
    CoverageRow(
        GET,
        "state, and status as a plain string",
        "documented",
        PROTO,
        TEST + "a_job_tells_its_state_and_the_detail_of_it",
    ),
    CoverageRow(
        LIST,
        "pageSize 50, at most 200; newest first; totalSize",
        "documented",
        PROTO,
        TEST + "jobs_are_listed_newest_first_in_pages",
    ),
    CoverageRow(
        LIST,
        "filter understands state and display_name only",
        "invented",
        "a small part of AIP-160",
        TEST + "jobs_are_listed_newest_first_in_pages",
    ),
)
