"""The steps for the training platforms: one key for each."""

import asyncio
from collections.abc import Sequence

from bot.commands.handlers.platform_check import check_platform
from bot.domain.checks import CheckResult
from bot.environment import provider_config
from bot.guided_setup.questions import Question
from bot.providers.base import settings_prefix
from bot.providers.registry import build_registry


def platform_questions() -> Sequence[Question]:
    """One optional question for each vendor; one key serves all its platforms (`baseten` and `baseten-model`)."""
    config = provider_config()
    without_keys = {name: value for name, value in config.items() if not name.endswith("_api_key")}
    registry = build_registry(without_keys)
    vendors = {settings_prefix(name): problem.public for name, problem in sorted(registry.problems.items())}
    asyncio.run(registry.aclose())
    return [_question(vendor, problem) for vendor, problem in vendors.items()]


def _question(vendor: str, problem: str) -> Question:
    variable = f"{vendor.upper()}_API_KEY"
    where = problem.removeprefix(f"{variable} is not set. ")
    return Question(
        variable, variable, where, lambda key: asyncio.run(_verify(variable, key, vendor)), is_optional=True
    )


async def _verify(variable: str, key: str, vendor: str) -> list[CheckResult]:
    """List one job of each of the vendor's platforms with this key."""
    registry = build_registry({**provider_config(), variable.lower(): key})
    try:
        names = [name for name in registry.names if settings_prefix(name) == vendor]
        refused = [
            CheckResult(name, False, problem.public)
            for name, problem in registry.problems.items()
            if settings_prefix(name) == vendor
        ]
        results = [*refused, *await asyncio.gather(*(check_platform(registry, name) for name in names))]
        return [one for one in results if not one.ok][:1] or results  # one key, one problem
    finally:
        await registry.aclose()
