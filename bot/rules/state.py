"""What rules and the watcher keep between polls: typed state to JSON-able memory and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from bot.domain.alerts import Memory, Verdict
from bot.rules.rule import Condition, Context

State = TypeVar("State")


def load_state(memory: Memory, kind: type[State]) -> State:
    """Read state that `dump_state` wrote; start afresh where it is missing or cannot be read."""
    try:
        return msgspec.convert(memory, kind)
    except msgspec.ValidationError:
        return kind()


def dump_state(state: object) -> dict[str, object]:
    """Turn state into values that JSON can hold."""
    memory: dict[str, object] = msgspec.to_builtins(state)
    return memory


def with_state(kind: type[State]) -> Callable[[Callable[[Context, State], tuple[Verdict, State]]], Condition]:
    """Make a Condition of a function that takes and returns typed state."""

    def wrap(judge: Callable[[Context, State], tuple[Verdict, State]]) -> Condition:
        def condition(context: Context) -> tuple[Verdict, Memory]:
            before = load_state(context.memory, kind)
            verdict, after = judge(context, before)
            return verdict, context.memory if after is before else dump_state(after)

        condition.__doc__ = judge.__doc__
        return condition

    return wrap
