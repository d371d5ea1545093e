"""Whatever learns here and now learns in one thread: page, script and command line get the same bits."""

import pytest
import torch

from explorer import Experiment, train
from explorer.architectures import bottleneck, deep, feedforward, mappings
from explorer.dynamics.cube import learn_cube
from explorer.lab.learned import learn

LEARNING = {
    "sentences": lambda: learn(Experiment()),
    "adding": lambda: learn(Experiment(weights="marked")),
    "cube": lambda: learn_cube(Experiment()),
    "race": lambda: train(Experiment(budget=1)),
    "mapping": lambda: mappings.fit("many_one", "rnn", "en", 0),
    "deep": lambda: deep.fit("rnn", "en", 1, False),
    "feedforward": lambda: feedforward.fitted("rnn"),
    "bottleneck": lambda: bottleneck.trial(bottleneck.CONTESTANTS[0].key, 0),
}


class _BegunError(Exception):
    """The optimiser is asked for: training begins."""


@pytest.mark.parametrize("name", LEARNING)
def test_it_begins_in_one_thread_and_leaves_as_many_as_there_were(name, monkeypatch):
    def begin(*_, **__):
        raise _BegunError(torch.get_num_threads())

    monkeypatch.setattr(torch.optim, "Adam", begin)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(_BegunError, match=r"^1$"):
            LEARNING[name]()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
