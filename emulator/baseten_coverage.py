"""What emulated Baseten promises, and how we know it. Rows only; the code is in ``baseten*.py``."""

from emulator.baseten import DEPLOYMENT, DEPLOYMENTS, JOB, JOBS
from emulator.behaviour import Behaviour

TRAINING_LOGS = "docs.baseten.co, Get training job logs (read 2026-11-20)"
METRICS = "docs.baseten.co, Get training job metrics (read 2026-11-20)"
DEPLOYMENT_LOGS = "docs.baseten.co, Get model deployment logs (read 2026-11-20)"
OPENAPI = "github.com/basetenlabs/baseten-go management.json @0c85d1a (read 2026-11-20)"
CLIENT = "PyPI baseten 0.13.1, management API models (read 2026-11-20)"
TRUSS = "PyPI truss 0.18.36 (read 2026-11-20)"
CLI = "github.com/basetenlabs/baseten-cli @74894d3 (read 2026-11-20)"
LIFECYCLE = "docs.baseten.co/training/lifecycle (read 2026-11-20)"
SILENT = "the documents do not say"

GET_LOGS, POST_LOGS = f"GET {JOB}/logs", f"POST {JOB}/logs"
GET_METRICS, POST_METRICS = f"GET {JOB}/metrics", f"POST {JOB}/metrics"
SERVED_LOGS = f"GET {DEPLOYMENT}/logs"
SEARCH = "POST /v1/training_jobs/search"
LOGS, JOB_TESTS, DEPLOYED = (
    "test_baseten_logs.py::test_",
    "test_baseten_jobs.py::test_",
    "test_baseten_deployments.py::test_",
)

