"""Starting weights: PyTorch's default, orthogonal, identity, and what can be said of the biases."""

import math

import torch
from torch import nn

from explorer.cells import CELLS, CellSpec
from explorer.nn.model import RecurrentModel

SCHEMES = ("default", "orthogonal", "identity", "identity_u")
BIASES = ("default", "fixed", "chrono")


@torch.no_grad()
def initialise(
    model: RecurrentModel,
    generator: torch.Generator,
    *,
    scheme: str = "default",
    gain: float = 1.0,
    bias: str = "default",
    keep_bias: float = 1.0,
    longest: int = 100,
) -> None:
    """Fills a model's weights in place from a generator.

    scheme: `default` is U(-1/sqrt(H), 1/sqrt(H)) everywhere, as in PyTorch; `orthogonal` makes each
    H x H block of weight_hh gain times an orthogonal matrix and the biases 0 (Saxe et al. 2014);
    `identity` makes it gain times the identity, weight_ih N(0, .001), biases 0 (Le et al. 2015);
    `identity_u` leaves weight_ih at the default, with which it learns in far fewer steps.
    bias: `fixed` sets the keeping gate's input bias (f, or z in PyTorch's sense) to keep_bias and its
    recurrent bias to 0; a gate made of a weight for each unit alone has that for a bias. `chrono` draws
    it as ln U[1, longest-1] and sets the writing gate to minus that (Tallec & Ollivier 2018). A cell
    without a keeping gate keeps its biases.
    """
    spec = CELLS[model.cell]
    bound = 1.0 / math.sqrt(model.hidden_size)
    for name, parameter in model.named_parameters():
        if name == "embedding.weight":
            parameter.normal_(0.0, 1.0, generator=generator)
        else:
            parameter.uniform_(-bound, bound, generator=generator)
    for name, parameter in model.rnn.named_parameters():
        _recurrent(name, parameter, scheme, gain, generator)
    if bias != "default" and spec.keep:
        _gate_biases(model.rnn, spec, bias, keep_bias, longest, generator)


def _recurrent(
    name: str, parameter: nn.Parameter, scheme: str, gain: float, generator: torch.Generator
) -> None:
    if scheme == "default":
        if name.startswith("weight_hh") and gain != 1.0:
            parameter.mul_(gain)
        return
    if name.startswith("bias"):
        parameter.zero_()
    elif name.startswith("weight_hh"):
        H = parameter.shape[1]
        for block in parameter.chunk(len(parameter) // H):
            if scheme.startswith("identity"):
                block.copy_(gain * torch.eye(H, dtype=parameter.dtype))
            else:
                nn.init.orthogonal_(block, gain, generator=generator)
    elif scheme == "identity" and name.startswith("weight_ih"):
        parameter.normal_(0.0, 0.001, generator=generator)


def _gate_biases(
    layers: nn.Module,
    spec: CellSpec,
    bias: str,
    keep_bias: float,
    longest: int,
    generator: torch.Generator,
) -> None:
    for name, parameter in layers.named_parameters():
        if not name.startswith("weight_ih"):
            continue
        end = name.removeprefix("weight_ih")
        H = parameter.shape[0] // len(spec.blocks)
        drawn = torch.empty(H, dtype=parameter.dtype).uniform_(
            1.0, max(longest - 1.0, 1.0 + 1e-6), generator=generator
        )
        keep = drawn.log() if bias == "chrono" else torch.full_like(drawn, keep_bias)
        targets = {spec.keep: keep} | ({spec.write: -keep} if bias == "chrono" else {})
        for block, value in targets.items():
            if block in spec.blocks:
                _rows(layers, f"bias_ih{end}", spec.blocks, block)[:] = value
                if block in spec.recurrent_blocks:
                    _rows(layers, f"bias_hh{end}", spec.recurrent_blocks, block)[:] = 0.0
            elif block in spec.peephole_blocks:
                _rows(layers, f"peephole{end}", spec.peephole_blocks, block)[:] = value


def _rows(layers: nn.Module, name: str, packed: tuple[str, ...], block: str) -> torch.Tensor:
    """Returns a block's part of a packed vector, as a view."""
    return layers.get_parameter(name).chunk(len(packed))[packed.index(block)]
