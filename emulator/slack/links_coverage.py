"""What the emulated Slack does with links to an app's domains: rows for ``COVERAGE.md``."""

from emulator.coverage_row import CoverageRow
from emulator.slack.coverage_rows import API, coverage_row_of

_UNFURLING = "docs.slack.dev/messaging/unfurling-links-in-messages"
_EVENT = "docs.slack.dev/reference/events/link_shared"
_READ = "(read 2026-11-29)"

COVERAGE: tuple[CoverageRow, ...] = (
    coverage_row_of(
        "link_shared",
        "a person's message with links to the manifest's unfurl_domains or below them, with the scope links:read",
        "documented",
        f"{_EVENT} {_READ}",
        "links.py::test_links_to_the_domains_of_the_app_are_reported",
    ),
    coverage_row_of(
        "link_shared",
        "the event of a link that is being typed (source: composer) is not sent",
        "invented",
        "nobody sees a preview while typing on the page",
        "links.py::test_links_to_the_domains_of_the_app_are_reported",
    ),
    coverage_row_of(
        "POST chat.unfurl",
        "previews of blocks under a person's message, with the scope links:write; a second one replaces the first",
        "documented",
        f"{API}/chat.unfurl, {_UNFURLING} {_READ}",
        "links.py::test_a_preview_is_shown_and_replaced",
    ),
    coverage_row_of(
        "POST chat.unfurl",
        "cannot_find_channel, cannot_find_message, cannot_unfurl_message, missing_unfurls, invalid_unfurls_format",
        "documented",
        f"{API}/chat.unfurl {_READ}",
        "links.py::test_a_preview_that_does_not_fit_is_refused",
    ),
    coverage_row_of(
        "block_actions",
        "a button of a preview has a container of type message_attachment with is_app_unfurl, and no message",
        "observed",
        f"getsentry/sentry#63549, slackapi/java-slack-sdk#1038 {_READ}",
        "links.py::test_a_button_of_a_preview_names_the_link",
    ),
)
