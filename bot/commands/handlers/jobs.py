"""`jobs`: the newest jobs of each platform."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.commands.subcommands.jobs import JobsAnswer, JobsCommand, ProviderJobs
from bot.errors import ConfigError, NotSupported, ProviderError
from bot.providers.base import Provider
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job


async def list_jobs(registry: Registry, command: JobsCommand, redactor: Redactor) -> JobsAnswer:
    """List the newest jobs of each platform, concurrently. A platform that fails does not affect the others.

    Raises:
        ConfigError: the named platform, or every platform, is not set up.
        UsageError: the named platform does not exist.
    """
    providers = _select(registry, command.provider)
    return JobsAnswer(tuple(await asyncio.gather(*(_list(one, command.limit, redactor) for one in providers))))


def _select(registry: Registry, name: str | None) -> Sequence[Provider]:
    if name is not None:
        return [registry.get(name)]
    if not registry.names:
        reasons = " ".join(dict.fromkeys(problem.public for problem in registry.problems.values()))
        raise ConfigError(f"No platform is set up. {reasons}".strip())
    return [registry.get(one) for one in registry.names]


async def _list(provider: Provider, limit: int, redactor: Redactor) -> ProviderJobs:
    try:
        jobs = await provider.list_jobs(limit=limit)
    except ProviderError as error:
        problem = redactor.redact(error.public)[0]
        return ProviderJobs(provider.name, problem=problem, lists=not isinstance(error, NotSupported))
    return ProviderJobs(provider.name, tuple(redact_job(job, redactor) for job in jobs[:limit]))
