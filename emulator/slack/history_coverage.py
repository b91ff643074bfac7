"""What the emulated Slack does about history, reactions, deleting and lost answers: more rows for ``COVERAGE.md``."""

from emulator.coverage_row import CoverageRow
from emulator.slack.coverage_rows import API, coverage_row_of

COVERAGE: tuple[CoverageRow, ...] = (
    coverage_row_of(
        "GET conversations.history",
        "newest first, between oldest and latest, page by page; metadata with include_all_metadata; channels:history",
        "documented",
        f"{API}/conversations.history",
        "history.py::test_history_has_the_metadata_of_messages_between_two_times",
    ),
    coverage_row_of(
        "GET conversations.replies",
        "the root, then replies between oldest and latest, oldest first; thread_not_found",
        "documented",
        f"{API}/conversations.replies",
        "history.py::test_replies_have_the_root_and_what_is_between_two_times",
    ),
    coverage_row_of(
        "GET conversations.history, GET conversations.replies",
        "one call a minute and 15 messages for an app that is distributed outside the Marketplace, else 50 a minute",
        "documented",
        "docs.slack.dev/apis/web-api/rate-limits",
        "history.py::test_a_distributed_app_reads_history_once_a_minute",
    ),
    coverage_row_of(
        "POST chat.postMessage",
        "invalid_metadata_format for metadata without event_type and event_payload; metadata_too_large",
        "documented",
        f"{API}/chat.postMessage",
        "history.py::test_malformed_metadata_is_refused",
    ),
    coverage_row_of(
        "POST chat.update",
        "metadata stays unless it is given",
        "documented",
        f"{API}/chat.update",
        "history.py::test_an_edit_keeps_the_metadata",
    ),
    coverage_row_of(
        "POST chat.delete",
        "own messages only; a deleted message is not found",
        "documented",
        f"{API}/chat.delete",
        "history.py::test_a_deleted_message_is_gone",
    ),
    coverage_row_of(
        "reaction_added",
        "the author and the place of the message, with the scope reactions:read",
        "documented",
        "docs.slack.dev/reference/events/reaction_added",
        "history.py::test_the_app_is_notified_of_a_reaction",
    ),
    coverage_row_of(
        "every method",
        "ordered failures: reset before or after Slack accepts, slow answer after it accepts, accepted but 5xx",
        "invented",
        "what networks do; not Slack's own behaviour",
        "history.py::test_an_accepted_post_whose_answer_is_lost_is_there",
    ),
    coverage_row_of(
        "GET reactions.get",
        "a message with its reactions, with the scope reactions:read",
        "documented",
        f"{API}/reactions.get",
        "history.py::test_the_app_is_notified_of_a_reaction",
    ),
)