COVERAGE = (
    Behaviour(
        "all", "Api-Key and Bearer are accepted", "documented", DEPLOYMENT_LOGS, JOB_TESTS + "both_schemes_are_accepted"
    ),
    Behaviour(
        "all",
        'a wrong key: 401 {"code","message"}',
        "observed",
        f"{CLI}, command.auth_test.go",
        JOB_TESTS + "a_wrong_key_gets_401_with_a_code_and_a_message",
    ),
    Behaviour("all", "404 for unknown ids, same body", "invented", SILENT, LOGS + "an_unknown_job_is_not_found"),
    Behaviour("all", "objects may carry unknown fields", "observed", CLIENT, LOGS + "objects_may_carry_unknown_fields"),
    Behaviour(
        POST_LOGS,
        "the request is a JSON body",
        "documented",
        TRAINING_LOGS,
        LOGS + "get_and_post_return_the_same_lines",
    ),
    Behaviour(
        GET_LOGS,
        "GET with query parameters; POST is deprecated",
        "documented",
        OPENAPI,
        LOGS + "get_and_post_return_the_same_lines",
    ),
    Behaviour(
        GET_LOGS,
        "one method only; the other gets 404, 405 or 501 (hazard)",
        "invented",
        "the two documents name different methods",
        LOGS + "a_deployment_of_the_api_may_serve_one_method_only",
    ),
    Behaviour(
        GET_LOGS,
        "timestamp is a string of nanoseconds; replica, request_id and level may be null",
        "documented",
        OPENAPI,
        LOGS + "a_line_carries_nanoseconds_as_a_string_and_nulls_where_nothing_is_known",
    ),
    Behaviour(
        GET_LOGS,
        "three fields only (hazard)",
        "documented",
        TRAINING_LOGS,
        LOGS + "the_older_document_has_three_fields",
    ),
    Behaviour(
        GET_LOGS,
        "newest first when direction is omitted",
        "observed",
        TRUSS,
        LOGS + "without_a_direction_the_newest_comes_first",
    ),
    Behaviour(
        GET_LOGS,
        "start defaults to 30 minutes before the end, end to now",
        "documented",
        OPENAPI,
        LOGS + "without_a_start_the_window_begins_30_minutes_before_the_end",
    ),
    Behaviour(
        GET_LOGS,
        "a window over 7 days: 400 (hazard: another length)",
        "documented",
        OPENAPI,
        LOGS + "a_window_over_seven_days_is_refused",
    ),
    Behaviour(
        GET_LOGS, "limit 1..1000, else 400", "documented", TRAINING_LOGS, LOGS + "a_limit_outside_1_to_1000_is_refused"
    ),
    Behaviour(GET_LOGS, "limit defaults to 500", "documented", TRAINING_LOGS, LOGS + "the_limit_is_500_unless_said"),
    Behaviour(
        GET_LOGS,
        "bounds count whole milliseconds; inclusive or exclusive, all four ways (hazard)",
        "invented",
        "the official clients disagree about the end",
        LOGS + "bounds_count_whole_milliseconds",
    ),
    Behaviour(
        GET_LOGS,
        "a smaller page than asked, in silence (hazard)",
        "invented",
        SILENT,
        LOGS + "a_page_cap_is_applied_in_silence",
    ),
    Behaviour(
        GET_LOGS,
        "any order within a millisecond, another one each time (hazard)",
        "invented",
        SILENT,
        LOGS + "lines_of_one_millisecond_may_come_in_any_order",
    ),
    Behaviour(
        GET_LOGS,
        "lines may become visible late",
        "observed",
        "github.com/basetenlabs/truss pull 1878 (read 2026-11-20)",
        LOGS + "a_late_line_appears_behind_lines_already_shown",
    ),
    Behaviour(
        GET_LOGS,
        "min_level drops lines without a level",
        "documented",
        OPENAPI,
        LOGS + "min_level_drops_lines_without_a_level",
    ),
    Behaviour(
        GET_LOGS,
        "unknown levels count as above ERROR",
        "invented",
        SILENT,
        LOGS + "min_level_drops_lines_without_a_level",
    ),
    Behaviour(
        GET_LOGS, "unknown parameters are passed over", "invented", SILENT, LOGS + "unknown_parameters_are_passed_over"
    ),
    Behaviour(POST_LOGS, "a body that is no JSON: 400", "invented", SILENT, LOGS + "a_body_that_is_no_json_is_refused"),
    Behaviour(
        f"GET {JOB}",
        "every field of TrainingJobV1, and availability_model, node_count",
        "documented",
        f"{METRICS}; {CLIENT}",
        JOB_TESTS + "metrics_and_job_have_every_field_of_the_documents",
    ),
    Behaviour(
        f"GET {JOB}",
        "statuses TRAINING_JOB_*",
        "documented",
        LIFECYCLE,
        JOB_TESTS + "the_status_is_the_one_that_holds_now",
    ),
    Behaviour(
        f"GET {JOB}",
        "unknown statuses may come",
        "observed",
        CLIENT,
        JOB_TESTS + "a_status_may_be_one_that_no_document_names",
    ),
    Behaviour(
        f"GET {JOB}",
        "error_message may be set while a job is pending",
        "documented",
        CLIENT,
        JOB_TESTS + "a_pending_job_may_carry_an_error_message",
    ),
    Behaviour(
        f"GET {JOBS}", "all jobs of a project, no pages", "documented", OPENAPI, JOB_TESTS + "a_project_lists_its_jobs"
    ),
    Behaviour(
        "GET /v1/training_projects",
        "projects with their latest job",
        "documented",
        OPENAPI,
        JOB_TESTS + "a_project_lists_its_jobs",
    ),
    Behaviour(
        SEARCH,
        "by project, job, statuses; ordered by created_at",
        "documented",
        OPENAPI,
        JOB_TESTS + "search_finds_the_project_of_a_bare_job_id",
    ),
    Behaviour(
        POST_METRICS,
        "every required field of the document",
        "documented",
        METRICS,
        JOB_TESTS + "metrics_and_job_have_every_field_of_the_documents",
    ),
    Behaviour(
        GET_METRICS,
        "GET with query parameters",
        "documented",
        OPENAPI,
        JOB_TESTS + "metrics_and_job_have_every_field_of_the_documents",
    ),
    Behaviour(
        GET_METRICS,
        "the top level is the leader; per_node_metrics has every node",
        "documented",
        METRICS,
        JOB_TESTS + "the_top_level_is_the_leader_and_nodes_have_their_own",
    ),
    Behaviour(
        GET_METRICS,
        "timestamps are ISO 8601 (with milliseconds and Z)",
        "documented",
        METRICS,
        JOB_TESTS + "stored_samples_come_back_exactly",
    ),
    Behaviour(
        GET_METRICS,
        "step_seconds; derived from the window when omitted",
        "documented",
        OPENAPI,
        JOB_TESTS + "a_step_is_obeyed_and_derived_when_omitted",
    ),
    Behaviour(
        GET_METRICS,
        "at most 241 samples a series",
        "invented",
        SILENT,
        JOB_TESTS + "a_step_is_obeyed_and_derived_when_omitted",
    ),
    Behaviour(
        POST_METRICS,
        "without a window, an ended job is measured up to its end",
        "observed",
        TRUSS,
        JOB_TESTS + "metrics_of_an_ended_job_end_with_it",
    ),
    Behaviour(
        GET_METRICS,
        "samples unordered (hazard)",
        "observed",
        f"{CLI}, command.train_test.go",
        JOB_TESTS + "samples_may_come_unordered",
    ),
    Behaviour(
        GET_METRICS,
        "series missing, per_node_metrics empty (hazard)",
        "observed",
        f"{TRUSS}: normal right after a start",
        JOB_TESTS + "series_and_nodes_may_be_missing",
    ),
    Behaviour(
        GET_METRICS,
        "cache is null without one",
        "documented",
        METRICS,
        JOB_TESTS + "a_job_without_measurements_has_empty_series_and_no_cache",
    ),
    Behaviour(
        "GET /v1/models",
        "models with their deployments' count",
        "documented",
        OPENAPI,
        DEPLOYED + "models_and_deployments_are_listed",
    ),
    Behaviour(
        f"GET {DEPLOYMENTS}",
        "deployments of a model",
        "documented",
        OPENAPI,
        DEPLOYED + "models_and_deployments_are_listed",
    ),
    Behaviour(
        f"GET {DEPLOYMENT}",
        "status of a deployment",
        "documented",
        OPENAPI,
        DEPLOYED + "models_and_deployments_are_listed",
    ),
    Behaviour(
        SERVED_LOGS,
        "every field of LogV1",
        "documented",
        DEPLOYMENT_LOGS,
        DEPLOYED + "lines_have_every_field_of_the_document",
    ),
    Behaviour(
        SERVED_LOGS,
        "min_level, replica, request_id, search_pattern (RE2), includes, excludes",
        "documented",
        DEPLOYMENT_LOGS,
        DEPLOYED + "filters_narrow_on_the_server",
    ),
    Behaviour(
        SERVED_LOGS,
        "includes and excludes are repeated keys",
        "observed",
        f"{CLIENT}, run against a local server",
        DEPLOYED + "filters_narrow_on_the_server",
    ),
    Behaviour(
        SERVED_LOGS,
        "the limit counts matching lines",
        "invented",
        SILENT,
        DEPLOYED + "the_limit_counts_lines_that_match",
    ),
    Behaviour(
        SERVED_LOGS,
        "more than 8 substrings, 256 characters, no RE2: 400",
        "documented",
        DEPLOYMENT_LOGS,
        DEPLOYED + "what_the_document_forbids_is_refused",
    ),
    Behaviour(
        SERVED_LOGS,
        "404 for some seconds after the creation (hazard)",
        "observed",
        f"{CLI}, WarmupTimeout",
        DEPLOYED + "a_new_deployment_has_no_logs_for_some_seconds",
    ),
)
