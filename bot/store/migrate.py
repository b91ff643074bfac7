"""Upgrade a database to the newest schema (`bot.store.schema`) with the migrations in `migrations/`."""

import asyncio
import re
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import StoreUnavailable
from bot.store.database_check import check_version
from bot.store.engine import describe_database, parse_database_url
from bot.store.faults import fault_of


async def upgrade(url: str) -> None:
    """Upgrade the database of a DATABASE_URL to the newest schema.

    Safe while other processes do the same: one works, the others wait. A failed migration is rolled back.

    Raises:
        ConfigError: the URL is invalid or names an unsupported database.
        StoreUnavailable: the database cannot be reached or refuses the change; includes the reason.
    """
    try:
        # In a thread, because Alembic's env.py runs a separate event loop.
        await asyncio.to_thread(command.upgrade, alembic_config(url), "head")
    except CommandError as error:
        description = describe_database(parse_database_url(url))
        unknown = re.search(r"Can't locate revision identified by '(\w+)'", str(error))
        if unknown is None:
            raise StoreUnavailable(f"{description} cannot be upgraded: {error}.") from error
        result = check_version(unknown[1])
        raise StoreUnavailable(f"{description}: the schema's {result.found}. {result.remedy}") from error
    except (SQLAlchemyError, OSError) as error:
        fault = fault_of(getattr(error, "orig", None) or error)
        description = describe_database(parse_database_url(url))
        raise StoreUnavailable(f"{description}: {fault.found}. {fault.remedy}") from error


def alembic_config(url: str) -> Config:
    """Return Alembic's configuration for a DATABASE_URL, in a checkout and in an installed package."""
    parsed = parse_database_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    packed = Path(__file__).parents[1] / "_migrations"
    scripts = packed if packed.is_dir() else Path(__file__).parents[2] / "migrations"
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["url"] = parsed
    return config
