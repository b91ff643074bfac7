"""Every code block in the documents is valid and names existing settings; deployments agree with the bot."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import sqlite3
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.commands.access_file import parse_access
from bot.commands.parsing.parser import parse_argv
from bot.redaction.user_patterns import parse_secret_patterns
from bot.settings import Settings
from bot.store.migrate import upgrade
from tests.docs.documents import ROOT, Block, blocks

SETTING = re.compile(r"\b(?:TRAINWATCH|SLACK|DATABASE|BASETEN|FIREWORKS|RIVERGEN)_[A-Z_]+[A-Z]\b")
OWN_NAME = re.compile(r"TRAINWATCH_WEBHOOK_[A-Z]+_(?:SECRET|URL)|(?:BASETEN|FIREWORKS|RIVERGEN)_API_KEY")
"""Settings that are read by a name of the user's choice, or by a platform."""
COMPOSE, KUBERNETES = ROOT / "compose.yaml", ROOT / "deploy" / "kubernetes.yaml"


def check_shell(text: str) -> None:
    subprocess.run(["bash", "-n"], input=text, text=True, check=True, capture_output=True)


def check_unit(text: str) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    parse_argv(shlex.split(unit["Service"]["ExecStart"])[1:])


CHECKS: Mapping[str, Callable[[str], object]] = {
    "": str,
    "text": str,
    "diff": str,
    "sh": check_shell,
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "ini": check_unit,
    "python": lambda text: compile(text, "document", "exec"),
    "sql": str,
}
"""By language. `test_sql_runs_on_the_schema` and tests of single pages check more."""


@pytest.mark.parametrize("block", blocks(), ids=lambda one: f"{one.page} {one.language}")
def test_block_is_valid(block: Block) -> None:
    assert block.language in CHECKS, f"use one of {', '.join(filter(None, CHECKS))}"
    CHECKS[block.language](block.text)
    assert [] == [name for name in SETTING.findall(block.text) if not is_setting(name)]


def is_setting(name: str) -> bool:
    plain = name.removesuffix("_FILE")
    return plain.lower() in Settings.model_fields or OWN_NAME.fullmatch(plain) is not None


def test_examples_of_configuration_files_are_accepted() -> None:
    (access,) = (one.text for one in blocks() if (one.page, one.language) == ("docs/access.md", "toml"))
    assert parse_access(access).grants
    (patterns,) = (one.text for one in blocks() if (one.page, one.language) == ("docs/configuration.md", "toml"))
    assert ["staff badge"] == [one.name for one in parse_secret_patterns(patterns)]


async def test_sql_runs_on_the_schema(tmp_path: Path) -> None:
    await upgrade(f"sqlite:///{tmp_path}/bot.db")
    database = sqlite3.connect(tmp_path / "bot.db")
    statements = [part for one in blocks() if one.language == "sql" for part in one.text.split(";") if part.strip()]
    assert len(statements) >= 2
    for statement in statements:
        database.execute(statement)
    database.close()


def container_of(text: str) -> dict[str, Any]:
    """The container of the Deployment."""
    (deployment,) = (one for one in yaml.safe_load_all(text) if one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(container)


def test_kubernetes_uses_settings_and_addresses_of_the_bot() -> None:
    text = KUBERNETES.read_text(encoding="utf-8")
    container = container_of(text)
    assert [] == [one["name"] for one in container["env"] if not is_setting(one["name"])]
    assert [{"name": "health", "containerPort": Settings.model_fields["trainwatch_health_port"].default}] == container[
        "ports"
    ]
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"} == {
        kind: probe["path"] for kind, probe in probes.items()
    }
    keys = {Path(one["value"]).name for one in container["env"] if one["name"].endswith("_FILE")}
    guide = (ROOT / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8")
    assert keys == set(re.findall(r"--from-literal=([\w-]+)=", guide))


def test_compose_keeps_the_database_in_its_volume() -> None:
    compose = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    service = compose["services"]["trainwatch"]
    volume, _, mounted = service["volumes"][0].partition(":")
    assert volume in compose["volumes"]
    assert service["environment"]["DATABASE_URL"].startswith(f"sqlite:///{mounted}/")
