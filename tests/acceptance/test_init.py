"""`trainwatch init` alone connects a workspace; every wrong input on the way is explained and asked for again."""

from __future__ import annotations

import asyncio
import os
import pty
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from dotenv import dotenv_values

from bot.errors import ConfigError
from bot.guided_setup.app_page import creation_url
from bot.guided_setup.env_file import save_setting
from emulator.slack.app import APP_TOKEN, BOT_TOKEN, create_slack
from tests.acceptance.program import REPOSITORY, Ended, Machine, machine_at
from tests.support.scopes import GRANTED
from tests.support.waiting import LONGEST_S

ASKED_FOR = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "BASETEN_API_KEY", "FIREWORKS_API_KEY", "RIVERGEN_API_KEY")


@pytest.fixture
async def unset(tmp_path: Path) -> AsyncIterator[Machine]:
    """A machine where nothing is set but the addresses of the emulator; the app has the scopes of manifest.yml."""
    async with machine_at(tmp_path, slack=create_slack(scopes=GRANTED)) as machine:
        for name in (*ASKED_FOR, "SLACK_SIGNING_SECRET", "DATABASE_URL"):
            del machine.environment[name]
        machine.world.add_training_job("proj", "job1")
        slack = machine.on.slack
        slack.workspace.channel("#alerts").members.add(slack.workspace.app.bot_user_id)
        yield machine


