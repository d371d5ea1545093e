"""Pages learn for a few steps."""

from collections.abc import Iterator

import pytest

from tests.pages.app import short_training


@pytest.fixture(autouse=True, scope="package")
def short() -> Iterator[None]:
    with short_training():
        yield
