"""Check whether a platform can be reached and accepts its key."""

from collections.abc import Collection

from bot.domain.checks import CheckResult
from bot.errors import AuthFailed, JobNotFound, NotSupported, ProviderError
from bot.providers.base import settings_prefix
from bot.providers.registry import Registry


async def check_platform(registry: Registry, name: str, variables: Collection[str] = ()) -> CheckResult:
    """List one job of a platform. `variables` are the names of settings, for the remedy."""
    prefix = settings_prefix(name).upper()
    try:
        jobs = await registry.get(name).list_jobs(limit=1)
    except NotSupported as error:
        return CheckResult(name, True, error.public)
    except AuthFailed as error:
        return CheckResult(name, False, error.public, f"Set {prefix}_API_KEY to a valid key.")
    except JobNotFound as error:
        ids = [key.upper() for key in sorted(variables) if key.startswith(prefix.lower()) and key.endswith("_id")]
        return CheckResult(name, False, error.public, f"Check {' and '.join([*ids, f'{prefix}_BASE_URL'])}.")
    except ProviderError as error:
        return CheckResult(name, False, error.public, f"Check the network and {prefix}_BASE_URL, then try again.")
    return CheckResult(name, True, "connected, key accepted" if jobs else "connected, key accepted, no jobs")
