"""Typed state that a rule or the watcher keeps between polls, and its form in the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from bot.domain.alerts import Memory, Verdict
from bot.rules.rule import Condition, Context

State = TypeVar("State")
StatefulCondition = Callable[[Context, State], tuple[Verdict, State]]


def load_state(memory: Memory, kind: type[State]) -> State:
    """Read what `dump_state` returned; return empty state if it is missing or cannot be read."""
    try:
        return msgspec.convert(memory, kind)
    except msgspec.ValidationError:
        return kind()


def dump_state(state: object) -> dict[str, object]:
    """Convert state to values that JSON can hold."""
    memory: dict[str, object] = msgspec.to_builtins(state)
    return memory


def with_state(kind: type[State]) -> Callable[[StatefulCondition[State]], Condition]:
    """Decorate a function of a context and typed state, so that it becomes a Condition."""

    def decorate(judge: StatefulCondition[State]) -> Condition:
        def condition(context: Context) -> tuple[Verdict, Memory]:
            before = load_state(context.memory, kind)
            verdict, after = judge(context, before)
            return verdict, context.memory if after == before else dump_state(after)

        condition.__doc__ = judge.__doc__
        return condition

    return decorate
