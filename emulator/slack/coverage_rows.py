"""What the emulated Slack does and how we know that the real one does it too: rows for ``COVERAGE.md``.

Collected by `emulator.coverage`; a row names the endpoint or the part of Slack it is about. Nothing here was checked
against a live Slack.
"""

from emulator.coverage_row import Basis, CoverageRow

READ = "(read 2026-11-20)"
SDK = f"slack_sdk 3.47.0 and slack_bolt 1.30.0, source {READ}"


def coverage_row_of(endpoint: str, behaviour: str, basis: Basis, source: str, test: str) -> CoverageRow:
    """A row whose test is in `tests/emulator/slack/`."""
    is_dated = basis == "invented" or "(read" in source
    return CoverageRow(
        endpoint, behaviour, basis, source if is_dated else f"{source} {READ}", f"slack/test_slack_{test}"
    )


API = "docs.slack.dev/reference/methods"
_INTERACTIVITY = "docs.slack.dev/interactivity/handling-user-interaction"
_SOCKET = "docs.slack.dev/apis/events-api/using-socket-mode"
_EVENTS = "docs.slack.dev/apis/events-api"
_BLOCKS = "docs.slack.dev/reference/block-kit"

COVERAGE: tuple[CoverageRow, ...] = (
    coverage_row_of(
        "every method",
        "arguments come by query, form or JSON, and are merged",
        "observed",
        SDK,
        "web_api.py::test_a_file_goes_up_in_three_steps_into_a_thread",
    ),
    coverage_row_of(
        "every method",
        "not_authed, invalid_auth, not_allowed_token_type",
        "documented",
        f"{API}/auth.test",
        "web_api.py::test_a_wrong_or_missing_token_is_refused",
    ),
    coverage_row_of(
        "every method",
        "missing_scope names needed and provided; X-OAuth-Scopes lists what was granted",
        "documented",
        "docs.slack.dev/authentication/installing-with-oauth",
        "web_api.py::test_a_missing_scope_is_named",
    ),
    coverage_row_of(
        "every method",
        "429 with Retry-After once a tier's calls per minute are used up",
        "documented",
        "docs.slack.dev/apis/web-api/rate-limits",
        "web_api.py::test_a_tier_two_method_takes_twenty_calls_a_minute",
    ),
    coverage_row_of(
        "every method",
        "a tier may be used up at once; then it refills evenly",
        "invented",
        "Slack documents the rate per minute, not the burst",
        "web_api.py::test_a_tier_two_method_takes_twenty_calls_a_minute",
    ),
    coverage_row_of(
        "POST auth.test",
        "says whose token it is; hundreds of calls a minute",
        "documented",
        f"{API}/auth.test",
        "web_api.py::test_auth_test_says_who_the_bot_is_and_what_it_may",
    ),
    coverage_row_of(
        "POST apps.connections.open",
        "gives an app-level token a temporary WebSocket address",
        "documented",
        f"{API}/apps.connections.open",
        "socket_mode.py::test_a_connection_is_greeted_with_the_number_of_connections",
    ),
    coverage_row_of(
        "POST apps.connections.open",
        "an address works once",
        "invented",
        "Slack calls it temporary and does not say how temporary",
        "socket_mode.py::test_a_socket_address_works_once",
    ),
    coverage_row_of(
        "POST chat.postMessage",
        "one message a second and channel",
        "documented",
        "docs.slack.dev/apis/web-api/rate-limits",
        "web_api.py::test_a_channel_takes_a_burst_then_one_message_a_second",
    ),
    coverage_row_of(
        "POST chat.postMessage",
        "a burst of ten messages",
        "invented",
        "Slack tolerates short bursts and does not say how long",
        "web_api.py::test_a_channel_takes_a_burst_then_one_message_a_second",
    ),
    coverage_row_of(
        "POST chat.postMessage",
        "channel_not_found, is_archived; not_in_channel without chat:write.public",
        "documented",
        f"{API}/chat.postMessage",
        "web_api.py::test_a_channel_that_cannot_be_written_to_says_why",
    ),
    coverage_row_of(
        "POST chat.postMessage",
        "text is cut at 40,000 characters with the warning message_truncated",
        "documented",
        f"{API}/chat.postMessage",
        "web_api.py::test_posting_cuts_long_text_and_editing_refuses_it",
    ),
    coverage_row_of(
        "POST chat.postMessage",
        "invalid_blocks with messages and JSON pointers",
        "observed",
        "answers quoted in slackapi/bolt-js issues",
        "web_api.py::test_broken_blocks_come_back_with_pointers",
    ),
    coverage_row_of(
        "POST chat.postMessage",
        "msg_blocks_too_long above 13,000 characters over all blocks",
        "observed",
        "slackapi/bolt-js issue 2509",
        "web_api.py::test_more_than_thirteen_thousand_characters_of_blocks_are_refused",
    ),
    coverage_row_of(
        "POST chat.postMessage",
        "metadata_too_large above 8,000 bytes",
        "invented",
        "the error is documented, the size is not",
        "web_api.py::test_content_has_to_be_there_and_within_bounds",
    ),
    coverage_row_of(
        "POST chat.postMessage",
        "thread_not_found when thread_ts is not a root message in the channel",
        "invented",
        "stricter than Slack, which takes a reply's ts too",
        "web_api.py::test_a_reply_is_in_its_thread_and_counts_on_its_root",
    ),
    coverage_row_of(
        "POST chat.postEphemeral",
        "a reload of the page drops ephemerals, those of response URLs too",
        "documented",
        f"{API}/chat.postEphemeral",
        "page.py::test_private_answers_last_until_the_page_is_reloaded",
    ),
    coverage_row_of(
        "POST chat.update",
        "own messages only, never ephemerals; text over 4,000 characters is msg_too_long",
        "documented",
        f"{API}/chat.update",
        "web_api.py::test_only_own_lasting_messages_can_be_edited",
    ),
    coverage_row_of(
        "POST chat.update",
        "text without blocks removes the blocks",
        "documented",
        f"{API}/chat.update",
        "web_api.py::test_an_edit_replaces_and_every_version_is_kept",
    ),
    coverage_row_of(
        "POST chat.update",
        "block_mismatch when rich text is replaced by other blocks",
        "documented",
        f"{API}/chat.update",
        "web_api.py::test_rich_text_cannot_become_something_else",
    ),
    coverage_row_of(
        "POST views.open",
        "a trigger id works once, for three seconds",
        "documented",
        "docs.slack.dev/surfaces/modals",
        "web_api.py::test_a_trigger_id_opens_one_modal_within_three_seconds",
    ),
    coverage_row_of(
        "POST views.push",
        "at most three modals; views.update under a hash",
        "documented",
        "docs.slack.dev/surfaces/modals",
        "web_api.py::test_a_modal_is_updated_under_its_hash_and_stacked_three_high",
    ),
    coverage_row_of(
        "POST views.open",
        "view_too_large above 250 kB",
        "documented",
        f"{API}/views.open",
        "web_api.py::test_a_view_too_large_or_broken_is_refused",
    ),
    coverage_row_of(
        "POST files.getUploadURLExternal",
        "upload in three steps; the last answers without a message ts",
        "documented",
        "docs.slack.dev/messaging/working-with-files",
        "web_api.py::test_a_file_goes_up_in_three_steps_into_a_thread",
    ),
    coverage_row_of(
        "POST files.getUploadURLExternal",
        "a snippet of more than a megabyte is refused with `snippet_too_large`; a plain file is not",
        "documented",
        "docs.slack.dev/reference/methods/files.getUploadURLExternal",
        "web_api.py::test_a_snippet_over_a_megabyte_is_refused",
    ),
    coverage_row_of(
        "POST files.completeUploadExternal",
        "a file goes to a channel or a direct message (D...); a person's id is refused",
        "observed",
        "slackapi/bolt-js#2115, slackapi/bolt-python#934",
        "web_api.py::test_a_file_goes_to_a_direct_message_but_not_to_a_person",
    ),
    coverage_row_of(
        "response URL",
        "five uses within thirty minutes, ephemeral unless in_channel",
        "documented",
        _INTERACTIVITY,
        "web_api.py::test_a_response_url_works_five_times_within_half_an_hour",
    ),
    coverage_row_of(
        "response URL",
        "expired_url and used_url with HTTP 404",
        "invented",
        "the codes are seen in reports, their status is assumed",
        "web_api.py::test_a_response_url_works_five_times_within_half_an_hour",
    ),
    coverage_row_of(
        "response URL",
        "replace_original and delete_original on the message whose button was pressed",
        "documented",
        _INTERACTIVITY,
        "interactions.py::test_a_button_on_an_ephemeral_can_share_and_take_it_away",
    ),
    coverage_row_of(
        "slash command",
        "three seconds to acknowledge, else operation_timeout",
        "documented",
        "docs.slack.dev/interactivity/implementing-slash-commands",
        "interactions.py::test_a_command_nobody_acknowledges_times_out_for_the_person",
    ),
    coverage_row_of(
        "slash command",
        "dispatch_failed while no connection is open",
        "observed",
        f"reports in slackapi repositories {READ}",
        "interactions.py::test_without_a_connection_a_command_cannot_be_dispatched",
    ),
    coverage_row_of(
        "block_actions",
        "no message in the payload of an ephemeral",
        "observed",
        f"reports in slackapi repositories {READ}",
        "interactions.py::test_a_button_on_an_ephemeral_can_share_and_take_it_away",
    ),
    coverage_row_of(
        "view_submission",
        "response_action errors, update, push, clear; nothing closes the modal",
        "documented",
        "docs.slack.dev/surfaces/modals",
        "interactions.py::test_a_modal_is_opened_filled_refused_and_submitted",
    ),
    coverage_row_of(
        "block_suggestion",
        "the app gives the options of an external select, or groups of them, within Slack's limits",
        "documented",
        f"{_BLOCKS}/block-elements/select-menu-element",
        "interactions.py::test_an_external_select_asks_the_app_for_options",
    ),
    coverage_row_of(
        "app_mention",
        "reaches a member app, with thread_ts inside a thread",
        "documented",
        "docs.slack.dev/reference/events/app_mention",
        "interactions.py::test_a_mention_in_a_thread_reaches_the_app_with_its_thread",
    ),
    coverage_row_of(
        "member_joined_channel, member_left_channel",
        "the app is notified of its own invitation and of leavers: channels:read for public channels, groups:read else",
        "documented",
        "docs.slack.dev/reference/events/member_joined_channel",
        "interactions.py::test_an_app_is_notified_of_its_own_invitation_by_the_scope_of_the_channels_kind",
    ),
    coverage_row_of(
        "app_home_opened, POST views.publish",
        "lets the app publish the Home tab",
        "documented",
        "docs.slack.dev/reference/events/app_home_opened",
        "interactions.py::test_opening_home_lets_the_app_publish_it",
    ),
    coverage_row_of(
        "Socket Mode",
        "hello; each envelope goes to any one of up to ten connections",
        "documented",
        _SOCKET,
        "socket_mode.py::test_each_envelope_goes_to_one_of_the_connections",
    ),
    coverage_row_of(
        "Socket Mode",
        "an event not acknowledged comes again after about 4 s, under the same envelope_id",
        "observed",
        "slackapi/bolt-js issue 2487",
        "socket_mode.py::test_an_event_not_acknowledged_comes_again_with_its_envelope_and_event_id",
    ),
    coverage_row_of(
        "Socket Mode",
        "disconnect: a warning first, then refresh_requested",
        "documented",
        _SOCKET,
        "socket_mode.py::test_a_warning_leaves_the_connection_open",
    ),
    coverage_row_of(
        "Socket Mode",
        "the eleventh connection is sent too_many_websockets",
        "observed",
        f"reports in slackapi repositories {READ}",
        "socket_mode.py::test_the_eleventh_connection_is_one_too_many",
    ),
    coverage_row_of(
        "HTTP delivery",
        "v0 signature over time stamp and body",
        "documented",
        "docs.slack.dev/authentication/verifying-requests-from-slack",
        "http_delivery.py::test_bolt_accepts_the_signature_and_answers",
    ),
    coverage_row_of(
        "HTTP delivery",
        "three retries with x-slack-retry-num and -reason; x-slack-no-retry stops them",
        "documented",
        _EVENTS,
        "http_delivery.py::test_an_event_is_tried_four_times_with_retry_headers",
    ),
    coverage_row_of(
        "usergroups.users.list",
        "the members of a user group; no_such_subteam, missing_scope",
        "documented",
        f"{API}/usergroups.users.list (read 2026-11-29)",
        "web_api.py::test_the_members_of_a_user_group_are_listed",
    ),
    coverage_row_of(
        "conversations.info, events, commands, clicks",
        "is_ext_shared and is_ext_shared_channel of a shared channel; the workspace of a person from elsewhere",
        "documented",
        "docs.slack.dev/apis/slack-connect (read 2026-11-29)",
        "web_api.py::test_a_shared_channel_and_its_strangers_are_marked",
    ),
    coverage_row_of(
        "users.lookupByEmail",
        "the member with an e-mail address, in any case; users_not_found, missing_scope",
        "documented",
        f"{API}/users.lookupByEmail (read 2026-11-29)",
        "web_api.py::test_a_member_is_found_by_email_address",
    ),
    coverage_row_of(
        "chat.postMessage",
        "messages_tab_disabled for a direct message to a person while the Messages tab is off",
        "documented",
        f"{API}/chat.postMessage",
        "web_api.py::test_a_direct_message_needs_the_messages_tab",
    ),
    coverage_row_of(
        "chat.getPermalink",
        "the address of a message",
        "documented",
        f"{API}/chat.getPermalink",
        "web_api.py::test_joining_a_direct_message_a_permalink_and_a_reaction",
    ),
    coverage_row_of(
        "slash command",
        "with should_escape, users, groups, channels and links arrive in angle brackets",
        "documented",
        "docs.slack.dev/interactivity/implementing-slash-commands",
        "mentions.py::test_names_in_a_slash_command_become_markup",
    ),
    coverage_row_of(
        "Block Kit",
        "lengths and counts of every block and element",
        "documented",
        f"{_BLOCKS}, compared with slackblocks 3.0.0",
        "blocks.py::test_a_limit_is_where_slackblocks_has_it",
    ),
    coverage_row_of(
        "Block Kit",
        "an unknown property is refused",
        "observed",
        "answers quoted in slackapi issues",
        "blocks.py::test_a_broken_block_is_named",
    ),
    coverage_row_of(
        "Block Kit",
        "at most six series or segments in a chart, two charts in a message",
        "documented",
        f"{_BLOCKS}/blocks/data-visualization-block (newer third-party limits allow twelve)",
        "blocks.py::test_a_third_chart_and_a_block_id_used_twice_are_refused",
    ),
    coverage_row_of(
        "Block Kit",
        "tables, charts and containers only in messages",
        "invented",
        "sources differ on Home; the narrower reading is taken",
        "blocks.py::test_no_surface_takes_a_block_that_slackblocks_refuses_there",
    ),
)
