"""Attention against PyTorch's own functions, and its gradients against autograd through them."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.architectures.mappings.attention import KINDS, Attention, attended
from explorer.checks.common import draw_parameters, gap, largest, leaf


def attention(generator: np.random.Generator) -> float:
    """Weights, context and logits of each kind, and the gradients of what goes in and of every weight."""
    found: list[float] = []
    for kind in KINDS:
        T, S, B, H, V = (int(n) for n in generator.integers(2, 7, 5))
        own = Attention(kind, H, V).double()
        readout = torch.nn.Linear(H, V).double()
        for module in (own, readout):
            draw_parameters(module, generator)
        h, e = leaf(generator.standard_normal((T, B, H))), leaf(generator.standard_normal((S, B, H)))
        asked = [h, e, *own.parameters(), *readout.parameters()]
        a, context, more = own(h, e)
        theirs = _plainly(own, h, e)
        found += [gap(ours, other) for ours, other in zip((a, context, more), theirs, strict=True)]
        outer = torch.tensor(generator.standard_normal((T, B, V)))
        ours = (attended(readout, h, own, e), F.linear(h, readout.weight, readout.bias) + theirs[2])
        found.append(gap(*ours))
        slopes = (torch.autograd.grad((logits * outer).sum(), asked) for logits in ours)
        found += [gap(one, other) for one, other in zip(*slopes, strict=True)]
    return largest(found)


def _plainly(own: Attention, h: Tensor, e: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weights (B, T, S), context (T, B, H) and its logits (T, B, V), a sentence at a time."""
    weights, contexts = [], []
    for b in range(h.shape[1]):
        asks, answers = h[:, b], e[:, b]
        if own.kind == "dot":
            each = torch.eye(len(answers), dtype=answers.dtype)
            weights.append(F.scaled_dot_product_attention(asks, answers, each, scale=1.0))
            contexts.append(F.scaled_dot_product_attention(asks, answers, answers, scale=1.0))
            continue
        known = F.linear(answers, own.answered.weight, own.answered.bias)
        rows = [torch.tanh(F.linear(row, own.asked.weight) + known) @ own.score.weight[0] for row in asks]
        weights.append(torch.stack([torch.exp(row - torch.logsumexp(row, 0)) for row in rows]))
        contexts.append(torch.einsum("ts,sh->th", weights[-1], answers))
    context = torch.stack(contexts, 1)
    return torch.stack(weights), context, F.linear(context, own.readout.weight)
