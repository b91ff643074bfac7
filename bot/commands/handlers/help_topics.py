"""Help by topic for Slack: a short first screen, and for each topic its commands with examples to press. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.commands.parsing.help import help_answer
from bot.commands.parsing.parser import parse
from bot.commands.parsing.tokenizer import quote
from bot.commands.permissions import required_role
from bot.commands.subcommands.spec import Frontend
from bot.commands.subcommands.table import HelpAnswer, HelpCommand, subcommands
from bot.domain.access import AccessRole
from bot.domain.jobs import JobRef
from bot.errors import UsageError

_PREFIX = f"{Frontend.SLACK.value} "
_EXAMPLE_JOBS = ("JOB", "baseten:lq4j9zm/8w6y2n")
"""What stands for a job in examples."""


@dataclass(frozen=True, slots=True)
class HelpTopic:
    """What belongs together for somebody who looks for help."""

    name: str
    title: str
    text: str
    commands: tuple[str, ...]
    examples: tuple[tuple[str, str], ...]
    """(without `/train`, what it shows); `JOB` becomes a real job."""


TOPICS = (
    HelpTopic(
        "start",
        "First steps",
        "Find a job, watch it in a channel, and wait for a message. You can also ask in plain words: "
        "`@trainwatch why did JOB fail?`, also in the thread of an alert.",
        ("jobs", "watch", "status"),
        (
            ("jobs running", "the jobs that run now"),
            ("status JOB", "how far a job is"),
            ("watch JOB", "get its alerts in this channel"),
            ("list", "what this channel watches"),
        ),
    ),
    HelpTopic(
        "reading",
        "Logs and metrics",
        "Answers are private until you press Share in channel. `help logs` lists every filter.",
        ("logs", "metrics", "status", "diagnose"),
        (
            ("logs JOB --level error", "its errors"),
            ("logs JOB --since 10m --include loss", "lines of the last ten minutes with a word"),
            ("metrics JOB --since 1h", "GPUs, memory and loss of the last hour"),
            ("diagnose JOB", "what broke, where, and what to try"),
        ),
    ),
    HelpTopic(
        "alerts",
        "Alerts",
        "One message per problem, kept up to date. A channel watches jobs; rules decide what is a problem.",
        ("watch", "unwatch", "list", "silence", "rules"),
        (
            ("list", "what this channel watches and has silenced"),
            ("rules", "the rules and their settings"),
            ("rules test JOB", "which alerts its past would have raised"),
            ("watch JOB", "get its alerts in this channel"),
            ("silence 1h JOB", "no alerts of a job for an hour"),
        ),
    ),
    HelpTopic(
        "people",
        "People and reminders",
        "Acknowledge on an alert makes it yours and stops reminders. Each channel chooses whom its alerts mention.",
        ("notify", "digest"),
        (
            ("notify", "whom alerts here mention and remind"),
            ("digest", "which summary of its runs this channel gets"),
            ("jobs mine", "the jobs that you started"),
            ("notify me dm", "a direct message for alerts of your own jobs"),
        ),
    ),
    HelpTopic(
        "setup",
        "Setup",
        "If something does not work in a channel, start with `check`: it names who can fix it.",
        ("check", "audit"),
        (("check", "what is misconfigured here"), ("audit", "who did what in this channel")),
    ),
)
ALL_COMMANDS = "all"
_BUTTONS = (*((one.name, one.title) for one in TOPICS), (ALL_COMMANDS, "All commands"))


def slack_help(command: HelpCommand) -> HelpAnswer:
    """The first screen, a topic, all commands or one of them.

    Raises:
        UsageError: there is neither a topic nor a subcommand of this name.
    """
    if command.topic is None:
        return _first_screen()
    topic = next((one for one in TOPICS if one.name == command.topic), None)
    if topic is not None:
        return _explain_topic(topic)
    answer = help_answer(HelpCommand(None if command.topic == ALL_COMMANDS else command.topic), Frontend.SLACK)
    return replace(answer, topics=_BUTTONS)


def _first_screen() -> HelpAnswer:
    """What trainwatch does in a sentence, the topics, and three examples."""
    start, reading = TOPICS[0], TOPICS[1]
    return HelpAnswer(
        topic=None,
        usage=f"{_PREFIX}COMMAND",
        description="One message when a training job fails, hangs or leaves its GPUs idle, kept up to date. "
        "Type a command, press a button, or ask in plain words: `@trainwatch why did JOB fail?`",
        rows=(),
        examples=tuple((_PREFIX + text, meaning) for text, meaning in (*start.examples[:2], reading.examples[0])),
        topics=_BUTTONS,
    )


def _explain_topic(topic: HelpTopic) -> HelpAnswer:
    rows = [one for one in subcommands(Frontend.SLACK) if one.name in topic.commands]
    return HelpAnswer(
        topic=topic.title,
        usage=f"{_PREFIX}{' | '.join(topic.commands)}",
        description=topic.text,
        rows=tuple((f"{one.name} {one.positionals}".rstrip(), one.help) for one in rows),
        examples=tuple((_PREFIX + text, meaning) for text, meaning in topic.examples),
        topics=_BUTTONS,
    )


def with_real_job(answer: HelpAnswer, job: JobRef | None) -> HelpAnswer:
    """Put a job that exists into the examples, and note which of them may be pressed: those that only read."""
    examples = [(_fill(text, job), meaning) for text, meaning in answer.examples]
    return replace(
        answer,
        description=_fill(answer.description, job),
        examples=tuple(examples),
        pressable=tuple(_pressable(text for text, _ in examples)),
    )


def _fill(text: str, job: JobRef | None) -> str:
    for placeholder in _EXAMPLE_JOBS if job is not None else ():
        text = text.replace(placeholder, quote(str(job)))
    return text


def _pressable(examples: Iterable[str]) -> Iterable[str]:
    for text in examples:
        try:
            command = parse(text.removeprefix(_PREFIX))
        except UsageError:  # it needs the person's time zone, for example
            continue
        has_placeholder = any(one in text for one in _EXAMPLE_JOBS)
        if not has_placeholder and required_role(command) <= AccessRole.READ and not isinstance(command, HelpCommand):
            yield text
