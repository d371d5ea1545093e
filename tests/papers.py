"""The cells as their papers write them, one unit at a time in plain Python floats.

Elman 1990; Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000; Gers & Schmidhuber 2000
(peepholes); Olah 2015 (coupled gates); Cho et al. 2014 with the reset before the product, and as
PyTorch's documentation writes the GRU, with the reset after it; Feng et al. 2024 (minGRU); Beck et al. 2024
(sLSTM); a diagonal linear recurrence.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

Vector = list[float]


def sigma(a: float) -> float:
    return 1.0 / (1.0 + math.exp(-a)) if a >= 0 else math.exp(a) / (1.0 + math.exp(a))


class Net:
    """Weighted sums of one cell: block k, unit j, straight from the packed rows."""

    def __init__(self, weights) -> None:
        self.H = weights.w_ih.shape[0] // len(weights.blocks)
        self.W, self.U = (None if w is None else w.tolist() for w in (weights.w_ih, weights.w_hh))
        none = [0.0] * len(self.W)
        self.b = none if weights.b_ih is None else weights.b_ih.tolist()
        self.b_state = none if weights.b_hh is None else weights.b_hh.tolist()
        self.p = None if weights.peepholes is None else weights.peepholes.tolist()

    def of_x(self, k: int, j: int, x: Vector) -> float:
        row = k * self.H + j
        return sum(w * v for w, v in zip(self.W[row], x, strict=True)) + self.b[row]

    def of_h(self, k: int, j: int, h: Vector) -> float:
        row = k * self.H + j
        return sum(u * v for u, v in zip(self.U[row], h, strict=True)) + self.b_state[row]

    def __call__(self, k: int, j: int, x: Vector, h: Vector) -> float:
        return self.of_x(k, j, x) + self.of_h(k, j, h)


def elman(phi: Callable[[float], float]):
    def unit(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
        return {"h": phi(net(0, j, x, h))}

    return unit


def lstm(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
    i, f = sigma(net(0, j, x, h)), sigma(net(1, j, x, h))
    g, o = math.tanh(net(2, j, x, h)), sigma(net(3, j, x, h))
    cell = f * c[j] + i * g
    return {"i": i, "f": f, "g": g, "o": o, "c": cell, "h": o * math.tanh(cell)}


def peephole(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
    p_i, p_f, p_o = (net.p[k * net.H + j] for k in range(3))
    i = sigma(net(0, j, x, h) + p_i * c[j])
    f = sigma(net(1, j, x, h) + p_f * c[j])
    g = math.tanh(net(2, j, x, h))
    cell = f * c[j] + i * g
    o = sigma(net(3, j, x, h) + p_o * cell)
    return {"i": i, "f": f, "g": g, "o": o, "c": cell, "h": o * math.tanh(cell)}


def coupled(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
    f, g, o = sigma(net(0, j, x, h)), math.tanh(net(1, j, x, h)), sigma(net(2, j, x, h))
    cell = f * c[j] + (1.0 - f) * g
    return {"f": f, "i": 1.0 - f, "g": g, "o": o, "c": cell, "h": o * math.tanh(cell)}


def no_forget(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
    i, g, o = sigma(net(0, j, x, h)), math.tanh(net(1, j, x, h)), sigma(net(2, j, x, h))
    cell = c[j] + i * g
    return {"i": i, "g": g, "o": o, "c": cell, "h": o * math.tanh(cell)}


def no_input(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
    f, g, o = sigma(net(0, j, x, h)), math.tanh(net(1, j, x, h)), sigma(net(2, j, x, h))
    cell = f * c[j] + g
    return {"f": f, "g": g, "o": o, "c": cell, "h": o * math.tanh(cell)}


def no_output(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
    i, f, g = sigma(net(0, j, x, h)), sigma(net(1, j, x, h)), math.tanh(net(2, j, x, h))
    cell = f * c[j] + i * g
    return {"i": i, "f": f, "g": g, "c": cell, "h": math.tanh(cell)}


def no_squash(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
    values = lstm(net, j, x, h, c)
    return values | {"h": values["o"] * values["c"]}


def gru(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
    r, z = sigma(net(0, j, x, h)), sigma(net(1, j, x, h))
    n = math.tanh(net.of_x(2, j, x) + r * net.of_h(2, j, h))
    return {"r": r, "z": z, "n": n, "h": (1.0 - z) * n + z * h[j]}


def reset_before(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
    past = [sigma(net(0, m, x, h)) * h[m] for m in range(net.H)]
    z, n = sigma(net(1, j, x, h)), math.tanh(net(2, j, x, past))
    return {"r": sigma(net(0, j, x, h)), "z": z, "n": n, "h": (1.0 - z) * n + z * h[j]}


def mingru(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
    written = 1.0 - sigma(net.of_x(0, j, x))  # the paper's z_t
    candidate = net.of_x(1, j, x)
    return {"z": 1.0 - written, "n": candidate, "h": (1.0 - written) * h[j] + written * candidate}


def slstm(net: Net, j: int, x: Vector, h: Vector, c: Vector, n: Vector, m: Vector) -> dict[str, float]:
    """Without the stabiliser: the gates as they are, c and n divided by exp(m) in the end."""
    i, f = math.exp(net(0, j, x, h)), sigma(net(1, j, x, h))
    g, o = math.tanh(net(2, j, x, h)), sigma(net(3, j, x, h))
    scale = math.exp(m[j])
    cell, count = f * scale * c[j] + i * g, f * scale * n[j] + i
    top = max(math.log(f) + m[j], math.log(i))
    values = {"m": top, "f": f * scale / math.exp(top), "i": i / math.exp(top), "g": g, "o": o}
    return values | {"c": cell / math.exp(top), "n": count / math.exp(top), "h": o * cell / count}


def linear(net: Net, j: int, x: Vector, h: Vector, c: Vector) -> dict[str, float]:
    a, u = sigma(net.p[j]), net.of_x(0, j, x)
    return {"a": a, "u": u, "h": a * h[j] + u}


UNIT = {
    "rnn": elman(math.tanh),
    "rnn_relu": elman(lambda a: max(a, 0.0)),
    "lstm": lstm,
    "lstm_peephole": peephole,
    "lstm_coupled": coupled,
    "lstm_no_forget": no_forget,
    "lstm_no_input": no_input,
    "lstm_no_output": no_output,
    "lstm_no_squash": no_squash,
    "gru": gru,
    "gru_reset_before": reset_before,
    "mingru": mingru,
    "slstm": slstm,
    "linear": linear,
}


STATES = {"slstm": "hcnm"}


def run(cell: str, weights, x: np.ndarray, states: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Returns every gate, candidate and state by symbol, each (T, H), for x (T, D); states: those before."""
    net, unit = Net(weights), UNIT[cell]
    symbols = STATES.get(cell, "hc")[: len(states)]
    now: list[Vector] = [state.tolist() for state in states]
    steps = []
    for x_t in x.tolist():
        before = (*now, []) if len(now) == 1 else now
        units = [unit(net, j, x_t, *before) for j in range(net.H)]
        steps.append({symbol: [u[symbol] for u in units] for symbol in units[0]})
        now = [steps[-1][symbol] for symbol in symbols]
    return {symbol: np.array([step[symbol] for step in steps]) for symbol in steps[0]}
