"""What emulated Baseten promises about models, deployments, environments and chains, and how we know it. Rows only."""

from emulator.baseten_coverage import CLI, CLIENT, OPENAPI, SILENT, TRUSS
from emulator.baseten_serving import (
    CHAIN_DEPLOYMENT,
    CHAIN_DEPLOYMENTS,
    CHAINLET_LOGS,
    DEPLOYMENT,
    DEPLOYMENTS,
    ENVIRONMENT,
    ENVIRONMENTS,
)
from emulator.coverage_row import Basis, CoverageRow

METRICS_PAGE = "docs.baseten.co, Get model deployment metrics (read 2026-11-29)"
NAMES_PAGE = "docs.baseten.co, Metrics support matrix (read 2026-11-29)"
ENVIRONMENT_PAGE = "docs.baseten.co, Get environment metrics (read 2026-11-29)"
METRICS_CLI = "github.com/basetenlabs/baseten-cli @5924b9b, model_deployment_metrics_test.go (read 2026-11-29)"
MODELS = "PyPI baseten 0.13.1, management API models and client (read 2026-11-29)"

GET_METRICS = f"GET {DEPLOYMENT}/metrics"
DEPLOYED = "test_baseten_deployments.py::test_"
SERVING = "test_baseten_serving.py::test_"


def _row(endpoint: str, behaviour: str, basis: Basis, source: str, test: str) -> CoverageRow:
    return CoverageRow(endpoint, behaviour, basis, source, SERVING + test)


COVERAGE = (
    CoverageRow(
        "GET /v1/models",
        "models with their team and their deployments' count",
        "documented",
        f"{OPENAPI}; {CLIENT}",
        DEPLOYED + "models_and_deployments_are_listed",
    ),
    CoverageRow(
        f"GET {DEPLOYMENTS}",
        "deployments of a model",
        "documented",
        OPENAPI,
        DEPLOYED + "models_and_deployments_are_listed",
    ),
    CoverageRow(
        f"GET {DEPLOYMENT}",
        "every field of DeploymentV1, with request_backpressure_settings",
        "documented",
        f"{OPENAPI}; {MODELS}",
        DEPLOYED + "models_and_deployments_are_listed",
    ),
    _row(
        f"POST {DEPLOYMENT}/logs",
        "deprecated, still served; a field that the client sets to null counts as omitted",
        "observed",
        f"{MODELS}; {TRUSS}",
        "deployment_logs_accept_the_body_of_the_official_client",
    ),
    _row(
        f"GET {DEPLOYMENT}/logs",
        "component filters on the server; no line names its component",
        "documented",
        MODELS,
        "a_component_is_filtered_by_the_server",
    ),
    _row(
        f"GET {DEPLOYMENT}/logs",
        "which components there are",
        "invented",
        SILENT,
        "a_component_is_filtered_by_the_server",
    ),
    _row(
        GET_METRICS,
        "CURRENT (the default): one snapshot; start and end must be omitted",
        "documented",
        METRICS_PAGE,
        "a_snapshot_is_of_now_and_has_no_window",
    ),
    _row(
        GET_METRICS,
        "SUMMARY: one value set for the window, of an hour unless given",
        "documented",
        METRICS_PAGE,
        "a_summary_is_one_value_set_with_totals_of_counters",
    ),
    _row(
        GET_METRICS,
        "a counter's value in a summary is its total",
        "observed",
        METRICS_CLI,
        "a_summary_is_one_value_set_with_totals_of_counters",
    ),
    _row(
        GET_METRICS,
        "SERIES: value sets at equal steps; 30 s up to an hour, 60 s up to six",
        "observed",
        METRICS_CLI,
        "a_series_has_steps_of_30_seconds_up_to_an_hour",
    ),
    _row(
        GET_METRICS,
        "coarser steps for longer windows: 5 min, 15 min, 1 h",
        "invented",
        SILENT,
        "a_longer_series_has_coarser_steps",
    ),
    _row(
        GET_METRICS,
        "a step without a sample is null",
        "documented",
        MODELS,
        "a_step_without_samples_is_null",
    ),
    _row(
        GET_METRICS,
        "three metrics by default",
        "documented",
        METRICS_PAGE,
        "without_names_three_metrics_are_returned",
    ),
    _row(
        GET_METRICS,
        "an unknown name: 4xx (here 400); a name that does not apply is left out",
        "documented",
        METRICS_PAGE,
        "unknown_metrics_are_refused_and_those_that_do_not_apply_left_out",
    ),
    _row(
        GET_METRICS,
        "names and what they measure",
        "documented",
        NAMES_PAGE,
        "a_series_has_steps_of_30_seconds_up_to_an_hour",
    ),
    _row(
        GET_METRICS,
        "label sets with quantile, stat and status",
        "documented",
        MODELS,
        "a_summary_is_one_value_set_with_totals_of_counters",
    ),
    _row(
        GET_METRICS,
        "label sets with replica and gpu; a utilization is a RATIO of 0 to 1",
        "invented",
        "the page of the metrics export has these labels, and percent; this endpoint's are not documented",
        "a_series_has_steps_of_30_seconds_up_to_an_hour",
    ),
    _row(
        GET_METRICS,
        "a window over 7 days: 400",
        "documented",
        METRICS_PAGE,
        "a_window_of_metrics_over_seven_days_is_refused",
    ),
    _row(
        GET_METRICS,
        "404: the endpoint is in beta and may be missing (quirk)",
        "invented",
        SILENT,
        "metrics_may_not_be_served_at_all",
    ),
    _row(
        f"GET {ENVIRONMENTS}",
        "environments of a model",
        "documented",
        MODELS,
        "an_environment_merges_the_logs_of_its_deployments",
    ),
    _row(
        f"GET {ENVIRONMENT}",
        "an environment with its current deployment",
        "documented",
        MODELS,
        "an_environment_merges_the_logs_of_its_deployments",
    ),
    _row(
        f"GET {ENVIRONMENT}/logs",
        "the logs of all its deployments, merged",
        "documented",
        MODELS,
        "an_environment_merges_the_logs_of_its_deployments",
    ),
    _row(
        f"GET {ENVIRONMENT}/metrics",
        "as for a deployment, with the same parameters",
        "documented",
        ENVIRONMENT_PAGE,
        "an_environment_merges_the_logs_of_its_deployments",
    ),
    _row(
        f"GET {ENVIRONMENT}/metrics",
        "the measurements are those of its current deployment only",
        "invented",
        "the document aggregates all deployments of the window",
        "an_environment_merges_the_logs_of_its_deployments",
    ),
    _row(
        "GET /v1/instance_types",
        "instance types with their limits",
        "documented",
        MODELS,
        "instance_types_have_their_limits",
    ),
    _row(
        "GET /v1/chains",
        "chains with their team",
        "documented",
        MODELS,
        "a_chain_has_deployments_with_chainlets_and_their_logs",
    ),
    _row(
        f"GET {CHAIN_DEPLOYMENTS}",
        "deployments of a chain",
        "documented",
        MODELS,
        "a_chain_has_deployments_with_chainlets_and_their_logs",
    ),
    _row(
        f"GET {CHAIN_DEPLOYMENT}",
        "a deployment of a chain with its chainlets",
        "documented",
        MODELS,
        "a_chain_has_deployments_with_chainlets_and_their_logs",
    ),
    _row(
        f"GET {CHAINLET_LOGS}",
        "the log of a chainlet, with the filters of a deployment's",
        "documented",
        f"{MODELS}; {CLI}",
        "a_chain_has_deployments_with_chainlets_and_their_logs",
    ),
)
