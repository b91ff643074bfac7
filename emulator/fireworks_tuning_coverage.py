"""What emulated Fireworks promises about fine-tuning jobs and their files, and how we know it. Rows only."""

from emulator.coverage_row import CoverageRow
from emulator.fireworks_tuning import ACCOUNT, COLLECTIONS, DPO

PAGES = "docs.fireworks.ai/api-reference/get-supervised-fine-tuning-job and its neighbours (read 2026-11-29)"
CLIENT = "PyPI fireworks-ai 1.2.30, models and resources (read 2026-11-29)"
USERS = "programs of users that read these files, on GitHub (read 2026-11-29)"
GCS = "docs.extendtech.net, error of an expired Google signed link (read 2026-11-29)"
S3 = "codegenes.net, only one auth mechanism allowed (read 2026-11-29)"
HTTP = "as HTTP defines it: RFC 9110, 14.4 and 15.5.17"
SILENT = "the documents do not say"
TEST = "test_fireworks_tuning.py::test_"
FILE = "GET /{path:path}"

COVERAGE = (
    *(
        row
        for collection in COLLECTIONS
        for row in (
            CoverageRow(
                f"GET {ACCOUNT}/{collection}",
                "pageSize 50, at most 200; by name unless orderBy",
                "documented",
                CLIENT,
                TEST + "a_list_is_by_name_unless_ordered",
            ),
            CoverageRow(
                f"GET {ACCOUNT}/{collection}/{{job_id}}",
                "the client's fields; status is an object",
                "documented",
                PAGES,
                TEST + "a_job_has_the_fields_of_its_kind",
            ),
        )
    ),
    CoverageRow(
        f"GET {ACCOUNT}/{DPO}/{{job_id}}:getMetricsFileEndpoint",
        "the signed URL of the metrics file",
        "documented",
        CLIENT,
        TEST + "the_metrics_of_a_dpo_job_have_an_endpoint",
    ),
    CoverageRow(
        "fine-tuning jobs",
        "trainerLogsSignedUrl only if trainer log reading is enabled",
        "documented",
        PAGES,
        TEST + "signed_urls_are_there_once_the_job_has_started",
    ),
    CoverageRow(
        "fine-tuning jobs",
        "no signed URL while the job waits",
        "invented",
        SILENT,
        TEST + "signed_urls_are_there_once_the_job_has_started",
    ),
    CoverageRow(
        "all jobs", "readMask: empty or * is all fields", "documented", CLIENT, TEST + "a_read_mask_chooses_fields"
    ),
    CoverageRow(
        "all jobs",
        "readMask: paths in camel case or snake case (quirk: camel case only, otherwise 400)",
        "invented",
        SILENT,
        TEST + "a_read_mask_chooses_fields",
    ),
    CoverageRow(
        "all jobs", "orderBy: name or create_time", "invented", SILENT, TEST + "a_list_is_by_name_unless_ordered"
    ),
    CoverageRow(FILE, "a file is read by signed URL, whole or a range", "invented", HTTP, TEST + "a_file_has_ranges"),
    CoverageRow(
        FILE,
        "a range after the end: 416 with the size",
        "invented",
        HTTP,
        TEST + "a_file_has_ranges",
    ),
    CoverageRow(
        FILE,
        "expired: ExpiredToken, 400 (quirk: 403); a wrong signature: 403",
        "observed",
        GCS,
        TEST + "a_url_expires_and_is_signed",
    ),
    CoverageRow(
        FILE,
        "no Authorization header besides the signature",
        "observed",
        S3,
        TEST + "an_authorization_header_is_refused",
    ),
    CoverageRow(
        FILE, "404 until the file is written", "observed", USERS, TEST + "a_file_is_missing_until_it_is_written"
    ),
    CoverageRow(
        FILE,
        "trainer.log grows; each line with its time (quirk: without)",
        "invented",
        SILENT,
        TEST + "a_file_is_missing_until_it_is_written",
    ),
    CoverageRow(
        FILE,
        "metrics.jsonl: step and numbers in one object (quirk: numbers in data, with a timestamp)",
        "observed",
        USERS,
        TEST + "metrics_are_rows_of_json",
    ),
    CoverageRow(
        "reinforcement fine-tuning jobs",
        "outputMetrics: JSON with curves",
        "observed",
        USERS,
        TEST + "a_job_has_the_fields_of_its_kind",
    ),
)
