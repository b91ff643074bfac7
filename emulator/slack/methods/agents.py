"""`assistant.threads.*` and `agents.sessions.*`: what the agent view shows besides messages.

Source: docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts, assistant.threads.setStatus and
agents.sessions.setStatus, docs.slack.dev/ai/agent-sessions (documented, read 2026-11-29).
"""

from emulator.slack.methods.call import Call, Method
from emulator.slack.model import AgentSession, Change, Channel, Json, SlackError

PROMPTS_MAX = 4
TITLE_MAX = 200
STATES = ("active", "processing", "suspended", "closed")


def set_prompts(call: Call) -> Json:
    """`assistant.threads.setSuggestedPrompts`: for an agent, a call with `thread_ts` does nothing."""
    channel, prompts = call.channel("channel_id"), call.value("prompts")
    is_valid = isinstance(prompts, list) and all(
        isinstance(one, dict) and all(one.get(name) for name in ("title", "message")) for one in prompts
    )
    if not is_valid or not prompts or len(prompts) > PROMPTS_MAX:
        raise SlackError("invalid_arguments")
    if not (call.workspace.app.is_agent and call.args.get("thread_ts")):
        channel.prompts = {"title": str(call.args.get("title") or ""), "prompts": prompts}
        call.workspace.publish(Change("channel", channel.id))
    return {}


def set_status(call: Call) -> Json:
    """`assistant.threads.setStatus`: an empty status removes it."""
    channel, session = _session(call)
    session.status = str(call.args.get("status") or "")
    call.workspace.publish(Change("channel", channel.id))
    return {}


def set_state(call: Call) -> Json:
    """`agents.sessions.setStatus`: begins a session; its title counts only then."""
    state, title = call.need("status"), str(call.args.get("title") or "")
    if state not in STATES or len(title) > TITLE_MAX:
        raise SlackError("invalid_arguments")
    if not call.workspace.app.is_agent:
        raise SlackError("app_not_agent")
    channel, session = _session(call)
    if not session.state:
        session.title = title
    session.state = state
    call.workspace.publish(Change("channel", channel.id))
    return {"status": state, "title": session.title}


def _session(call: Call) -> tuple[Channel, AgentSession]:
    channel = call.channel("channel_id")
    thread_ts = call.need("thread_ts")
    if channel.find(thread_ts) is None:
        raise SlackError("invalid_thread_ts")
    return channel, channel.sessions.setdefault(thread_ts, AgentSession())


METHODS: dict[str, Method] = {
    "assistant.threads.setSuggestedPrompts": Method(set_prompts, ("assistant:write",), 4),
    "assistant.threads.setStatus": Method(set_status, ("chat:write", "assistant:write"), None),
    "agents.sessions.setStatus": Method(set_state, ("chat:write",), 3),
}
