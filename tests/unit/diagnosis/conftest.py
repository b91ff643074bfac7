"""The shipped catalogue, compiled once."""

import pytest

from bot.diagnosis.catalogue import Catalogue, load_catalogue
from bot.diagnosis.page_scanner import PageScanner


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def scanner(catalogue: Catalogue) -> PageScanner:
    return PageScanner(catalogue)
