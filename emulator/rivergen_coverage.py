"""What emulated RiverGen promises, and how we know it. Rows only; the code is in ``rivergen*.py``."""

from emulator.coverage_row import CoverageRow
from emulator.rivergen import MODEL, MODELS, PAGES

STUDIO = "docs.rivergen.ai, model studio API"
DOWNLOAD_PAGE = f"{STUDIO}, Download Training Logs (read 2026-11-20)"
LOGS_PAGE = f"{STUDIO}, Get Logs (read 2026-11-20)"
METRICS_PAGE = f"{STUDIO}, Get Training Metrics (read 2026-11-20)"
DETAILS_PAGE = f"{STUDIO}, Get Training Details (read 2026-11-20)"
MODELS_PAGE = f"{STUDIO}, List Models (read 2026-11-20)"
RUNS_PAGE = f"{STUDIO}, Training Runs (read 2026-11-20)"
ERRORS_PAGE = "docs.rivergen.ai, concepts/errors (read 2026-11-20)"
SILENT = "the documents do not say"

METRICS, METRICS_ALIAS = (f"GET {path}" for path in PAGES)
LOGS, LOGS_ALIAS = f"{METRICS}/logs", f"{METRICS_ALIAS}/logs"
DOWNLOAD, DOWNLOAD_ALIAS = f"{LOGS}/download", f"{LOGS_ALIAS}/download"
DETAILS = f"{METRICS}/details"
RUNS = f"GET {MODEL}/registry/training-runs"
TEST = "test_rivergen.py::test_"
ALIASES = TEST + "aliases_answer_the_same"
DEFAULTS = TEST + "the_defaults_differ_newest_run_for_pages_latest_completed_for_the_download"
RUN_LIST = TEST + "runs_are_listed_sorted_filtered_and_paged"

