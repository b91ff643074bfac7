"""RiverGen training runs: their state, their logs by page and as a file, their training metrics.

`provider` is the adapter, `reader` pages and follows logs, `download` streams the artifact and mends it when it ends
early, `wire` reads what the API sends, `address` reads references and dashboard URLs, `filenames` makes names safe.
"""

from bot.providers.rivergen.provider import create

__all__ = ["create"]