async def init(machine: Machine, *answers: str, **settings: str) -> Ended:
    """Run the program with these lines as its input."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *machine.program, "init",
        cwd=machine.folder, env=machine.process_environment(**settings), stdin=pipe, stdout=pipe, stderr=pipe,
    )  # fmt: skip
    text = "".join(f"{one}\n" for one in answers).encode()
    out, err = await asyncio.wait_for(process.communicate(text), LONGEST_S)
    return Ended(process.returncode or 0, out, err.decode())


def saved(machine: Machine) -> Mapping[str, str | None]:
    return dotenv_values(machine.folder / ".env")


async def test_someone_new_connects_a_workspace(unset: Machine) -> None:
    baseten = unset.on.keys.baseten
    ended = await init(unset, "", BOT_TOKEN, APP_TOKEN, baseten, "", "", "", "#alerts")
    assert (0, b"") == (ended.code, ended.out)
    assert {"SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN, "BASETEN_API_KEY": baseten} == saved(unset)
    assert 0o600 == stat.S_IMODE((unset.folder / ".env").stat().st_mode)
    assert (unset.folder / "trainwatch.db").exists()
    assert "trainwatch is connected" in unset.on.slack.workspace.channel("#alerts").messages[-1].text
    assert [] == [secret for secret in (BOT_TOKEN, APP_TOKEN, baseten) if secret in ended.err]
    assert "manifest_yaml=" in ended.err
    assert "Start the bot with `trainwatch serve`" in ended.err
    unused = ("FIREWORKS_", "RIVERGEN_")
    environment = {name: text for name, text in unset.environment.items() if not name.startswith(unused)}
    assert 0 == (await Machine(unset.on, unset.folder, environment).run("check")).code


async def test_every_wrong_input_is_explained_and_asked_for_again(unset: Machine) -> None:
    bot_tokens = ("", APP_TOKEN, "xoxp-1", "hello", "xoxb-unknown", "xoxb-de mo", f"Bearer {BOT_TOKEN}")
    app_tokens = (BOT_TOKEN, "xapp-unknown", f'"{APP_TOKEN}"')
    keys = ("wrong-key-0123456789", unset.on.keys.baseten, "", "")
    databases = ("mysql://u:hunter22@h/d", "")
    channels = ("no such channel", "#nowhere", "#random", "#alerts")
    ended = await init(unset, "", *bot_tokens, *app_tokens, *keys, *databases, *channels)
    expected = (
        "Nothing was entered", "Set it as SLACK_APP_TOKEN", "This is a user token", "does not start with xoxb-",
        "invalid_auth", "contains a space", "SLACK_APP_TOKEN does not start with xapp-", "rejected the API key",
        "FAIL Database", "not the name of a channel", "Check its name", "type /invite @trainwatch in that channel",
    )  # fmt: skip
    assert [] == [text for text in expected if text not in ended.err]
    assert 0 == ended.code
    assert "hunter22" not in ended.err
    assert {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "BASETEN_API_KEY"} == set(saved(unset))


async def test_a_second_run_keeps_what_works_and_asks_for_the_rest(unset: Machine) -> None:
    (unset.folder / ".env").write_text(f"# mine\nSLACK_BOT_TOKEN={BOT_TOKEN}\nSLACK_APP_TOKEN=xapp-old\nOTHER=1\n")
    (unset.folder / ".env").chmod(0o644)
    stopped = await init(unset, APP_TOKEN)
    assert (1, "run `trainwatch init` again" in stopped.err) == (stopped.code, True)
    text = (unset.folder / ".env").read_text()
    assert f"# mine\nSLACK_BOT_TOKEN={BOT_TOKEN}\nSLACK_APP_TOKEN={APP_TOKEN}\nOTHER=1\n" == text
    assert 0o600 == stat.S_IMODE((unset.folder / ".env").stat().st_mode)
    ended = await init(unset, "", "", unset.on.keys.rivergen, "", "")
    assert 0 == ended.code
    assert "SLACK_BOT_TOKEN is set and works" in ended.err
    assert unset.on.keys.rivergen == saved(unset)["RIVERGEN_API_KEY"]


async def test_a_broken_variable_of_the_environment_is_named(unset: Machine) -> None:
    ended = await init(unset, APP_TOKEN, "", "", "", "", SLACK_BOT_TOKEN="xoxb-unknown")
    assert 1 == ended.code
    assert "SLACK_BOT_TOKEN comes from the environment, which has priority over .env." in ended.err
    assert "No platform is connected" in ended.err
    assert "SLACK_BOT_TOKEN" not in saved(unset)


async def test_http_mode_asks_for_the_signing_secret(unset: Machine) -> None:
    (unset.folder / ".env").write_text("TRAINWATCH_SLACK_MODE=http\n")
    secret = "0123456789abcdef" * 2
    await init(unset, "", BOT_TOKEN, "too-short", secret)
    assert secret == saved(unset)["SLACK_SIGNING_SECRET"]
    assert "SLACK_APP_TOKEN" not in saved(unset)


async def test_missing_scopes_are_named(tmp_path: Path) -> None:
    slack = create_slack(scopes=("commands", "app_mentions:read"))
    async with machine_at(tmp_path, slack=slack) as machine:
        del machine.environment["SLACK_BOT_TOKEN"]
        ended = await init(machine, "", BOT_TOKEN)
    assert "missing: " in ended.err
    assert "chat:write (to post alerts" in ended.err
    assert not (tmp_path / ".env").exists()


async def test_a_terminal_does_not_show_a_token(unset: Machine) -> None:
    """Through a real terminal, as a person types."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *unset.program, "init",
        cwd=unset.folder, env=unset.process_environment(), stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = ""
    for expected, answer in (("Press Enter", ""), ("not shown while you paste", BOT_TOKEN)):
        while expected not in seen:
            seen += (await asyncio.to_thread(os.read, ours, 4096)).decode()
        os.write(ours, f"{answer}\n".encode())
    while "Saved as SLACK_BOT_TOKEN" not in seen:
        seen += (await asyncio.to_thread(os.read, ours, 4096)).decode()
    process.kill()
    await process.wait()
    os.close(ours)
    assert BOT_TOKEN not in seen


def test_the_link_holds_the_whole_manifest() -> None:
    query = parse_qs(urlsplit(creation_url()).query)
    assert ["1"] == query["new_app"]
    expected = yaml.safe_load((REPOSITORY / "manifest.yml").read_text())
    assert expected == yaml.safe_load(query["manifest_yaml"][0])


@pytest.mark.parametrize("value", ["plain", "it's \\ $HOME #x", 'say "x"', "postgresql://u:p%40@h/d?a=b", "ünï"])
def test_a_saved_value_reads_back(value: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b'\xef\xbb\xbfA=1\n# kept\nB="x y"')
    save_setting("VALUE", value, tmp_path)
    save_setting("VALUE", value, tmp_path)
    expected = {"A": "1", "B": "x y", "VALUE": value}
    assert expected == dotenv_values(tmp_path / ".env", encoding="utf-8-sig")


def test_a_value_that_would_read_back_as_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Set VALUE in the environment"):
        save_setting("VALUE", "pa${HOME}ss", tmp_path)
    assert {} == dotenv_values(tmp_path / ".env")
