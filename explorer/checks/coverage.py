"""What is checked, and against what: the list that `verify` prints and that a page's badge reads.

Pages are those that draw it, by their names in the locale. A page itself checks only what is on its screen.
"""

from dataclasses import dataclass

from explorer.checks.common import TOLERANCE


@dataclass(frozen=True)
class Topic:
    """One thing that pages draw, and what it is held against.

    key: its name in the locale's table `verified`. module, function: its check, which takes a NumPy generator
    and returns the largest difference.
    """

    key: str
    what: str
    against: str
    pages: tuple[str, ...]
    module: str
    function: str
    tolerance: float = TOLERANCE


TOPICS: tuple[Topic, ...] = (
    Topic("cells", "gates, states, equations, dL_t/dh_k", "PyTorch's cells, the papers, autograd",
          ("step", "gradients", "glossary"), "cells", "check_cells"),
    Topic("stacks", "layers, directions, initial states", "the cells one by one, fused modules, autograd",
          ("step", "gradients", "architectures"), "networks", "stacks"),
    Topic("modules", "PyTorch's layers, projections, padded batches", "the modules themselves, packed",
          ("step",), "networks", "modules"),
    Topic("changes", "held gates and units, transplants, a replaced word, a carried start, notation",
          "cells with other weights, cells stopped and started", ("step",), "networks", "changes"),
    Topic("starts", "starting weights, keep bias, chrono", "closed forms, PyTorch's packing",
          ("step", "gradients", "train"), "networks", "starts"),
    Topic("losses", "losses, embedding, readout, the law's line, the chain", "autograd through the network",
          ("gradients",), "networks", "losses"),
    Topic("shares", "shares through each gate", "zeros in the equations, autograd",
          ("gradients",), "way_back", "shares"),
    Topic("paths", "the direct path", "autograd with gates held", ("gradients",), "way_back", "paths"),
    Topic("weights", "what each step adds to dL/dW", "a run with weights of its own at each step",
          ("gradients",), "way_back", "weights_by_step"),
    Topic("spectra", "Jacobians, singular values, eigenvalues, their product", "autograd, torch.linalg",
          ("gradients",), "way_back", "spectra_of_steps"),
    Topic("laws", "the laws: sigma_max(W) max|phi'|, the keeping gate", "torch.linalg, sigma(b)",
          ("gradients",), "way_back", "laws"),
    Topic("truncation", "truncated BPTT", "runs detached at the windows' borders",
          ("gradients",), "way_back", "truncated"),
    Topic("clipping", "clipping", "torch's clip_grad_norm_", ("gradients", "train"), "way_back", "clipped"),
    Topic("pushes", "a push and its straight line", "the equations with a push in them, autograd",
          ("gradients",), "way_back", "pushes"),
    Topic("sizes", "decay, half-life, saturation", "known series, counting",
          ("gradients",), "way_back", "sizes"),
    Topic("training", "a training step, windows, held-out metric, the look inside", "a plain PyTorch loop",
          ("train",), "learning", "training"),
    Topic("tasks", "what the memory tests ask", "answers by hand", ("train",), "learning", "tasks"),
    Topic("counts", "weights, multiplications, what a window can know", "built layers, all places tried",
          ("architectures",), "learning", "counts"),
    Topic("forecasts", "forecasts, persistence, the season before", "the whole beginning read again, a loop",
          ("architectures",), "learning", "forecasts"),
    Topic("attention", "attention: its weights, context, logits, gradients",
          "scaled_dot_product_attention, a loop, autograd", ("architectures",), "attending", "attention"),
    Topic("scores", "probabilities, perplexity, ranks, the free run", "the network's module, cross_entropy",
          ("language",), "texts", "scores"),
    Topic("sampling", "temperature, top-k, top-p, entropy", "torch.distributions, the whole text read again",
          ("language",), "texts", "sampling"),
    Topic("units", "units' correlations, ablations, gates, half-lives", "corrcoef, the cells with a unit set",
          ("language",), "texts", "unit_measures"),
    Topic("probes", "the probe of memory", "ridge regressions by torch.linalg",
          ("language",), "texts", "probes"),
    Topic("points", "fixed points, eigenvalues, what falls where", "PyTorch's cells, autograd, bisection",
          ("dynamics",), "motion", "points"),
    Topic("exponents", "Lyapunov exponents, principal directions", "determinants, known layers, covariance",
          ("dynamics",), "motion", "exponents"),
)  # fmt: skip
