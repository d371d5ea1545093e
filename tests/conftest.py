"""One thread: the sizes here are too small to share, and the same bits must come out every time."""

import gc

import pytest
import torch
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

torch.set_num_threads(1)
threadpool_limits(1, "blas")
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # how fast examples come says something of the machine alone


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum of two marked numbers is trained for a few steps, where it does not matter what is learned."""
    monkeypatch.setattr("explorer.training.trainer.ADDING_STEPS", 25)


def pytest_collection_finish() -> None:
    """What was imported and collected stays: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def same_default_weights() -> None:
    """Modules built in a test draw the same weights whatever ran before it."""
    torch.manual_seed(0)
