"""`trainwatch init`: connect a workspace and the platforms, step by step. Each accepted value is saved at once.

Running it again keeps what works and asks for the rest.
"""

import asyncio
import sys
import webbrowser
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path

from bot.domain.checks import CheckResult
from bot.environment import process_variables, provider_config
from bot.errors import BotError
from bot.guided_setup.app_page import creation_url
from bot.guided_setup.env_file import save_setting
from bot.guided_setup.platform_steps import platform_questions
from bot.guided_setup.prompts import Prompter
from bot.guided_setup.questions import ask_setting, show
from bot.guided_setup.slack_steps import send_test_message, slack_questions
from bot.settings import Settings, load_settings
from bot.store.migrate import upgrade
from bot.terminal.width import terminal_width

_STEPS = 5
_PIPE_WIDTH, _MAX_WIDTH = 80, 100


def standard_prompter() -> Prompter:
    """Ask on standard error, and read hidden values from the terminal if there is one."""
    width = terminal_width(process_variables(), sys.stderr) or _PIPE_WIDTH
    return Prompter(sys.stdin, sys.stderr, getpass if sys.stdin.isatty() else None, min(width, _MAX_WIDTH))


def run_setup(prompter: Prompter, folder: Path) -> bool:
    """Ask for everything that the bot needs; whether it is ready to start.

    Raises:
        InputEnded: the input ended before the last question.
        ConfigError: `.env` cannot be written, or a setting that is there already is invalid.
    """
    return _Dialog(prompter, folder, load_settings()).run()


@dataclass(slots=True)
class _Dialog:
    prompter: Prompter
    folder: Path
    settings: Settings
    step: int = 0

    def run(self) -> bool:
        say = self.prompter.say
        say("This connects trainwatch to a Slack workspace and to your training platforms.")
        say(f"Values that work are saved in {self.folder / '.env'}, readable only by you. Ctrl-C stops at any time.")
        self._create_app()
        self._title("Slack tokens")
        tokens = [ask_setting(one, self.prompter, self.folder) for one in slack_questions(self.settings)]
        self._title("Training platforms")
        keys = [ask_setting(one, self.prompter, self.folder) for one in platform_questions()]
        if not any(keys):
            say("No platform is connected. trainwatch has nothing to watch until one is.", "  ")
        is_stored = self._database()
        self._title("Test message")
        if tokens[0]:
            self._test_message(tokens[0])
        return self._end(is_ready=all(tokens) and any(keys) and is_stored)

    def _title(self, title: str) -> None:
        self.step += 1
        self.prompter.say()
        self.prompter.say(f"{self.step} of {_STEPS}: {title}")

    def _create_app(self) -> None:
        self._title("Slack app")
        if provider_config().get("slack_bot_token"):
            self.prompter.say("The app exists: SLACK_BOT_TOKEN is set.", "  ")
            return
        url = creation_url()
        if not (_has_browser() and self._opens(url)):
            self.prompter.say("Open this page, which creates the app with everything filled in:")
            self.prompter.say()
            self.prompter.say(url)
            self.prompter.say()
        self.prompter.say("Choose your workspace, then press Next and Create.")
        self.prompter.ask("Press Enter when the app exists")

    def _opens(self, url: str) -> bool:
        if not self.prompter.confirm("Open Slack's page that creates the app, with everything filled in?"):
            return False
        return webbrowser.open(url)

    def _database(self) -> bool:
        """Create the tables; ask for another database until one works."""
        self._title("Database")
        url = self.settings.database_url.get_secret_value()
        if "database_url" not in provider_config():
            self.prompter.say("Subscriptions and alerts are kept in a file, or in PostgreSQL (postgresql://...).")
            url = self.prompter.ask("Database URL", url)
        while True:
            try:
                asyncio.run(upgrade(url))
            except BotError as problem:
                show([CheckResult("Database", False, problem.public)], self.prompter)
                if "database_url" in process_variables():
                    self.prompter.say("DATABASE_URL comes from the environment. Fix it there.")
                    return False
                url = self.prompter.ask("Database URL", Settings().database_url.get_secret_value())
                continue
            if url != self.settings.database_url.get_secret_value():
                save_setting("DATABASE_URL", url, self.folder)
            show([CheckResult("Database", True, "its tables are up to date")], self.prompter)
            return True

    def _test_message(self, token: str) -> None:
        self.prompter.say("In Slack, type /invite @trainwatch in a channel. Then name the channel here.")
        while channel := self.prompter.ask("Channel for a test message, such as #training (Enter to skip)"):
            result = send_test_message(channel, token, self.settings.slack_api_url)
            show([result], self.prompter)
            if result.ok:
                return

    def _end(self, *, is_ready: bool) -> bool:
        say = self.prompter.say
        if not is_ready:
            say()
            say("Not everything is connected yet. `trainwatch check` lists what is missing.")
            return False
        say()
        say("Ready. Start the bot with `trainwatch serve`, then type /train jobs in Slack.")
        say("Keep .env out of version control: it holds your keys.")
        return True


def _has_browser() -> bool:
    """Whether a browser can open a window here."""
    return sys.platform in ("darwin", "win32") or bool({"display", "wayland_display"} & process_variables().keys())
