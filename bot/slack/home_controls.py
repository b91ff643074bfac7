"""The controls of App Home."""

from collections.abc import Callable
from dataclasses import replace

from bot.domain.dashboard import HomeFilter
from bot.slack.payloads import HomeClick
from bot.slack.render.home import HomeAction


def filter_change(click: HomeClick) -> Callable[[HomeFilter], HomeFilter] | None:
    """How a click changes what the person chose to see; None: not at all."""
    match click.action:
        case HomeAction.SCOPE:
            return lambda chosen: replace(chosen, scope=click.value)
        case HomeAction.FAILING:
            return lambda chosen: replace(chosen, failing_only=click.value == "failing")
        case _:
            return None
