"""Load the system's certificates when a TLS connection needs them, not when a library is imported.

aiohttp creates two default contexts when it is imported, and each reads all certificates: a fifth of the CPU of a
command. Inside `lazy_certificates`, a new context reads them before its first connection instead.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager


class LazyContext(ssl.SSLContext):
    """A context that reads the system's certificates before its first connection."""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Read the certificates, once, and start a TLS connection, as asyncio does."""
        self.__class__ = ssl.SSLContext  # type: ignore[assignment]
        self.load_default_certs()
        return self.wrap_bio(incoming, outgoing, server_side, server_hostname, session)


@contextmanager
def lazy_certificates() -> Iterator[None]:
    """Make the contexts that are created inside lazy. Only for an import, before other threads create contexts."""
    created: list[ssl.SSLContext] = []

    def postpone(context: ssl.SSLContext, purpose: object = None) -> None:
        created.append(context)

    load = ssl.SSLContext.load_default_certs
    ssl.SSLContext.load_default_certs = postpone  # type: ignore[method-assign, assignment]
    ssl.SSLContext.set_default_verify_paths = postpone  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        ssl.SSLContext.load_default_certs = load  # type: ignore[method-assign]
        del ssl.SSLContext.set_default_verify_paths  # the inherited method is back
        for context in created:
            context.__class__ = LazyContext
