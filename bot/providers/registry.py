"""Find the installed providers, create them from the settings, and resolve job references.

A provider is an entry point of the group `trainwatch.providers` (docs/providers.md). It is imported and created when it
is first needed. One that cannot be created becomes a problem with a reason and does not stop the others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import EntryPoint
from importlib.metadata import entry_points as installed_entry_points

from bot.domain.jobs import JobRef
from bot.errors import ConfigError, UsageError
from bot.providers.base import Priority, Provider, ReportsRequestRate, RequestRate, SupportsPriority, settings_prefix
from bot.providers.http.retry import LimiterPool

GROUP = "trainwatch.providers"
CreateProvider = Callable[[], Provider]
"""Imports and creates a provider; raises ConfigError when that is not possible."""
_MAX_SHOWN = 80


def build_registry(config: Mapping[str, str], entry_points: Iterable[EntryPoint] | None = None) -> Registry:
    """Return a registry of every installed provider.

    Args:
        config: all settings, names in any case; a provider gets those with its own prefix (`settings_prefix`).
        entry_points: the installed providers; None reads Python's package metadata.
    """
    points: dict[str, dict[str, EntryPoint]] = {}
    for point in installed_entry_points(group=GROUP) if entry_points is None else entry_points:
        points.setdefault(point.name, {})[point.value] = point
    limiters = LimiterPool()
    return Registry({}, {}, {name: partial(_create, same, config, limiters) for name, same in points.items()})


class Registry:
    """The usable providers by name, and the reason why others are not usable."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        problems: Mapping[str, ConfigError],
        uncreated: Mapping[str, CreateProvider] | None = None,
    ) -> None:
        self._providers = dict(providers)
        self._for_polling: dict[str, Provider] = {}
        self._problems = dict(problems)
        self._uncreated = dict(uncreated or {})

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the usable providers, in alphabetical order. Creates all of them."""
        return tuple(sorted(self._all()))

    @property
    def problems(self) -> Mapping[str, ConfigError]:
        """Installed but not usable: name → error with the fix."""
        self._all()
        return dict(sorted(self._problems.items()))

    def get(self, name: str, priority: Priority = Priority.INTERACTIVE) -> Provider:
        """Return the provider of this name, bound to a priority if it supports one.

        Raises:
            ConfigError: it is installed but not set up.
            UsageError: it does not exist; suggests the nearest name.
        """
        provider = self._find(name)
        if provider is None:
            raise UsageError(f"There is no platform named `{_cut(name)}`. {self._suggestion(name)}")
        if priority is Priority.INTERACTIVE or not isinstance(provider, SupportsPriority):
            return provider
        if name not in self._for_polling:
            self._for_polling[name] = provider.with_priority(Priority.BACKGROUND)
        return self._for_polling[name]

    def resolve(self, text: str) -> tuple[Provider, JobRef]:
        """Resolve a reference (`provider:id`) or a dashboard URL.

        Raises:
            ConfigError: the provider is installed but not set up.
            UsageError: the text is not a valid reference; names the valid forms.
        """
        typed = text.strip()
        if "://" in typed:
            return self._resolve_url(typed)
        name, colon, job_id = typed.partition(":")
        name = name.strip().lower()
        if not colon and name not in self._installed():
            raise UsageError(f"`{_cut(typed)}` is not a valid reference. Use `platform:id`. {self._known()}")
        provider = self.get(name)
        ref = provider.parse_ref(job_id.strip()) if job_id.strip() else None
        if ref is None:
            raise UsageError(f"`{_cut(typed)}` is not a valid {name} reference. Use {provider.ref_help}.")
        return provider, ref

    def request_rates(self) -> Mapping[str, RequestRate]:
        """Return the request rate of each provider that reports one."""
        named = sorted(self._all().items())
        return {name: provider.request_rate() for name, provider in named if isinstance(provider, ReportsRequestRate)}

    async def aclose(self) -> None:
        """Close the connections of the providers that were created."""
        await asyncio.gather(*(provider.aclose() for provider in self._providers.values()))

    def _find(self, name: str) -> Provider | None:
        """Return the provider of this name, created if needed; None if it is not installed.

        Raises:
            ConfigError: it cannot be created.
        """
        create = self._uncreated.pop(name, None)
        if create is not None:
            try:
                self._providers[name] = create()
            except ConfigError as problem:
                self._problems[name] = problem
        if name in self._problems:
            raise self._problems[name]
        return self._providers.get(name)

    def _all(self) -> Mapping[str, Provider]:
        """Create every provider; return the usable ones."""
        for name in sorted(self._uncreated):
            with contextlib.suppress(ConfigError):
                self._find(name)
        return self._providers

    def _installed(self) -> set[str]:
        return {*self._providers, *self._problems, *self._uncreated}

    def _resolve_url(self, url: str) -> tuple[Provider, JobRef]:
        for _, provider in sorted(self._all().items()):
            if (ref := provider.parse_ref(url)) is not None:
                return self.get(ref.provider), ref
        unusable = f" Not set up: {', '.join(self.problems)}." if self.problems else ""
        raise UsageError(f"No configured platform has the URL {_cut(url)}. {self._forms()}{unusable}")

    def _suggestion(self, name: str) -> str:
        import difflib  # noqa: PLC0415 - only for errors

        near = difflib.get_close_matches(name.lower(), sorted(self._installed()), n=1)
        return f"Did you mean {near[0]}?" if near else self._known()

    def _known(self) -> str:
        """Name the platforms, without the forms of their ids: those come with the next error."""
        return f"Platforms: {', '.join(self.names)}. `jobs` lists their jobs." if self.names else self._forms()

    def _forms(self) -> str:
        forms = [provider.ref_help for _, provider in sorted(self._all().items())]
        if not forms:
            return "No platform is set up. Run `trainwatch check` to see what each one needs."
        return f"Use {' or '.join(forms)}, or a dashboard URL."


def _create(offered: Mapping[str, EntryPoint], config: Mapping[str, str], limiters: LimiterPool) -> Provider:
    """Import and create the provider of an entry point; `offered` has those of one name, by their value."""
    point = next(iter(offered.values()))
    if len(offered) > 1:
        packages = " and ".join(sorted(offered))
        raise ConfigError(f"Two packages offer a provider named {point.name} ({packages}). Uninstall one of them.")
    prefix = settings_prefix(point.name)
    own = {key.lower(): value for key, value in config.items() if key.lower().startswith(f"{prefix}_")}
    try:
        create = point.load()
    except (ImportError, AttributeError, SyntaxError) as error:
        raise ConfigError(f"The provider {point.name} cannot be loaded from {point.value}: {error}.") from error
    try:
        provider: Provider = create(own, limiters)
    except (ValueError, TypeError, LookupError, OSError) as error:
        # A third party's factory may raise other errors. Their text may quote a key, so only the type is shown.
        reason = type(error).__name__
        text = f"The provider {point.name} rejected its settings ({reason}). Check the {prefix.upper()}_ variables."
        raise ConfigError(text) from error
    if provider.name != point.name:
        raise ConfigError(f"The provider {point.name} reports the name {provider.name}. This is a bug in its package.")
    return provider


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
