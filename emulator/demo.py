"""``make demo``: the emulated clouds and Slack, and the real bot as a separate process, until Ctrl-C.

The bot is started as anyone would start it, with settings that lead to the emulator and a database in a temporary
folder. Then somebody subscribes the channel to the stories, so that alerts arrive within a minute.
"""

import argparse
import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from emulator.demo_clock import DemoClock
from emulator.demo_messages import post_messages
from emulator.director import Director
from emulator.sandbox import Sandbox, sandbox
from emulator.scenarios import SCENARIOS
from emulator.slack.app import create_slack
from emulator.slack.manifest import read_scopes
from emulator.stories import start_stories
from emulator.world import World

PACE: Mapping[str, str] = {
    "TRAINWATCH_POLL_INTERVAL": "2s",
    "TRAINWATCH_DRAIN": "8s",
    "TRAINWATCH_OVERLAP": "20s",
    "TRAINWATCH_LEASE": "1h",  # time may move 10 minutes in seconds, while a message is on its way
    "TRAINWATCH_LOG_LEVEL": "warning",
}
"""Settings that compress hours into a minute."""

IDLE = "low_gpu_utilization.for=15s low_gpu_utilization.warmup=0s"
SUBSCRIPTIONS = (
    ("#training", "baseten:p7qr9qv/oom3r8x"),
    ("#training", f"baseten:p7qr9qv/idle5gp {IDLE}"),
    ("#training", "baseten:p7qr9qv/hang7nd"),
    ("#training", "fireworks:acme/code-sft-r2"),
    ("#training", "baseten:p7qr9qv/end2end notify=all queued=10s"),
    ("#alerts", "baseten:p7qr9qv/preem4t"),
    ("#alerts", "rivergen:mdl-churn/run-c93f5a"),
    ("#alerts", "baseten-model:qwen7b1/srv4ce1"),
    ("#alerts", "baseten-model:qwen7b1/unh2lth"),
)
"""Few enough in each channel for Slack's one message a second: the first alert comes two seconds later."""

WELCOME = """
  trainwatch demo: emulated clouds, an emulated Slack, and the real bot.

    {url}

  Above the channel there is a bar of stories: press one, then move time forward to its next event. The platforms,
  Slack and the bot move together. Without a browser: make demo STORY=hang, or python -m emulator.demo --list-stories.

  In #training and #alerts, within a minute: an out-of-memory, idle GPUs, a corrupt file, a lost spot machine, a
  diverged loss, failing requests. After a minute and a half the idle GPUs and the sick deployment recover, and their
  messages say so. gpt-oss-rlhf hangs at once; that alert takes five minutes, so that no slow step is called a hang.

  Click trainwatch in the sidebar for App Home: open alerts, running jobs, silences. Watch a job there in three taps.

  In the page, type for example:

    /train jobs
    /train logs baseten:p7qr9qv/oom3r8x --grep "(?i)out of memory"
    /train metrics baseten:p7qr9qv/multi2n --since 1h
    /train help
    @trainwatch why did mistral-long-context die

  In #alerts, chen has posted a log: choose "Diagnose this log" in the menu of the message (⋯). A log can also be
  pasted or attached (the clip) in a mention or in a direct message to trainwatch.

  The bot's own health and metrics, among them the latency of alerts:

    {health}/readyz
    {health}/metrics

  A shell can ask the same clouds:

    set -a; . {shell}; set +a
    .venv/bin/trainwatch jobs

  Ctrl-C stops everything.
"""


@contextlib.asynccontextmanager
async def bot_process(
    settings: Mapping[str, str], folder: Path, program: Sequence[str] = ("bot", "serve")
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``trainwatch serve`` with nothing of the caller's own settings; ends it gently, and if need be not gently."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SYSTEMROOT") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *program,
        stdin=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**kept, "PYTHONPATH": str(Path(__file__).parents[1]), **settings},
        start_new_session=True,  # Ctrl-C goes to the demo, which then stops the bot in order
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 10)
        if process.returncode is None:
            process.kill()
            await process.wait()


async def connected(on: Sandbox, process: asyncio.subprocess.Process, timeout_s: float = 60) -> None:
    """Return once the bot has opened its connection to Slack.

    Raises:
        RuntimeError: it ended instead, or took too long.
    """
    for _ in range(int(timeout_s * 10)):
        if process.returncode is not None:
            raise RuntimeError(f"The bot ended at once with exit code {process.returncode}.")
        if on.slack.sockets.connections:
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("The bot did not connect.")


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


