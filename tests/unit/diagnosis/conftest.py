"""The shipped catalogue, compiled once."""

import pytest

from bot.diagnosis.signatures import Catalogue, load_catalogue


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()
