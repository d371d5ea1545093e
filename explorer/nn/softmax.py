"""What logits say: probabilities over the last axis, and their logarithms. Infinities and NaN go through."""

import numpy as np


@np.errstate(over="ignore", under="ignore", invalid="ignore")  # an explosion is a result
def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Returns probabilities over the last axis of logits (..., V), of the logits over a temperature above 0.

    A gap past the largest number is probability 0.
    """
    raised = np.exp(_below_zero(logits) / temperature)
    return raised / raised.sum(-1, keepdims=True)


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the logarithms of the probabilities over the last axis of logits (..., V)."""
    lowered = _below_zero(logits)
    return lowered - np.log(np.exp(lowered).sum(-1, keepdims=True))


def cross_entropy(logits: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Returns -log of the probability (...) that logits (..., V) give to the true classes (...), in nats."""
    return -np.take_along_axis(log_softmax(logits), true[..., None], -1)[..., 0]


def _below_zero(logits: np.ndarray) -> np.ndarray:
    """The logits with 0 as the largest of each row, so that no exponential leaves the range."""
    return logits - logits.max(-1, keepdims=True)
