"""What the emulated Slack does for apps with the agent view: rows for ``COVERAGE.md``."""

from emulator.coverage_row import CoverageRow
from emulator.slack.coverage_rows import API, coverage_row_of

_READ = "(read 2026-11-29)"

COVERAGE: tuple[CoverageRow, ...] = (
    coverage_row_of(
        "POST assistant.threads.setSuggestedPrompts",
        "up to four prompts with title and message, with the scope assistant:write; with thread_ts nothing happens",
        "documented",
        f"{API}/assistant.threads.setSuggestedPrompts {_READ}",
        "agents.py::test_prompts_are_shown_in_the_direct_message",
    ),
    coverage_row_of(
        "POST assistant.threads.setStatus",
        "a status in a thread, with the scope chat:write; a message of the app or an empty status removes it",
        "documented",
        f"{API}/assistant.threads.setStatus {_READ}",
        "agents.py::test_a_status_is_shown_until_the_app_answers",
    ),
    coverage_row_of(
        "POST assistant.threads.setStatus",
        "the status does not disappear after two minutes",
        "invented",
        "no test waits that long",
        "agents.py::test_a_status_is_shown_until_the_app_answers",
    ),
    coverage_row_of(
        "POST agents.sessions.setStatus",
        "begins a session with a title, or changes its state; invalid_arguments for others",
        "documented",
        f"docs.slack.dev/ai/agent-sessions, {API}/agents.sessions.setStatus {_READ}",
        "agents.py::test_a_session_has_the_title_it_began_with",
    ),
    coverage_row_of(
        "POST agents.sessions.setStatus",
        "an app without the agent view is refused with app_not_agent",
        "invented",
        "only agents can create sessions; the code of the error is not documented",
        "agents.py::test_only_an_agent_has_sessions",
    ),
    coverage_row_of(
        "agent_session_stopped",
        "Stop in a thread that is processing; the state does not change by itself",
        "documented",
        f"docs.slack.dev/reference/events/agent_session_stopped {_READ}",
        "agents.py::test_stop_is_an_event",
    ),
)
