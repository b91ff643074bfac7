"""Ask for one setting until its value works, and save it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain.checks import CheckResult
from bot.domain.setting_values import FILE_SUFFIX, describe_damage, repair_setting
from bot.environment import process_variables, provider_config
from bot.guided_setup.env_file import save_setting
from bot.guided_setup.prompts import Prompter
from bot.terminal.render.screen import plain_line


@dataclass(frozen=True, slots=True)
class Question:
    """One setting, and how to find out whether its value works."""

    variable: str
    label: str
    """What the person is asked for."""
    where: str
    """Where to find it."""
    verify: Callable[[str], Sequence[CheckResult]]
    is_optional: bool = False


def ask_setting(question: Question, prompter: Prompter, folder: Path) -> str | None:
    """Return a value that works, saved in `.env`; None if the setting is optional and the person wants none.

    A value that is there already is kept if it works. One from the environment cannot be replaced from here.

    Raises:
        InputEnded: the input ended.
        ConfigError: `.env` cannot be written.
    """
    name = question.variable.lower()
    present = provider_config().get(name)
    if present is not None:
        if _works(question, present, prompter):
            prompter.say(f"{question.variable} is set and works.")
            return present
        if {name, f"{name}{FILE_SUFFIX}"} & process_variables().keys():
            prompter.say(f"{question.variable} comes from the environment, which has priority over .env. Fix it there.")
            return None
    prompter.say()
    prompter.say(question.where)
    while True:
        typed = prompter.ask_secret(f"{question.label}{' (Enter to skip)' if question.is_optional else ''}")
        value = repair_setting(name, typed)
        if not value and question.is_optional:
            return None
        if not value:
            prompter.say("Nothing was entered. Paste the value, or stop with Ctrl-C.", "  ")
        elif _works(question, value, prompter):
            save_setting(question.variable, value, folder)
            prompter.say(f"Saved as {question.variable} in .env.", "  ")
            return value


def _works(question: Question, value: str, prompter: Prompter) -> bool:
    """Verify a value and show what was found."""
    damage = describe_damage(question.variable.lower(), value)
    if damage is not None:
        prompter.say(f"FAIL The value {damage}", "  ")
        return False
    results = question.verify(value)
    show(results, prompter)
    return all(one.ok for one in results)


def show(results: Sequence[CheckResult], prompter: Prompter) -> None:
    """Show the first result, and each that failed or has a remedy."""
    for index, one in enumerate(results):
        if one.ok and index and not one.remedy:
            continue
        prompter.say(f"{'ok  ' if one.ok else 'FAIL'} {plain_line(one.subject)}: {plain_line(one.found)}", "  ")
        if one.remedy:
            prompter.say(plain_line(one.remedy), " " * 7)
