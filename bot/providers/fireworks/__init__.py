"""Fireworks batch jobs: their state and their logs by rank.

`provider` is the adapter, `reader` pages and follows logs, `wire` reads what the gateway sends, `address` reads
references and dashboard URLs.
"""

from bot.providers.fireworks.provider import create

__all__ = ["create"]
