"""The provider `rivergen`: state, logs, log artifacts and metrics of training runs."""

from bot.providers.rivergen.provider import create

__all__ = ["create"]
