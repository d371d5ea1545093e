"""A network on a GPU, stood in for by tensors that refuse what a GPU's refuse: every move is made.

No GPU is here: that kernels of CUDA give these numbers is not what this shows.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import cuda
from explorer import bptt, trace

CUDA = torch.device("cuda", 0)


class Far(torch.Tensor):
    """A tensor of another device: no array of NumPy, and nothing together with a tensor that is near."""

    device = property(lambda self: CUDA)  # type: ignore[assignment]

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if name in ("numpy", "__array__"):
            raise TypeError("can't convert a tensor of cuda:0 to numpy: use Tensor.cpu() first")
        flat = [v for a in (*args, *kwargs.values()) for v in (a if isinstance(a, list | tuple) else [a])]
        if any(type(v) in (torch.Tensor, nn.Parameter) and v.ndim for v in flat):
            raise RuntimeError(f"{name}: expected all tensors to be on the same device")
        found = super().__torch_function__(function, types, args, kwargs)
        return found.as_subclass(torch.Tensor) if name == "cpu" else found


@pytest.fixture(autouse=True)
def another_device(monkeypatch):
    """Has what is asked for on a GPU made as far tensors."""
    for place, name in ((torch, "zeros"), (torch.Tensor, "to")):
        monkeypatch.setattr(place, name, _placed(getattr(place, name)))


def _placed(made: Callable[..., Any]) -> Callable[..., Any]:
    def place(*args: Any, **named: Any) -> Any:
        away = CUDA in args or named.get("device") == CUDA
        args = tuple(a for a in args if not (isinstance(a, torch.device) and a == CUDA))
        named = {k: v for k, v in named.items() if not (k == "device" and v == CUDA)}
        found = made(*args, **named)
        return found.as_subclass(Far) if away else found

    return place


def far(module: nn.Module) -> nn.Module:
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            setattr(part, name, nn.Parameter(parameter.detach().as_subclass(Far)))
        if isinstance(part, nn.RNNBase):
            part._flat_weights = [getattr(part, name) for name in part._flat_weights_names]
    return module


@pytest.mark.filterwarnings("ignore:.*TF32")
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU, nn.LSTMCell, nn.GRUCell])
def test_a_layer_is_traced_where_it_is_whether_its_input_is_there_or_not(kind):
    torch.manual_seed(0)
    module, x = kind(3, 4), torch.randn(5, 3)
    wanted = trace(module, x)
    away = far(module)
    with pytest.raises(RuntimeError, match="same device"):
        away(x)
    for given in (x, x.as_subclass(Far)):
        found = trace(away, given)
        np.testing.assert_array_equal(found.h, wanted.h)
        assert found.difference is not None and found.difference < 1e-6  # its own forward ran, over there
        assert type(found.h) is np.ndarray


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.encoder, self.head = nn.Embedding(5, 3), nn.LSTM(3, 4), nn.Linear(4, 1)

    def forward(self, ids):
        return self.head(self.encoder(self.embedding(ids))[0])


@pytest.mark.filterwarnings("ignore:.*TF32")
def test_the_gradient_of_a_loss_comes_back_from_there():
    torch.manual_seed(0)
    net, ids = Net(), torch.arange(5)
    wanted = bptt(net, ids, loss=lambda y: y.pow(2).sum())["encoder"]
    found = bptt(far(net), ids.as_subclass(Far), loss=lambda y: y.pow(2).sum())["encoder"]
    np.testing.assert_allclose(found.norm, wanted.norm, rtol=1e-5)


def test_what_tf32_does_is_said():
    with pytest.warns(UserWarning, match="TF32 is on"):
        trace(far(nn.LSTM(3, 4)), torch.randn(5, 3))


def test_whoever_has_a_gpu_is_told_how_far_from_cudnn_it_is(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cuda", "--device", "cpu"])
    monkeypatch.setattr(
        cuda, "LAYERS", {name: cuda.LAYERS[name] for name in ("GRU, both directions", "LSTMCell")}
    )
    assert cuda.main() == 0
    said = capsys.readouterr().out
    assert said.count(" ok") == 7 and "FAIL" not in said and "GRU, both directions, packed" in said
    monkeypatch.setattr(cuda, "GRADIENT", 0.0)
    assert cuda.main() == 1 and capsys.readouterr().out.count("FAIL") == 2
    monkeypatch.setattr(sys, "argv", ["cuda"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert cuda.main() == 2 and "sees no GPU here" in capsys.readouterr().err
