"""The shipped catalogue, read and compiled once."""

import pytest

from bot.diagnosis.catalogue import Catalogue, load_catalogue
from bot.diagnosis.page_scanner import PageReader


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def reader(catalogue: Catalogue) -> PageReader:
    return PageReader(catalogue)
