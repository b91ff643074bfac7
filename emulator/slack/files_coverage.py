"""What the emulated Slack does with files that people share: rows for ``COVERAGE.md``."""

from emulator.coverage_row import CoverageRow
from emulator.slack.coverage_rows import API, coverage_row_of

_FILES = "docs.slack.dev/reference/objects/file-object"
_READ = "(read 2026-11-29)"

COVERAGE: tuple[CoverageRow, ...] = (
    coverage_row_of(
        "GET files.info",
        "a file with its name, size, media type and addresses, with the scope files:read; file_not_found",
        "documented",
        f"{API}/files.info",
        "files.py::test_a_file_is_described_and_downloaded_with_the_scope",
    ),
    coverage_row_of(
        "url_private_download",
        "the bytes, for the bot's token as a bearer token",
        "documented",
        f"{_FILES} {_READ}",
        "files.py::test_a_file_is_described_and_downloaded_with_the_scope",
    ),
    coverage_row_of(
        "url_private_download",
        "without the scope files:read or the token: a sign-in page with HTTP 200",
        "observed",
        f"vercel/eve#1531, slackapi/bolt-js#2585 {_READ}",
        "files.py::test_without_the_scope_a_download_is_a_sign_in_page",
    ),
    coverage_row_of(
        "message.im, app_mention",
        "a message has its files; a direct message with files has the subtype file_share",
        "documented",
        f"docs.slack.dev/reference/events/message/file_share, @slack/types 3.2.0 {_READ}",
        "files.py::test_events_have_the_files_of_a_message",
    ),
    coverage_row_of(
        "message.im, app_mention",
        "in a channel of Slack Connect a file has only its id and file_access: check_file_info",
        "documented",
        f"{_FILES} {_READ}",
        "files.py::test_files_of_shared_channels_have_to_be_looked_up",
    ),
    coverage_row_of(
        "image block",
        "slack_file shows an uploaded picture, also one that is not shared",
        "documented",
        f"docs.slack.dev/reference/block-kit/composition-objects/slack-file-object {_READ}",
        "files.py::test_a_block_shows_an_upload_once_it_is_processed",
    ),
    coverage_row_of(
        "image block",
        "invalid_blocks until the upload is processed, about a second",
        "observed",
        f"slackapi/python-slack-sdk#1521, slackapi/java-slack-sdk#1347 {_READ}",
        "files.py::test_a_block_shows_an_upload_once_it_is_processed",
    ),
    coverage_row_of(
        "files.getUploadURLExternal",
        "alt_txt describes a picture; alt_txt_too_large over 1,000 characters",
        "documented",
        f"{API}/files.getUploadURLExternal",
        "files.py::test_the_alt_text_of_an_upload_has_a_limit",
    ),
)
