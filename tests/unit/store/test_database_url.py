"""DATABASE_URL: the usual forms work, and others are explained without showing the password."""

from __future__ import annotations

import pytest

from bot.errors import ConfigError
from bot.store.engine import describe_database, parse_database_url


@pytest.mark.parametrize(
    ("text", "driver", "description"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite", "SQLite at x.db"),
        (" sqlite+aiosqlite:////data/x.db\n", "sqlite+aiosqlite", "SQLite at /data/x.db"),
        ("postgres://u:secret@db/tw", "postgresql+psycopg", "PostgreSQL at db/tw"),
        ("postgresql://u:secret@db:5433/tw?sslmode=require", "postgresql+psycopg", "PostgreSQL at db/tw"),
        ("postgresql+psycopg://u@/tw?host=/run/pg", "postgresql+psycopg", "PostgreSQL at /run/pg/tw"),
    ],
)
def test_common_urls_are_accepted(text: str, driver: str, description: str) -> None:
    url = parse_database_url(text)

    assert url.drivername == driver
    assert describe_database(url) == description


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x.db",
        "mysql://u:secret@db/tw",
        "postgresql+asyncpg://u:secret@db/tw",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "postgresql://u:secret@db:port/tw",
    ],
)
def test_invalid_urls_raise_an_error_without_the_password(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_database_url(text)

    assert "DATABASE_URL" in caught.value.public
    assert "postgresql://user:password@host" in caught.value.public
    assert "secret" not in caught.value.public


@pytest.mark.parametrize("password", ["S3cr@Tail9", "S3cr@Ta/il9", "S3cr@Ta:il9", "@@S3cr@", "S3cr#T/a?i:l9%"])
def test_a_password_may_contain_any_character(password: str) -> None:
    url = parse_database_url(f"postgresql://u:{password}@127.0.0.1:5433/d?sslmode=require")

    assert url.password == password
    assert (url.host, url.port, url.database) == ("127.0.0.1", 5433, "d")
    assert describe_database(url) == "PostgreSQL at 127.0.0.1/d"


def test_a_user_may_contain_an_at_sign() -> None:
    url = parse_database_url("postgresql://u@server:p%40ss@db/tw")

    assert (url.username, url.password, url.host) == ("u@server", "p@ss", "db")


def test_an_ambiguous_at_sign_is_refused_without_the_password() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_database_url("postgresql://u:S3cr@Ta?il9@db/tw")

    assert "DATABASE_URL has an @ after a question mark. Write @ as %40" in caught.value.public
    assert "Ta" not in caught.value.public
