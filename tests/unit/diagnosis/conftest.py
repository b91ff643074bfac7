"""The shipped catalogue, read and compiled once."""

import pytest

from bot.diagnosis.reading import PageReader
from bot.diagnosis.signatures import Catalogue, load_catalogue


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def reader(catalogue: Catalogue) -> PageReader:
    return PageReader(catalogue)
