"""Every error trainwatch raises on purpose; what is not here is a bug.

    BotError                 .public: one sentence that is safe to show; nothing else of an error is ever shown
    ├── UsageError           what was typed cannot be read; carries the usage line     not retried; told to the asker
    ├── ProviderError        .provider  .retry_after
    │   ├── JobNotFound      no such job there (any more)                              not retried; told to the asker
    │   ├── NotSupported     this provider has no such data                            not retried; a Gap
    │   ├── AuthFailed       permanent until a person acts                             not retried; said once a channel
    │   ├── BadRequest       the remote refused the request as we made it              not retried; a Gap
    │   │   └── CursorLost   a position in a log cannot be read any more               read on without it; a Gap
    │   ├── RateLimited      wait as told                                              retried after `retry_after`
    │   ├── Unavailable      5xx, timeout, connection failure                          retried with backoff
    │   └── ProtocolError    the reply is not as documented                            retried by the next poll; a Gap
    ├── DeliveryError        .permanent  .reason  .root_gone  .unlisted                retried unless permanent
    ├── StoreUnavailable     the database is busy, away or of an older version         retried by the next tick
    └── ConfigError          names the variable and how to mend it                     not retried; exit code 2

A class's docstring is its default message, so it is written for the person who reads it.
"""

from __future__ import annotations

from datetime import timedelta


class BotError(Exception):
    """Something went wrong inside trainwatch."""

    def __init__(self, public: str | None = None) -> None:
        self.public = public or (self.__doc__ or "").split("\n", maxsplit=1)[0]
        """One sentence safe to show to anyone: no secret, no foreign text beyond a redacted excerpt."""
        super().__init__(self.public)


class UsageError(BotError):
    """That command cannot be read."""

    def __init__(self, public: str, usage: str | None = None) -> None:
        super().__init__(public)
        self.usage = usage
        """The usage line of the subcommand, when it is known."""


class ProviderError(BotError):
    """The training platform did not answer as asked."""

    def __init__(self, public: str | None = None, *, provider: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(public)
        self.provider = provider
        self.retry_after = retry_after
        """How long the remote asked us to wait; None when it did not say."""


class JobNotFound(ProviderError):
    """There is no such job (any more)."""


class NotSupported(ProviderError):
    """This platform does not offer that."""


class AuthFailed(ProviderError):
    """The platform refused the key."""


class BadRequest(ProviderError):
    """The platform refused the request."""


class CursorLost(BadRequest):
    """That position in the log cannot be read any more; start the query again."""


class RateLimited(ProviderError):
    """The platform asks us to slow down."""


class Unavailable(ProviderError):
    """The platform cannot be reached."""


class ProtocolError(ProviderError):
    """The platform answered in a way its document does not describe."""


class DeliveryError(BotError):
    """The message could not be delivered."""

    def __init__(
        self,
        public: str,
        *,
        reason: str,
        permanent: bool,
        retry_after: timedelta | None = None,
        root_gone: bool = False,
        unlisted: bool = False,
    ) -> None:
        super().__init__(public)
        self.reason = reason
        """The channel's own word for it, such as `channel_not_found` or `ratelimited`."""
        self.permanent = permanent
        self.retry_after = retry_after
        self.root_gone = root_gone
        """The message to answer or to edit is no longer there; the news itself may still be posted."""
        self.unlisted = unlisted
        """The channel's word is not one we know: worth a few tries, not days of them."""


class StoreUnavailable(BotError):
    """The database is busy, cannot be reached or is of an older version; `trainwatch check` says which."""


class ConfigError(BotError):
    """A setting is missing or wrong."""
