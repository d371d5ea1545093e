"""The functions that equations call, by NumPy and by torch."""

from typing import Any, Protocol

import numpy as np
import torch


class Ops(Protocol):
    """What a cell's step needs from its array library."""

    def sigmoid(self, a: Any) -> Any: ...
    def tanh(self, a: Any) -> Any: ...
    def relu(self, a: Any) -> Any: ...
    def exp(self, a: Any) -> Any: ...
    def log(self, a: Any) -> Any: ...
    def abs(self, a: Any) -> Any: ...
    def log_sigmoid(self, a: Any) -> Any: ...
    def clip(self, a: Any) -> Any: ...
    def max(self, a: Any, b: Any) -> Any: ...
    def spread(self, a: Any, like: Any) -> Any: ...


class NumpyOps:
    """Those of a step; and `step`, `sign`, `over`, in which derivatives are written."""

    tanh = staticmethod(np.tanh)
    exp = staticmethod(np.exp)
    log = staticmethod(np.log)
    abs = staticmethod(np.abs)
    max = staticmethod(np.maximum)
    sign = staticmethod(np.sign)

    @staticmethod
    def sigmoid(a: Any) -> Any:
        return 0.5 * (1.0 + np.tanh(0.5 * a))

    @staticmethod
    def relu(a: Any) -> Any:
        return np.maximum(a, 0.0)

    @staticmethod
    def log_sigmoid(a: Any) -> Any:
        return -np.logaddexp(0.0, -a)

    @staticmethod
    def clip(a: Any) -> Any:
        return np.clip(a, 0.0, 1.0)

    @staticmethod
    def step(a: Any) -> Any:
        """1 above 0, else 0; NaN past an explosion."""
        return np.where(np.isnan(a), a, a > 0)

    @staticmethod
    def over(a: Any, b: Any) -> Any:
        """1 where a is the larger, 0 where b is, one half where neither is, as in torch; or NaN."""
        return np.where(np.isnan(a + b), a + b, 0.5 * (1.0 + np.sign(a - b)))

    @staticmethod
    def spread(a: Any, like: Any) -> Any:
        """Returns what is the same at every step (H,) in the shape of what is not."""
        return np.broadcast_to(np.asarray(a, like.dtype), like.shape)


class TorchOps:
    sigmoid = staticmethod(torch.sigmoid)
    tanh = staticmethod(torch.tanh)
    relu = staticmethod(torch.relu)
    exp = staticmethod(torch.exp)
    log = staticmethod(torch.log)
    abs = staticmethod(torch.abs)
    max = staticmethod(torch.maximum)
    log_sigmoid = staticmethod(torch.nn.functional.logsigmoid)

    @staticmethod
    def clip(a: Any) -> Any:
        return torch.clamp(a, 0.0, 1.0)

    @staticmethod
    def spread(a: Any, like: Any) -> Any:
        return a.expand(like.shape)
