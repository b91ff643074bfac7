"""All errors that trainwatch raises on purpose. Any other exception is a bug.

    BotError                 .public: the only text of an error that is shown
    ├── UsageError           the command is invalid; has the usage line       not retried; shown to the user
    ├── ProviderError        .provider  .retry_after
    │   ├── JobNotFound      the job does not exist or was deleted            not retried; shown to the user
    │   ├── NotSupported     the platform has no such data                    not retried; a Gap
    │   ├── AuthFailed       permanent until a person acts                    not retried; one notification per channel
    │   ├── BadRequest       the platform rejected the request                not retried; a Gap
    │   │   └── CursorLost   a position in a log has expired                  resumed without it; a Gap
    │   ├── RateLimited      too many requests                                retried after `retry_after`
    │   ├── Unavailable      5xx, timeout, connection failure                 retried with backoff
    │   └── ProtocolError    the response differs from the documentation      retried by the next poll; a Gap
    ├── DeliveryError        .permanent  .reason  .root_gone  .unlisted       retried unless permanent
    ├── StoreUnavailable     the database is busy, unreachable or outdated    retried by the next tick
    └── ConfigError          names the variable and the fix                   not retried; exit code 2

The docstring of each class is its default message for users.
"""

from __future__ import annotations

from datetime import timedelta


class BotError(Exception):
    """Internal error."""

    def __init__(self, public: str | None = None) -> None:
        self.public = public or (self.__doc__ or "").split("\n", maxsplit=1)[0]
        """One sentence that is safe to show to anyone: without secrets, and with redacted foreign text only."""
        super().__init__(self.public)


class UsageError(BotError):
    """Invalid command."""

    def __init__(self, public: str, usage: str | None = None) -> None:
        super().__init__(public)
        self.usage = usage
        """Usage line of the subcommand, if known."""


class ProviderError(BotError):
    """The platform returned an error."""

    def __init__(self, public: str | None = None, *, provider: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(public)
        self.provider = provider
        self.retry_after = retry_after
        """How long the platform asks to wait; None if it does not say."""


class JobNotFound(ProviderError):
    """Job not found. It may have been deleted."""


class NotSupported(ProviderError):
    """This platform does not support that."""


class AuthFailed(ProviderError):
    """The platform rejected the API key."""


class BadRequest(ProviderError):
    """The platform rejected the request."""


class CursorLost(BadRequest):
    """The position in the log has expired. Start the query again."""


class RateLimited(ProviderError):
    """The platform's rate limit was exceeded."""


class Unavailable(ProviderError):
    """The platform cannot be reached."""


class ProtocolError(ProviderError):
    """The platform sent an unexpected response."""


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
        """Error code of the channel, such as `channel_not_found` or `ratelimited`."""
        self.permanent = permanent
        self.retry_after = retry_after
        self.root_gone = root_gone
        """The message to reply to or edit no longer exists. The update can still be posted as a new message."""
        self.unlisted = unlisted
        """The error code is not in our tables, so retry a few times only."""


class StoreUnavailable(BotError):
    """The database is busy, unreachable or outdated. To find out, run `trainwatch check`."""


class ConfigError(BotError):
    """A setting is missing or invalid."""
