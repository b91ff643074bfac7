"""The provider `fireworks`: state and logs of batch jobs."""

from bot.providers.fireworks.provider import create

__all__ = ["create"]
