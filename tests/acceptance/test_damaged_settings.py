"""`trainwatch check` with each setting damaged in each of several ways works, or names the setting; never a secret."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from bot.domain.durations import format_duration
from bot.settings import Settings
from emulator.server import Keys
from tests.acceptance.program import Machine, machine_at

PASSWORD = "Hunter2-Tail9"
KEYS = Keys("bt-q7Zr2LxW9vKd", "fw-q7Zr2LxW9vKd", "rg-q7Zr2LxW9vKd")
SECRETS = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "BASETEN_API_KEY",
    "FIREWORKS_API_KEY",
    "RIVERGEN_API_KEY",
    "TRAINWATCH_WEBHOOK_OPS_SECRET",
    "TRAINWATCH_MCP_TOKEN",
)
SECRET_URLS = ("TRAINWATCH_PING_URL", "TRAINWATCH_WEBHOOK_OPS_URL")
MIDDLE_OF_A_SECRET = 6
"""Characters of a secret that must not be shown in a row."""

DAMAGES: Mapping[str, Callable[[str, str], str]] = {
    "line end": lambda name, text: f"{text}\n",
    "carriage return": lambda name, text: f"{text}\r",
    "byte order mark": lambda name, text: f"\ufeff{text}",
    "zero-width space before": lambda name, text: f"\u200b{text}",
    "zero-width space inside": lambda name, text: f"{text[:-2]}\u200b{text[-2:]}",
    "double quotes": lambda name, text: f'"{text}"',
    "single quotes": lambda name, text: f"'{text}'\r\n",
    "one quotation mark": lambda name, text: f'"{text}',
    "bearer": lambda name, text: f"Bearer {text}",
    "api-key": lambda name, text: f"Api-Key {text}",
    "upper case": lambda name, text: text.upper(),
    "line break inside": lambda name, text: f"{text[:-2]}\n{text[-2:]}",
    "no-break space after": lambda name, text: f"{text}\xa0",
    "own name": lambda name, text: f"{name}={text}",
}

REPAIRED = (
    "line end",
    "carriage return",
    "byte order mark",
    "zero-width space before",
    "double quotes",
    "single quotes",
    "no-break space after",
    "own name",
)
"""What any setting survives."""


@pytest.fixture
async def complete(tmp_path: Path) -> AsyncIterator[Machine]:
    """A machine without setup problems, with a value for every setting."""
    async with machine_at(tmp_path, keys=KEYS) as machine:
        machine.world.add_training_job("proj", "job1")
        machine.world.add_batch_job("acme", "batch-1")
        machine.environment = {
            **{name.upper(): _value(name, field, tmp_path) for name, field in Settings.model_fields.items()},
            "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef",
            "TRAINWATCH_USER": "ada@example.com",
            "TRAINWATCH_MCP_TOKEN": "agents-q7Zr2LxW9vKd4TnB",
            "TRAINWATCH_PING_URL": "https://pings.example/q7Zr2LxW9vKd",
            "TRAINWATCH_WEBHOOK_OPS_SECRET": "ops-q7Zr2LxW9vKd",
            "TRAINWATCH_WEBHOOK_OPS_URL": "https://ops.example/q7Zr2LxW9vKd",
            "FIREWORKS_ACCOUNT_ID": "acme",
            **machine.environment,
        }
        assert [] == [name for name, value in machine.environment.items() if value == "None"]
        assert (await machine.call("check")).code == 0
        yield machine


def _value(name: str, field: FieldInfo, folder: Path) -> str:
    """The default of a setting; if it names a file, one that is valid."""
    if field.annotation == Path | None:
        text = "[ops]\n" if name == "trainwatch_webhooks" else ""
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
        return str(folder / f"{name}.toml")
    return (
        format_duration(field.default).replace(" ", "") if isinstance(field.default, timedelta) else str(field.default)
    )


@pytest.mark.parametrize("kind", REPAIRED)
async def test_harmless_damage_of_all_settings_is_repaired(complete: Machine, kind: str) -> None:
    damaged = {name: DAMAGES[kind](name, value) for name, value in complete.environment.items()}
    ended = await complete.call("check", **damaged)
    assert (0, "") == (ended.code, ended.err)


@pytest.mark.parametrize("kind", ["bearer", "api-key"])
async def test_schemes_before_all_secrets_are_removed(complete: Machine, kind: str) -> None:
    damaged = {name: DAMAGES[kind](name, complete.environment[name]) for name in SECRETS}
    assert 0 == (await complete.call("check", **damaged)).code


@pytest.mark.parametrize("kind", [*REPAIRED, "bearer", "api-key"])
async def test_damaged_files_of_all_secrets_are_repaired(complete: Machine, kind: str) -> None:
    files = {}
    for name in (*SECRETS, *SECRET_URLS) if kind in REPAIRED else SECRETS:
        file = complete.folder / name
        file.write_text(DAMAGES[kind](name, complete.environment[name]), encoding="utf-8", newline="")
        files[f"{name}_FILE"] = str(file)
    ended = await complete.call("check", **files, **{name.removesuffix("_FILE"): "" for name in files})
    assert (0, "") == (ended.code, ended.err)


@pytest.mark.parametrize("name", [*SECRETS, *SECRET_URLS])
async def test_a_missing_file_of_a_secret_is_named(complete: Machine, name: str) -> None:
    ended = await complete.call("check", **{name: "", f"{name}_FILE": "/run/secrets/missing"})
    assert ended.code
    assert f"{name}_FILE names a file that does not exist" in " ".join((ended.text + ended.err).split())


@pytest.mark.parametrize("kind", [kind for kind in DAMAGES if kind not in REPAIRED])
async def test_a_setting_with_other_damage_works_or_is_named(complete: Machine, kind: str) -> None:
    silent, shown = [], []
    for name, value in complete.environment.items():
        if name.startswith(("FIREWORKS", "RIVERGEN")) and name.endswith(("_S", "_SECOND")):
            continue  # read as Baseten's
        ended = await complete.call("check", **{name: DAMAGES[kind](name, value)})
        output = ended.text + ended.err
        if ended.code and name not in output:
            silent.append(name)
        if name in (*SECRETS, *SECRET_URLS) and any(part in output for part in _parts(value)):
            shown.append(name)
    assert ([], []) == (silent, shown)


@pytest.mark.parametrize("kind", DAMAGES)
async def test_no_part_of_the_password_is_shown(complete: Machine, kind: str) -> None:
    for tail in ("", "@Tail9", "/Tail9", "?Tail9", ":Tail9", "#Tail9", "@Ta?Tail9"):
        url = f"postgresql://u:{PASSWORD}{tail}@127.0.0.1:1/d"
        ended = await complete.call("check", DATABASE_URL=DAMAGES[kind]("DATABASE_URL", url))
        output = ended.text + ended.err
        assert "DATABASE_URL" in output
        assert ("Hunter2" in output.title(), "tail9" in output.lower()) == (False, False)


def _parts(secret: str) -> list[str]:
    """Every part of a secret after its public prefix that is long enough to matter."""
    own = secret.rpartition("/")[2] if "://" in secret else secret.partition("-")[2] or secret
    return [own[start : start + MIDDLE_OF_A_SECRET] for start in range(len(own) - MIDDLE_OF_A_SECRET + 1)]
