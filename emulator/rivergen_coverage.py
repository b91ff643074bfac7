"""What emulated RiverGen promises, and how we know it. Rows only; the code is in ``rivergen*.py``."""

from emulator.behaviour import Behaviour
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
    Behaviour(
        "all",
        "401 with AUTH_REQUIRED, AUTH_INVALID, AUTH_EXPIRED",
        "documented",
        ERRORS_PAGE,
        TEST + "each_way_to_be_unauthorized_has_its_code",
    ),
    Behaviour("all", "403 without model:read", "documented", DOWNLOAD_PAGE, TEST + "a_missing_permission_is_forbidden"),
    Behaviour(
        "all",
        "404 for unknown models and runs",
        "documented",
        DOWNLOAD_PAGE,
        TEST + "unknown_models_and_runs_are_not_found",
    ),
    Behaviour(
        "all", "400 names the field", "documented", ERRORS_PAGE, TEST + "a_bad_parameter_is_refused_with_its_field"
    ),
    Behaviour(
        "all",
        "objects may carry unknown fields (hazard)",
        "invented",
        SILENT,
        TEST + "objects_may_carry_unknown_fields",
    ),
    Behaviour(
        LOGS,
        "envelope and fields of a line; line counts from 1",
        "documented",
        LOGS_PAGE,
        TEST + "a_page_of_the_log_is_enveloped_and_numbered",
    ),
    Behaviour(
        LOGS,
        "timestamps with milliseconds",
        "invented",
        "the example has seconds",
        TEST + "a_page_of_the_log_is_enveloped_and_numbered",
    ),
    Behaviour(LOGS, "level defaults to info", "documented", LOGS_PAGE, TEST + "the_level_is_info_unless_said"),
    Behaviour(
        LOGS,
        "limit 500, at most 5000; offset",
        "documented",
        LOGS_PAGE,
        TEST + "a_bad_parameter_is_refused_with_its_field",
    ),
    Behaviour(
        LOGS,
        "tail: the last lines, offset ignored",
        "documented",
        LOGS_PAGE,
        TEST + "tail_takes_the_last_lines_and_ignores_the_offset",
    ),
    Behaviour(
        LOGS, "tail comes oldest first", "invented", SILENT, TEST + "tail_takes_the_last_lines_and_ignores_the_offset"
    ),
    Behaviour(
        LOGS,
        "total_lines and offset after or before the filter (hazard)",
        "invented",
        SILENT,
        TEST + "totals_count_after_the_level_filter_or_before_it",
    ),
    Behaviour(
        LOGS,
        "a running run returns the lines so far",
        "documented",
        LOGS_PAGE,
        TEST + "a_running_run_returns_the_lines_so_far",
    ),
    Behaviour(LOGS, "run_id defaults to the most recent run", "documented", LOGS_PAGE, DEFAULTS),
    Behaviour(LOGS_ALIAS, "alias", "documented", LOGS_PAGE, ALIASES),
    Behaviour(DOWNLOAD, "run_id defaults to the latest completed run", "documented", DOWNLOAD_PAGE, DEFAULTS),
    Behaviour(
        DOWNLOAD,
        "txt: streamed attachment named after run and format",
        "documented",
        DOWNLOAD_PAGE,
        TEST + "a_txt_download_is_a_streamed_attachment",
    ),
    Behaviour(
        DOWNLOAD,
        "json: an array of objects",
        "documented",
        DOWNLOAD_PAGE,
        TEST + "a_json_download_is_an_array_of_objects",
    ),
    Behaviour(
        DOWNLOAD,
        "json: the objects' keys are those of Get Logs",
        "invented",
        SILENT,
        TEST + "a_json_download_is_an_array_of_objects",
    ),
    Behaviour(
        DOWNLOAD, "an empty log", "invented", SILENT, TEST + "an_empty_log_downloads_as_nothing_or_an_empty_array"
    ),
    Behaviour(
        DOWNLOAD,
        "chunks end anywhere (hazard: their size)",
        "documented",
        f"{DOWNLOAD_PAGE}: chunk by chunk",
        TEST + "chunks_may_end_inside_a_line_and_inside_a_character",
    ),
    Behaviour(
        DOWNLOAD, "the stream breaks off (hazard)", "invented", "any connection may", TEST + "a_download_may_break_off"
    ),
    Behaviour(
        DOWNLOAD,
        "the stream ends early and looks complete (hazard)",
        "invented",
        "no length is announced",
        TEST + "a_download_may_end_early_and_look_complete",
    ),
    Behaviour(
        DOWNLOAD,
        "a hostile file name (hazard)",
        "invented",
        "the header is foreign text",
        TEST + "the_attachment_may_have_a_hostile_name",
    ),
    Behaviour(
        DOWNLOAD, "an unknown format: 400", "documented", DOWNLOAD_PAGE, TEST + "an_unknown_format_is_a_bad_request"
    ),
    Behaviour(DOWNLOAD, "purged by retention: 404", "documented", DOWNLOAD_PAGE, TEST + "a_purged_log_is_not_found"),
    Behaviour(DOWNLOAD_ALIAS, "alias", "documented", DOWNLOAD_PAGE, ALIASES),
    Behaviour(
        METRICS,
        "a list of values by name, thinned to resolution (50)",
        "documented",
        METRICS_PAGE,
        TEST + "metrics_hold_a_value_an_epoch_thinned_to_the_resolution",
    ),
    Behaviour(METRICS_ALIAS, "alias", "documented", METRICS_PAGE, ALIASES),
    Behaviour(
        DETAILS,
        "times, stages, resources, dataset, result",
        "documented",
        DETAILS_PAGE,
        TEST + "details_tell_when_and_how_long",
    ),
    Behaviour(
        f"GET {MODELS}",
        "models by their last change, in pages of at most 100",
        "documented",
        MODELS_PAGE,
        TEST + "models_are_listed_by_their_last_change",
    ),
    Behaviour(RUNS, "status filter, pages of at most 100, two sort keys", "documented", RUNS_PAGE, RUN_LIST),
)
