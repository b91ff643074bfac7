"""Find the providers that are installed and build them from the settings; turn what a person typed into a JobRef.

A provider is an entry point of the group `trainwatch.providers`, ours and a third party's alike (docs/providers.md).
One that cannot be built is kept as a problem with its reason and does not stop the others. What a provider is:
`bot.providers.base`.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint
from importlib.metadata import entry_points as installed_entry_points

from bot.domain.jobs import JobRef
from bot.errors import ConfigError, UsageError
from bot.providers.base import (
    Priority,
    Provider,
    ReportsRequestRate,
    RequestRate,
    SupportsPriority,
    settings_prefix,
)
from bot.providers.http.limiter import LimiterPool

GROUP = "trainwatch.providers"

_SHOWN = 80


def build_registry(config: Mapping[str, str], entry_points: Iterable[EntryPoint] | None = None) -> Registry:
    """Build every provider that is installed.

    Args:
        config: all settings, names in any case; a provider sees those that begin with the first word of its name.
        entry_points: what is installed; None asks Python's package metadata.
    """
    offered: dict[str, set[str]] = {}
    points: dict[str, EntryPoint] = {}
    for point in installed_entry_points(group=GROUP) if entry_points is None else entry_points:
        offered.setdefault(point.name, set()).add(point.value)
        points[point.name] = point
    providers: dict[str, Provider] = {}
    problems: dict[str, ConfigError] = {}
    limiters = LimiterPool()
    for name, point in sorted(points.items()):
        try:
            if len(offered[name]) > 1:
                packages = " and ".join(sorted(offered[name]))
                raise ConfigError(f"Two packages offer a provider named {name} ({packages}). Uninstall one of them.")
            providers[name] = _build(point, config, limiters)
        except ConfigError as problem:
            problems[name] = problem
    return Registry(providers, problems)


class Registry:
    """The providers that can be used, by name, and why the others cannot."""

    def __init__(self, providers: Mapping[str, Provider], problems: Mapping[str, ConfigError]) -> None:
        self._providers = dict(providers)
        self._for_polling = {
            name: provider.with_priority(Priority.BACKGROUND) if isinstance(provider, SupportsPriority) else provider
            for name, provider in providers.items()
        }
        self.problems: Mapping[str, ConfigError] = dict(problems)
        """Installed but not usable: name → what to do about it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the usable providers, in alphabetical order."""
        return tuple(sorted(self._providers))

    def get(self, name: str, priority: Priority = Priority.INTERACTIVE) -> Provider:
        """Return the provider of this name, bound to a priority if it supports one.

        Raises:
            ConfigError: it is installed, but not set up.
            UsageError: there is none; suggests the nearest.
        """
        providers = self._providers if priority is Priority.INTERACTIVE else self._for_polling
        if name in providers:
            return providers[name]
        if name in self.problems:
            raise self.problems[name]
        raise UsageError(f"There is no platform named “{_cut(name)}”. {self._suggestion(name)}")

    def resolve(self, text: str) -> tuple[Provider, JobRef]:
        """Read a reference (`provider:id`) or a dashboard URL.

        Raises:
            ConfigError: the provider is installed, but not set up.
            UsageError: nothing reads like this; names the forms that do.
        """
        typed = text.strip()
        if "://" in typed:
            return self._resolve_url(typed)
        name, colon, job_id = typed.partition(":")
        name = name.strip().lower()
        if not colon and name not in self._providers and name not in self.problems:
            raise UsageError(f"“{_cut(typed)}” names no platform: a job is `platform:id`. {self._known()}")
        provider = self.get(name)
        ref = provider.parse_ref(job_id.strip()) if job_id.strip() else None
        if ref is None:
            raise UsageError(f"“{_cut(typed)}” is no {name} reference. Write {provider.ref_help}.")
        return provider, ref

    def request_rates(self) -> Mapping[str, RequestRate]:
        """How hard each platform is asked by this process; those that cannot tell are left out."""
        return {
            name: one.request_rate()
            for name, one in sorted(self._providers.items())
            if isinstance(one, ReportsRequestRate)
        }

    async def aclose(self) -> None:
        """Close the connections of all providers."""
        await asyncio.gather(*(provider.aclose() for provider in self._providers.values()))

    def _resolve_url(self, url: str) -> tuple[Provider, JobRef]:
        for name in self.names:
            ref = self._providers[name].parse_ref(url)
            if ref is not None:
                return self.get(ref.provider), ref
        text = f"No platform that is set up knows the address {_cut(url)}. {self._forms()}"
        if self.problems:
            text += f" Not set up: {', '.join(sorted(self.problems))}."
        raise UsageError(text)

    def _suggestion(self, name: str) -> str:
        known = sorted({*self._providers, *self.problems})
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
        return f"Did you mean {near[0]}?" if near else self._known()

    def _known(self) -> str:
        """Few words for who does not know the first one; the form of an id is told once that is right."""
        if not self.names:
            return self._forms()
        return f"There are {', '.join(self.names)}; `jobs` lists what runs there."

    def _forms(self) -> str:
        forms = [self._providers[name].ref_help for name in self.names]
        if not forms:
            return "No platform is set up; `trainwatch check` says what each one needs."
        return f"Write {' or '.join(forms)}, or a dashboard URL."


def _build(point: EntryPoint, config: Mapping[str, str], limiters: LimiterPool) -> Provider:
    prefix = settings_prefix(point.name)
    own = {key.lower(): value for key, value in config.items() if key.lower().startswith(f"{prefix}_")}
    try:
        create = point.load()
    except (ImportError, AttributeError, SyntaxError) as error:
        raise ConfigError(f"The provider {point.name} cannot be loaded from {point.value}: {error}.") from error
    try:
        provider: Provider = create(own, limiters)
    except (ValueError, TypeError, LookupError, OSError) as error:
        # A foreign factory may not know our errors. Its text may quote a key, so only its type is shown.
        reason = type(error).__name__
        text = f"The provider {point.name} rejected its settings ({reason}). Check the {prefix.upper()}_ variables."
        raise ConfigError(text) from error
    if provider.name != point.name:
        raise ConfigError(f"The provider {point.name} calls itself {provider.name}: its package must be mended.")
    return provider


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
