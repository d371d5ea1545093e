"""One thread: the sizes here are too small to share, and the same bits must come out every time."""

import pytest
import torch
from threadpoolctl import threadpool_limits

torch.set_num_threads(1)
threadpool_limits(1, "blas")


@pytest.fixture(autouse=True)
def same_default_weights() -> None:
    """Modules built in a test draw the same weights whatever ran before it."""
    torch.manual_seed(0)