COVERAGE = (
    CoverageRow(
        "all",
        "401 with AUTH_REQUIRED, AUTH_INVALID, AUTH_EXPIRED",
        "documented",
        ERRORS_PAGE,
        TEST + "each_way_to_be_unauthorized_has_its_code",
    ),
    CoverageRow(
        "all", "403 without model:read", "documented", DOWNLOAD_PAGE, TEST + "a_missing_permission_is_forbidden"
    ),
    CoverageRow(
        "all",
        "404 for unknown models and runs",
        "documented",
        DOWNLOAD_PAGE,
        TEST + "unknown_models_and_runs_are_not_found",
    ),
    CoverageRow(
        "all", "400 names the field", "documented", ERRORS_PAGE, TEST + "a_bad_parameter_is_refused_with_its_field"
    ),
    CoverageRow(
        "all",
        "objects may carry unknown fields (quirk)",
        "invented",
        SILENT,
        TEST + "objects_may_carry_unknown_fields",
    ),
    CoverageRow(
        LOGS,
        "envelope and fields of a line; line counts from 1",
        "documented",
        LOGS_PAGE,
        TEST + "a_page_of_the_log_is_enveloped_and_numbered",
    ),
    CoverageRow(
        LOGS,
        "timestamps with milliseconds",
        "invented",
        "the example has seconds",
        TEST + "a_page_of_the_log_is_enveloped_and_numbered",
    ),
    CoverageRow(LOGS, "level defaults to info", "documented", LOGS_PAGE, TEST + "the_default_level_is_info"),
    CoverageRow(
        LOGS,
        "limit 500, at most 5000; offset",
        "documented",
        LOGS_PAGE,
        TEST + "a_bad_parameter_is_refused_with_its_field",
    ),
    CoverageRow(
        LOGS,
        "tail: the last lines, offset ignored",
        "documented",
        LOGS_PAGE,
        TEST + "tail_takes_the_last_lines_and_ignores_the_offset",
    ),
    CoverageRow(
        LOGS, "tail comes oldest first", "invented", SILENT, TEST + "tail_takes_the_last_lines_and_ignores_the_offset"
    ),
    CoverageRow(
        LOGS,
        "total_lines and offset after or before the filter (quirk)",
        "invented",
        SILENT,
        TEST + "totals_count_after_the_level_filter_or_before_it",
    ),
    CoverageRow(
        LOGS,
        "a running run returns the lines so far",
        "documented",
        LOGS_PAGE,
        TEST + "a_running_run_returns_the_lines_so_far",
    ),
    CoverageRow(LOGS, "run_id defaults to the most recent run", "documented", LOGS_PAGE, DEFAULTS),
    CoverageRow(LOGS_ALIAS, "alias", "documented", LOGS_PAGE, ALIASES),
    CoverageRow(DOWNLOAD, "run_id defaults to the latest completed run", "documented", DOWNLOAD_PAGE, DEFAULTS),
    CoverageRow(
        DOWNLOAD,
        "txt: streamed attachment named after run and format",
        "documented",
        DOWNLOAD_PAGE,
        TEST + "a_txt_download_is_a_streamed_attachment",
    ),
    CoverageRow(
        DOWNLOAD,
        "json: an array of objects",
        "documented",
        DOWNLOAD_PAGE,
        TEST + "a_json_download_is_an_array_of_objects",
    ),
    CoverageRow(
        DOWNLOAD,
        "json: the objects' keys are those of Get Logs",
        "invented",
        SILENT,
        TEST + "a_json_download_is_an_array_of_objects",
    ),
    CoverageRow(
        DOWNLOAD, "an empty log", "invented", SILENT, TEST + "an_empty_log_downloads_as_nothing_or_an_empty_array"
    ),
    CoverageRow(
        DOWNLOAD,
        "chunks end anywhere (quirk: their size)",
        "documented",
        f"{DOWNLOAD_PAGE}: chunk by chunk",
        TEST + "chunks_may_end_inside_a_line_and_inside_a_character",
    ),
    CoverageRow(
        DOWNLOAD, "the stream breaks off (quirk)", "invented", "any connection may", TEST + "a_download_may_break_off"
    ),
    CoverageRow(
        DOWNLOAD,
        "the stream ends early and looks complete (quirk)",
        "invented",
        "no length is announced",
        TEST + "a_download_may_end_early_and_look_complete",
    ),
    CoverageRow(
        DOWNLOAD,
        "range requests with an ETag (quirk)",
        "invented",
        "object storage offers them",
        TEST + "a_download_may_be_continued_by_range",
    ),
    CoverageRow(
        DOWNLOAD,
        "a file that differs from the log (quirk)",
        "invented",
        "pages and file are written separately",
        TEST + "a_download_may_differ_from_the_log",
    ),
    CoverageRow(
        DOWNLOAD,
        "a hostile file name (quirk)",
        "invented",
        "the header is foreign text",
        TEST + "the_attachment_may_have_a_hostile_name",
    ),
    CoverageRow(
        DOWNLOAD, "an unknown format: 400", "documented", DOWNLOAD_PAGE, TEST + "an_unknown_format_is_a_bad_request"
    ),
    CoverageRow(DOWNLOAD, "purged by retention: 404", "documented", DOWNLOAD_PAGE, TEST + "a_purged_log_is_not_found"),
    CoverageRow(DOWNLOAD_ALIAS, "alias", "documented", DOWNLOAD_PAGE, ALIASES),
    CoverageRow(
        METRICS,
        "a list of values by name, thinned to resolution (50)",
        "documented",
        METRICS_PAGE,
        TEST + "metrics_hold_a_value_an_epoch_thinned_to_the_resolution",
    ),
    CoverageRow(METRICS_ALIAS, "alias", "documented", METRICS_PAGE, ALIASES),
    CoverageRow(
        DETAILS,
        "times, stages, resources, dataset, result",
        "documented",
        DETAILS_PAGE,
        TEST + "details_tell_when_and_how_long",
    ),
    CoverageRow(
        f"GET {MODELS}",
        "models by their last change, in pages of at most 100",
        "documented",
        MODELS_PAGE,
        TEST + "models_are_listed_by_their_last_change",
    ),
    CoverageRow(RUNS, "status filter, pages of at most 100, two sort keys", "documented", RUNS_PAGE, RUN_LIST),
)
