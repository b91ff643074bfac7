"""What emulated Baseten promises about keys, training jobs and their metrics, and how we know it.

Rows only; log lines have their own in ``baseten_logs_coverage.py``, deployments in ``baseten_serving_coverage.py``.
"""

from emulator.baseten import JOB, JOBS
from emulator.baseten_queue import QUEUE
from emulator.coverage_row import CoverageRow

METRICS = "docs.baseten.co, Get training job metrics (read 2026-11-20)"
QUEUE_CONTEXT = "docs.baseten.co, Get training job queue context (read 2026-11-29)"
DEPLOYMENT_LOGS = "docs.baseten.co, Get model deployment logs (read 2026-11-20)"
OPENAPI = "github.com/basetenlabs/baseten-go management.json @0c85d1a (read 2026-11-20)"
CLIENT = "PyPI baseten 0.13.1, management API models (read 2026-11-20)"
TRUSS = "PyPI truss 0.18.36 (read 2026-11-20)"
CLI = "github.com/basetenlabs/baseten-cli @74894d3 (read 2026-11-20)"
LIFECYCLE = "docs.baseten.co/training/lifecycle (read 2026-11-20)"
SILENT = "the documents do not say"

GET_METRICS, POST_METRICS = f"GET {JOB}/metrics", f"POST {JOB}/metrics"
SEARCH = "POST /v1/training_jobs/search"
LOGS, JOB_TESTS = "test_baseten_logs.py::test_", "test_baseten_jobs.py::test_"

COVERAGE = (
    CoverageRow(
        "all", "Api-Key and Bearer are accepted", "documented", DEPLOYMENT_LOGS, JOB_TESTS + "both_schemes_are_accepted"
    ),
    CoverageRow(
        "all",
        'a wrong key: 401 {"code","message"}',
        "observed",
        f"{CLI}, command.auth_test.go",
        JOB_TESTS + "a_wrong_key_gets_401_with_a_code_and_a_message",
    ),
    CoverageRow("all", "404 for unknown ids, same body", "invented", SILENT, LOGS + "an_unknown_job_is_not_found"),
    CoverageRow(
        "all", "objects may carry unknown fields", "observed", CLIENT, LOGS + "objects_may_carry_unknown_fields"
    ),
    CoverageRow(
        f"GET {JOB}",
        "every field of TrainingJobV1, and availability_model, node_count",
        "documented",
        f"{METRICS}; {CLIENT}",
        JOB_TESTS + "metrics_and_job_have_every_field_of_the_documents",
    ),
    CoverageRow(
        f"GET {JOB}",
        "statuses TRAINING_JOB_*",
        "documented",
        LIFECYCLE,
        JOB_TESTS + "the_status_is_the_one_that_holds_now",
    ),
    CoverageRow(
        f"GET {JOB}",
        "unknown statuses may come",
        "observed",
        CLIENT,
        JOB_TESTS + "a_status_may_be_one_that_no_document_names",
    ),
    CoverageRow(
        f"GET {JOB}",
        "error_message may be set while a job is pending",
        "documented",
        CLIENT,
        JOB_TESTS + "a_pending_job_may_carry_an_error_message",
    ),
    CoverageRow(
        f"GET {JOBS}", "all jobs of a project, no pages", "documented", OPENAPI, JOB_TESTS + "a_project_lists_its_jobs"
    ),
    CoverageRow(
        "GET /v1/training_projects",
        "projects with their latest job",
        "documented",
        OPENAPI,
        JOB_TESTS + "a_project_lists_its_jobs",
    ),
    CoverageRow(
        SEARCH,
        "by project, job, statuses; ordered by created_at",
        "documented",
        OPENAPI,
        JOB_TESTS + "search_finds_the_project_of_a_bare_job_id",
    ),
    CoverageRow(
        POST_METRICS,
        "every required field of the document",
        "documented",
        METRICS,
        JOB_TESTS + "metrics_and_job_have_every_field_of_the_documents",
    ),
    CoverageRow(
        GET_METRICS,
        "GET with query parameters",
        "documented",
        OPENAPI,
        JOB_TESTS + "metrics_and_job_have_every_field_of_the_documents",
    ),
    CoverageRow(
        GET_METRICS,
        "the top level is the leader; per_node_metrics has every node",
        "documented",
        METRICS,
        JOB_TESTS + "the_top_level_is_the_leader_and_nodes_have_their_own",
    ),
    CoverageRow(
        GET_METRICS,
        "timestamps are ISO 8601 (with milliseconds and Z)",
        "documented",
        METRICS,
        JOB_TESTS + "stored_samples_come_back_exactly",
    ),
    CoverageRow(
        GET_METRICS,
        "step_seconds; derived from the window when omitted",
        "documented",
        OPENAPI,
        JOB_TESTS + "a_step_is_obeyed_and_derived_when_omitted",
    ),
    CoverageRow(
        GET_METRICS,
        "at most 241 samples a series",
        "invented",
        SILENT,
        JOB_TESTS + "a_step_is_obeyed_and_derived_when_omitted",
    ),
    CoverageRow(
        POST_METRICS,
        "without a window, an ended job is measured up to its end",
        "observed",
        TRUSS,
        JOB_TESTS + "metrics_of_an_ended_job_end_with_it",
    ),
    CoverageRow(
        GET_METRICS,
        "samples unordered (quirk)",
        "observed",
        f"{CLI}, command.train_test.go",
        JOB_TESTS + "samples_may_come_unordered",
    ),
    CoverageRow(
        GET_METRICS,
        "series missing, per_node_metrics empty (quirk)",
        "observed",
        f"{TRUSS}: normal right after a start",
        JOB_TESTS + "series_and_nodes_may_be_missing",
    ),
    CoverageRow(
        GET_METRICS,
        "cache is null without one",
        "documented",
        METRICS,
        JOB_TESTS + "a_job_without_measurements_has_empty_series_and_no_cache",
    ),
    CoverageRow(
        f"GET {JOB}/checkpoints",
        "the job's checkpoints, with the job",
        "documented",
        f"{OPENAPI}; {CLIENT}",
        "test_baseten_serving.py::test_a_job_lists_its_checkpoints",
    ),
    CoverageRow(
        f"GET {QUEUE}",
        "jobs that hold GPUs or are ahead at submission, their events, the capacity",
        "documented",
        QUEUE_CONTEXT,
        "test_baseten_queue.py::test_a_waiting_job_names_those_that_hold_gpus_and_those_ahead",
    ),
    CoverageRow(
        f"GET {QUEUE}",
        "403 for a key without administrator's rights (quirk)",
        "invented",
        "the document names the right, not the answer",
        "test_baseten_queue.py::test_only_administrators_may_ask",
    ),
    CoverageRow(
        "all",
        "one scheme refused with 401 (quirk)",
        "invented",
        "the older documents name only Api-Key, the newest prefers Bearer",
        "test_baseten_serving.py::test_one_scheme_may_be_refused",
    ),
)
