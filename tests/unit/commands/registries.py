"""A registry of platforms that are already built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.errors import ConfigError
from bot.providers.registry import Registry

if TYPE_CHECKING:
    from bot.providers.base import Provider


def registry_of(*providers: Provider, problems: Mapping[str, ConfigError] | None = None) -> Registry:
    return Registry({provider.name: provider for provider in providers}, problems or {})