async def begin(director: Director, story: str | None) -> None:
    """Invite the bot; then start the named story, or type the subscriptions of the demo, as ada would."""
    person_actions = director.on.slack.person_actions
    person_actions.invite_bot("ada", "#alerts")
    post_messages(person_actions)
    if story:
        await director.start("ada", story)
        return
    for channel, words in SUBSCRIPTIONS:
        await person_actions.slash("ada", channel, "/train", f"watch {words}", wait_s=10)


def move_bot(process: asyncio.subprocess.Process) -> Callable[[float], None]:
    """Return what moves the clock of a bot that ``emulator.demo_bot`` runs."""
    assert process.stdin is not None
    stdin = process.stdin
    return lambda seconds: stdin.write(f"{seconds}\n".encode())


def shell_settings(settings: Mapping[str, str], folder: Path) -> Path:
    """A file that makes a shell's `trainwatch` ask the emulated clouds."""
    file = folder / "demo.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
    return file


async def demo(port: int, story: str | None, *, agent_view: bool = False) -> None:
    """Run until cancelled."""
    clock = DemoClock()
    world = World(clock.utc_now)
    scopes = read_scopes() | ({"assistant:write"} if agent_view else set())
    slack = create_slack(scopes=scopes, clock=clock.now_s, steady=clock.system)
    with tempfile.TemporaryDirectory(prefix="trainwatch-demo-") as folder:
        async with sandbox(world, slack=slack, port=port) as on:
            own = {"DATABASE_URL": f"sqlite:///{folder}/demo.db", "TRAINWATCH_HEALTH_PORT": str(free_port())}
            settings = {**on.settings, **PACE, **own}
            director = Director(on, clock)
            async with bot_process(settings, Path(folder), ("emulator.demo_bot",)) as process:
                clock.followers.append(move_bot(process))
                await connected(on, process)
                start_stories(world, world.now)
                await begin(director, story)
                slack.context.stage = director
                health = f"http://127.0.0.1:{own['TRAINWATCH_HEALTH_PORT']}"
                shell = shell_settings(on.settings, Path(folder))
                page = f"{on.url}/#stories" if story else on.url
                print(WELCOME.format(url=page, health=health, shell=shell), flush=True)
                await play(director, process)


async def play(director: Director, process: asyncio.subprocess.Process) -> None:
    """Play the stories until cancelled.

    Raises:
        RuntimeError: the bot ended.
    """
    playing = asyncio.create_task(director.run())
    try:
        raise RuntimeError(f"The bot ended with exit code {await process.wait()}.")
    finally:
        playing.cancel()


async def main(port: int, story: str | None, *, agent_view: bool = False) -> int:
    """Run the demo until Ctrl-C, SIGTERM or the end of the terminal; returns the exit code."""
    running = asyncio.create_task(demo(port, story, agent_view=agent_view))
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # once is enough: a second Ctrl-C must not end the cleaning up
        loop.add_signal_handler(stop, lambda: running.cancelling() or running.cancel())
    try:
        await running
    except asyncio.CancelledError:
        print("Stopped.")
        return 0
    except OSError as problem:
        if problem.errno != errno.EADDRINUSE:
            raise
        print(f"Port {port} is taken. Choose another, PORT=8080 make demo, or none to get a free one.", file=sys.stderr)
        return 2
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def wanted_port(text: str) -> int:
    """The port that PORT names; 0, a free one, when it is not set.

    Raises:
        SystemExit: the text is not a valid port.
    """
    if text and not (text.isdecimal() and int(text) < 65536):
        raise SystemExit(f"Invalid PORT={text}. Use a number from 1 to 65535, or leave it out to get a free port.")
    return int(text or "0")


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read `--story`, `--agent-view` and `--list-stories`.

    Raises:
        SystemExit: an argument is invalid, or help was asked for.
    """
    parser = argparse.ArgumentParser(prog="python -m emulator.demo", description="Run the trainwatch demo.")
    parser.add_argument("--story", choices=[one.name for one in SCENARIOS], help="start with this story alone")
    parser.add_argument("--agent-view", action="store_true", help="with Slack's agent view")
    parser.add_argument("--list-stories", action="store_true", help="list the stories and exit")
    return parser.parse_args(arguments)


def run(arguments: Sequence[str]) -> int:
    """Run the demo, or list its stories; returns the exit code."""
    chosen = parse_arguments(arguments)
    if chosen.list_stories:
        print("\n".join(f"{one.name:15}{one.summary}" for one in SCENARIOS))
        return 0
    return asyncio.run(main(wanted_port(os.environ.get("PORT", "")), chosen.story, agent_view=chosen.agent_view))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
