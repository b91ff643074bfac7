"""Agents on the emulated Slack's bot: the official MCP client, in this process or over real HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from mcp import Client
from mcp_types import CallToolResult, TextContent

from bot.agents.calls import Caller, ToolCalls
from bot.agents.server import build_server
from bot.agents.transports import HttpOptions, serve_agents_by_http
from bot.domain.access import OPEN_ACCESS, AccessPolicy, AccessRole, Grant
from bot.domain.audit import AuditEntry
from bot.providers.budget import UNLIMITED, BudgetLimits
from bot.store.audit import AuditQuery
from tests.integration.slack_harness import SlackHarness
from tests.support.waiting import LONGEST_S

ADA = "U0ADA"
EVERYTHING = AccessPolicy(grants=(Grant(AccessRole.ADMINISTER, users=frozenset([ADA])),))


def calls_on(
    harness: SlackHarness,
    policy: AccessPolicy = OPEN_ACCESS,
    *,
    user: str = "",
    has_channel: bool = True,
    limits: BudgetLimits = UNLIMITED,
    has_slack: bool = True,
) -> ToolCalls:
    """What answers the calls, as `bot.agent_server` builds it."""
    listeners = harness.listeners
    gate = replace(listeners.gate, policy=policy.for_agents(is_named=bool(user)))
    caller = Caller(user, harness.channel().id if has_channel else "", "ada@acme.example")
    runner = listeners.messages.answering.runner
    return ToolCalls(runner, gate, harness.app.client, caller, limits, has_slack=has_slack, progress_s=0.02)


@asynccontextmanager
async def agent(calls: ToolCalls) -> AsyncIterator[Client]:
    """A client in this process."""
    async with Client(build_server(calls, "1"), read_timeout_seconds=LONGEST_S) as client:
        yield client
    await calls.drain()


@asynccontextmanager
async def served(calls: ToolCalls, token: str | None = None) -> AsyncIterator[str]:
    """The URL of a server on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    task = asyncio.create_task(serve_agents_by_http(build_server(calls, "1"), HttpOptions("127.0.0.1", port, token)))
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                break
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await calls.drain()


@asynccontextmanager
async def agent_over_http(calls: ToolCalls) -> AsyncIterator[Client]:
    """A client that connects over HTTP."""
    async with served(calls) as url, Client(url, read_timeout_seconds=LONGEST_S) as client:
        yield client


def text_of(result: CallToolResult) -> str:
    """The text of a result."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


async def call(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    """Call a tool."""
    return await client.call_tool(tool, arguments)


async def audit_of(harness: SlackHarness) -> tuple[AuditEntry, ...]:
    """The audit trail, newest first."""
    return (await harness.store.audit.page(AuditQuery(limit=100))).entries
