"""A network watched while it learns: what is seen, when, and that the training does not notice."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from explorer import bptt, trace, watch
from tests.helpers import largest


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.drop, self.head = nn.Dropout(0.3), nn.Linear(8, 2)
        self.rnn = nn.LSTM(3, 4, bidirectional=True, batch_first=True)

    def forward(self, x):
        return self.head(self.drop(self.rnn(x)[0]).mean(1))


def loss_of(y):
    return nn.functional.cross_entropy(y, torch.arange(len(y)) % 2)


def trained(looking: bool, **options) -> tuple[list[torch.Tensor], list]:
    net = Classifier()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    x = torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(2))
    seen: list = []

    def steps() -> None:
        for _ in range(7):
            optimizer.zero_grad()
            loss_of(net(x)).backward()
            optimizer.step()

    if looking:
        with watch(net, x[:2], every=3, optimizer=optimizer, callback=seen.append, **options) as watched:
            steps()
        assert watched.looks == seen and not optimizer._optimizer_step_post_hooks
    else:
        steps()
    return [p.detach().clone() for p in net.parameters()], seen


@pytest.mark.parametrize("loss", [None, loss_of])
def test_a_training_that_is_watched_ends_at_the_same_weights_to_the_bit(loss):
    plain, _ = trained(False)
    watched, seen = trained(True, loss=loss)
    assert all(torch.equal(a, b) for a, b in zip(plain, watched, strict=True))
    assert [look.step for look in seen] == [0, 3, 6]
    assert all(look.seconds > 0 for look in seen)


def test_what_is_seen_is_what_trace_and_bptt_give():
    net, x = Classifier(), torch.randn(2, 5, 3)
    look = watch(net, x, loss=loss_of).look()
    layers = trace(net, x)["rnn"].layers
    flow = bptt(net, x, loss=loss_of)["rnn"]
    assert list(look.gates) == ["rnn_l0", "rnn_l0_reverse"] and list(look.gates["rnn_l0"]) == ["f", "i", "o"]
    f = layers[1].gate["f"]
    gate = look.gates["rnn_l0_reverse"]["f"]
    assert gate.mean == pytest.approx(f.mean(), rel=1e-5) and gate.open == pytest.approx((f > 0.9).mean())
    forward, backward = (of.total_norm.mean(1) for of in flow.layers)
    assert largest(look.gradient["rnn_l0"], forward[::-1]) <= 1e-9
    assert largest(look.gradient["rnn_l0_reverse"], backward) <= 1e-9
    flat = look.flat()
    assert flat["rnn_l0/gradient/first"] == pytest.approx(forward[0]) and set(map(type, flat.values())) == {
        float
    }


def test_without_a_loss_the_gradient_is_that_of_the_last_state_and_begins_at_1():
    layer = nn.GRU(3, 4)
    look = watch(layer, torch.randn(6, 2, 3)).look()
    assert list(look.gradient) == ["layer"] and look.gradient["layer"][0] == pytest.approx(1.0)
    assert look.gradient["layer"].shape == (7,)


def test_distances_are_counted_from_each_sequence_s_own_end():
    torch.manual_seed(3)
    layer, x = nn.GRU(3, 4).double(), torch.randn(6, 2, 3, dtype=torch.float64)
    look = watch(layer, pack_padded_sequence(x, [6, 2])).look()
    alone = [watch(layer, x[:n, b : b + 1]).look().gradient["layer"] for b, n in enumerate((6, 2))]
    both = (alone[0][:3] + alone[1]) / 2
    assert largest(look.gradient["layer"], np.concatenate([both, alone[0][3:]])) <= 1e-9


class Decoder(nn.Module):
    """Reads a part at once, goes on step by step from there, and reads something else anew."""

    def __init__(self, layer) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.rnn = layer(3, 4, num_layers=2)

    def forward(self, x):
        output, state = self.rnn(x[:3])
        for row in x[3:]:
            output, state = self.rnn(row[None], state)
        return output, self.rnn(2.0 * x)[0][-1:]


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("loss", [None, lambda y: y[0].sum() + y[1].sum()])
def test_calls_that_go_on_from_each_other_are_one_run_and_others_are_kept_too(layer, loss):
    net, x = Decoder(layer).double(), torch.randn(6, 2, 3, dtype=torch.float64)
    look = watch(net, x, loss=loss).look()
    alone = [watch(net.rnn, given, loss=loss and (lambda y: y[0][-1].sum())).look() for given in (x, 2.0 * x)]
    assert list(look.gates) == [f"rnn[{k}]_l{n}" for k in range(2) for n in range(2)]
    for k, whole in enumerate(alone):
        for n in range(2):
            own, same = f"rnn[{k}]_l{n}", next(name for name in whole.gradient if name.endswith(f"l{n}"))
            assert largest(look.gradient[own], whole.gradient[same]) <= 1e-12
            assert vars(look.gates[own]["f" if layer is nn.LSTM else "z"]) == pytest.approx(
                vars(whole.gates[same]["f" if layer is nn.LSTM else "z"])
            )


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_a_cell_that_is_called_for_each_step_of_two_sequences_has_both(cell):
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = cell(3, 4)

        def forward(self, x):
            ends = []
            for part in (x, 2.0 * x):
                state = None
                for row in part:
                    state = self.cell(row, state)
                ends.append(state[0] if isinstance(state, tuple) else state)
            return torch.cat(ends)

    look = watch(Twice().double(), torch.randn(5, 2, 3, dtype=torch.float64), loss=torch.sum).look()
    assert {name: norms.shape for name, norms in look.gradient.items()} == {"cell[0]": (6,), "cell[1]": (6,)}


def test_a_watch_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="every is 1 or more"):
        watch(nn.GRU(2, 3), torch.ones(2, 2), every=0)
    with pytest.raises(TypeError, match="holds no nn"):
        watch(nn.Linear(2, 3), torch.ones(2, 2), loss=torch.sum).look()
    with pytest.raises(TypeError, match="holds no nn"):
        watch(nn.Linear(2, 3), torch.ones(2, 2)).look()
