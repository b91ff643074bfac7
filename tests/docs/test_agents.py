"""docs/agents.md has the tools of the command table; `python -m tests.docs.test_agents` writes them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from bot.agents.tool_arguments import AGENT_TABLE, field_names, fields_of
from bot.agents.tools import examples_of, list_tools, needs_channel
from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands.shell import McpCommand

PAGE = Path(__file__).parents[2] / "docs" / "agents.md"
HEADING = "## Tools\n"
CONFIG = re.compile(r"```json\n(.*?)```", re.DOTALL)


def reference() -> str:
    """The section on the tools."""
    lines = [HEADING]
    for row in AGENT_TABLE:
        hint = "of a channel" if needs_channel(row) else "always"
        tool = next(one for one in list_tools(has_channel=True) if one.name == row.name)
        assert tool.annotations is not None
        effect = "reads only" if tool.annotations.read_only_hint else "changes alerts or settings"
        lines += [f"### `{row.name}`\n", f"{field_names(row.help)}. Offered {hint}; {effect}.\n"]
        fields = fields_of(row)
        if fields:
            lines += ["| Argument | Type | |", "|---|---|---|"]
            for field in fields:
                kind = f"{field.kind.value}, required" if field.is_required else field.kind.value
                help_text = field_names(field.help).replace("|", "\\|")
                lines.append(f"| `{field.name}` | {kind} | {help_text} |")
            lines.append("")
        examples = [f"{json.dumps(given, ensure_ascii=False)}  // {meaning}" for given, meaning in examples_of(row)]
        lines += ["```text", *examples, "```\n"]
    return "\n".join(lines)


def test_reference_is_that_of_the_command_table() -> None:
    assert reference() == HEADING + PAGE.read_text(encoding="utf-8").partition(HEADING)[2]


def test_configurations_of_clients_start_the_server() -> None:
    blocks = [json.loads(block) for block in CONFIG.findall(PAGE.read_text(encoding="utf-8"))]
    servers = [one["mcpServers"]["trainwatch"] for one in blocks]
    local = [parse_argv(one["args"][one["args"].index("mcp") :]) for one in servers if "command" in one]
    assert local
    assert all(isinstance(command, McpCommand) for command in local)
    assert [one["url"] for one in servers if "url" in one] == ["http://127.0.0.1:8765/mcp"]


def test_shell_lines_are_commands() -> None:
    lines = re.findall(r"^trainwatch (mcp.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert lines
    assert all(isinstance(parse_argv(shlex.split(line)), McpCommand) for line in lines)


if __name__ == "__main__":
    written = PAGE.read_text(encoding="utf-8").partition(HEADING)[0]
    PAGE.write_text(written + reference(), encoding="utf-8")
