"""Every error that trainwatch raises on purpose. Any other exception is a bug.

    BotError                 .public: one sentence that is safe to show. Nothing else of an error is ever shown.
    ├── UsageError           the command or reference is invalid; has the usage line   not retried; shown to the author
    │   └── UnnamedJob       the command needs a job and names none                    not retried; offers jobs
    ├── ProviderError        .provider  .retry_after
    │   ├── JobNotFound      the job does not exist, or no longer exists               not retried; shown to the author
    │   ├── NotSupported     the provider has no such data                             not retried; a Gap
    │   ├── AuthFailed       permanent until a person acts                             not retried; once per channel
    │   ├── BadRequest       the remote rejected the request as we sent it             not retried; a Gap
    │   │   └── CursorLost   a log cursor is no longer valid                           resumed without it; a Gap
    │   ├── RateLimited      too many requests                                         retried after `retry_after`
    │   ├── Unavailable      5xx, timeout or connection failure                        retried with backoff
    │   ├── ProtocolError    the response is not as documented                         retried by the next poll; a Gap
    │   └── BudgetExhausted  the command used up its requests or time, or was stopped  not retried; a Gap
    ├── DeliveryError        .permanent  .reason  .root_gone  .unlisted                retried unless permanent
    ├── LookUpUnavailable    a channel's history cannot be read                        sent without looking
    ├── TooBusy              too many commands are running                             not retried; shown to the author
    ├── StoreUnavailable     the database is busy, unreachable or not migrated         retried by the next tick
    ├── InputEnded           a dialog in the terminal got no more answers              not retried; exit code 1
    └── ConfigError          names the variable and the fix                            not retried; exit code 2

The first line of a class's docstring is its default message, so it is written for the person who reads it.
"""

import enum
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta


class BotError(Exception):
    """Internal error in trainwatch."""

    def __init__(self, public: str | None = None) -> None:
        self.public = public or (self.__doc__ or "").split("\n", maxsplit=1)[0]
        """One sentence that is safe to show to anyone: no secret, no foreign text except a redacted excerpt."""
        super().__init__(self.public)


class UsageError(BotError):
    """I couldn't parse that command."""

    def __init__(self, public: str, usage: str | None = None) -> None:
        super().__init__(public)
        self.usage = usage
        """The usage line of the subcommand, if known."""


class UnnamedJob(UsageError):
    """Which job? Give its ID, name or dashboard URL. `jobs` lists them."""

    def __init__(self, usage: str | None = None) -> None:
        super().__init__((self.__doc__ or "").strip(), usage)


class ProviderError(BotError):
    """The request to the training platform failed."""

    def __init__(self, public: str | None = None, *, provider: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(public)
        self.provider = provider
        self.retry_after = retry_after
        """How long the remote asked us to wait; None if it did not."""


class JobNotFound(ProviderError):
    """Job not found; it may have been deleted."""


class NotSupported(ProviderError):
    """This platform does not support that."""


class AuthFailed(ProviderError):
    """The platform rejected the API key."""


class BadRequest(ProviderError):
    """The platform rejected the request."""


class CursorLost(BadRequest):
    """The log cursor has expired. Start the query again."""


class RateLimited(ProviderError):
    """The platform is rate limiting requests."""


class Unavailable(ProviderError):
    """The platform cannot be reached."""


class ProtocolError(ProviderError):
    """The platform sent a response that does not match its documentation."""


class BudgetExhausted(ProviderError):
    """The command was stopped before its end."""


RATE_LIMITED = "ratelimited"
"""The reason of a DeliveryError for a rate limit."""


class WaitsFor(enum.StrEnum):
    """Whose recovery ends a delivery's wait for its next attempt."""

    SLACK = "slack"
    """Nothing can be delivered: Slack is unreachable, or refuses the app."""
    CHANNEL = "channel"
    """Only this channel refuses, for example because the bot is not a member."""


@dataclass(eq=False, repr=False)
class DeliveryError(BotError):
    """The message could not be delivered."""

    public: str
    _: KW_ONLY
    reason: str
    """The channel's error code, such as `channel_not_found` or `ratelimited`."""
    permanent: bool
    retry_after: timedelta | None = None
    root_gone: bool = False
    """The message to reply to or to edit no longer exists. The update itself may still be posted."""
    unlisted: bool = False
    """The error code is unknown: worth a few retries, but not days of them."""
    outcome_unknown: bool = False
    """The message may have been accepted, because the answer was lost or reports a failure inside the channel."""
    unreachable: bool = False
    """The request failed for a reason that affects every channel, such as a connection failure."""
    waits_for: WaitsFor | None = None
    """Whose recovery should end the wait for the retry."""

    def __post_init__(self) -> None:
        super().__init__(self.public)

    @property
    def is_rate_limited(self) -> bool:
        """Whether the channel accepts no more messages for now."""
        return self.reason == RATE_LIMITED


class LookUpUnavailable(BotError):
    """Slack's history cannot be read, so it is unknown whether a message arrived."""


class TooBusy(BotError):
    """Too many requests right now. Try again in a minute."""


class StoreUnavailable(BotError):
    """The database is busy, unreachable or not migrated. Run `trainwatch check` for the cause."""


class InputEnded(BotError):
    """The input ended. What was accepted is saved in .env. To continue, run `trainwatch init` again."""


class ConfigError(BotError):
    """A setting is missing or invalid."""
