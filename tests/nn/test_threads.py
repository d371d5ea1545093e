"""One thread inside, as many as before outside."""

import pytest
import torch

from explorer.nn.threads import one_thread


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_one_thread_inside_and_those_before_after_an_error_too():
    inside = one_thread()(torch.get_num_threads)
    assert (inside(), torch.get_num_threads()) == (1, 2)
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 2
