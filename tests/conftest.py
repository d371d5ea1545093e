"""One thread: the sizes here are too small to share, and the same bits must come out every time."""

import gc
from collections.abc import Iterator

import pytest
import torch
from threadpoolctl import threadpool_limits

torch.set_num_threads(1)
threadpool_limits(1, "blas")


@pytest.fixture(scope="module")
def short_training() -> Iterator[None]:
    """The networks of the architectures page learn for a few steps: where it is the page that is looked at.

    What they learn in full is tested in tests/architectures. Nobody else gets these networks.
    """
    import streamlit as st

    from explorer.architectures import cost, deep, feedforward
    from explorer.architectures.mappings.common import STEPS

    with pytest.MonkeyPatch.context() as patch:
        for mapping in STEPS:
            patch.setitem(STEPS, mapping, 30)
        patch.setattr(feedforward, "STEPS", 20)
        patch.setattr(feedforward, "TIMES", 1)
        patch.setattr(deep, "MOST_STEPS", 10)
        patch.setattr(deep, "TIMED_SECONDS", 0.0)
        patch.setattr(cost, "ROUNDS", 2)
        st.cache_resource.clear()
        yield
    st.cache_resource.clear()


def pytest_collection_finish() -> None:
    """What was imported and collected stays: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def same_default_weights() -> None:
    """Modules built in a test draw the same weights whatever ran before it."""
    torch.manual_seed(0)
