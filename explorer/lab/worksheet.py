"""A sheet to calculate by hand: one step of an LSTM, one of a GRU, one gradient, of a network that runs.

Two tokens are read and the third is to be predicted; all is about step 2. What is printed suffices: whoever
calculates with the printed numbers and carries CARRIED digits comes to every answer, to two digits.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from explorer.cells import CELLS
from explorer.cells.equations import latex, unfolded
from explorer.cells.spec import LayerWeights
from explorer.experiment import Experiment
from explorer.lab.flow import readout_losses
from explorer.lab.learned import Learned, inputs, learn, text_of
from explorer.labels import label
from explorer.nn.model import RecurrentModel
from explorer.nn.records import LayerTrace
from explorer.nn.tracing import trace

SIZES = (2, 3)
"""Units of a network that somebody calculates by hand."""

TOKENS = 3
CARRIED = 4
"""Significant digits that a reader carries from line to line."""

DECIMALS = (2, 3, 4)
"""How finely weights and states are printed: the first of these that suffices."""

CELLS_SHOWN = ("lstm", "gru")

Number = Callable[[float], float]
Numbers = Mapping[str, np.ndarray]


class UnworkableError(ValueError):
    """No sheet can be made. sentence: the key of the reason in the locale."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Blank:
    """A number to find: its name within the sheet, what the network has there, the decimals of its answer."""

    key: str
    value: float
    digits: int

    @property
    def written(self) -> str:
        return signed(self.value, self.digits)

    def takes(self, typed: float) -> bool:
        """Returns whether a number is right to two digits: off by one in the last of them at most."""
        return abs(typed - self.value) <= 1.0001 * 10.0**-self.digits


@dataclass(frozen=True)
class Line:
    """An equation by its symbol, its two sides in LaTeX, and a blank for each unit."""

    key: str
    left: str
    right: str
    blanks: tuple[Blank, ...]


@dataclass(frozen=True)
class Row:
    """The weights of one unit's gate or candidate, as printed: W x by token, biases, a row of U."""

    symbol: str
    unit: int
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One exercise: a table of weights, its heads in LaTeX; given: what is printed besides, by its LaTeX."""

    key: str
    cell: str
    given: tuple[tuple[str, tuple[str, ...]], ...]
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Worksheet:
    """The sheet of a network: the experiment that shows it, its three tokens, its three parts."""

    experiment: Experiment
    tokens: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def blanks(self) -> dict[str, Blank]:
        """Every blank by its name."""
        return {b.key: b for part in self.parts for line in part.lines for b in line.blanks}


def _blanks(stem: str, values: np.ndarray) -> tuple[Blank, ...]:
    """The blanks of a line: two decimals, or as many as show two digits of the largest of small numbers."""
    largest = float(np.abs(values).max())
    digits = 2 if not 0 < largest < 0.1 else 1 - math.floor(math.log10(largest))
    return tuple(Blank(f"{stem}_{k}", float(value), digits) for k, value in enumerate(values, 1))


def signed(value: float, digits: int) -> str:
    """Returns a number with so many decimals, never -0.00, its minus as people write it."""
    text = f"{value:.{digits}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "−")


def sized(experiment: Experiment, hidden: int = 0) -> Experiment:
    """Returns the network of a sheet: the page's where it is small, else one of its kind as it starts."""
    plain = replace(experiment.only(*_NETWORK), cell=CELLS_SHOWN[0])
    if hidden in (0, plain.hidden) and plain.hidden in SIZES and plain.weights not in ("marked", "model"):
        return plain
    return replace(plain, text=text_of(experiment), hidden=hidden or SIZES[0], weights="untrained")


_NETWORK = (
    *("text", "units", "weights", "unknown", "hidden", "seed", "moment"),
    *("init", "gain", "bias", "keep_bias"),
)


def worksheet(
    experiment: Experiment, notation: str = "pytorch", learned: Callable[[Experiment], Learned] = learn
) -> Worksheet:
    """Returns the sheet of an experiment as `sized` gives it, in a notation.

    Of a network that has learned, it shows the last kept training step whose gates two digits tell from open
    or shut, else the last that can be calculated by hand. Raises UnworkableError for fewer than three tokens,
    or where no moment will do.
    """
    pairs = {cell: learned(replace(experiment, cell=cell).model_part()) for cell in CELLS_SHOWN}
    latest = None
    for moment in _moments(experiment, pairs.values()):
        runs = {cell: _run(experiment, pair, pair.at(moment)) for cell, pair in pairs.items()}
        parts = next(filter(None, (_parts(runs, notation, decimals) for decimals in DECIMALS)), None)
        if parts is None:
            continue
        found = Worksheet(replace(experiment, moment=moment), runs["lstm"].tokens, parts)
        if all(map(_tells, runs.values())):
            return found
        latest = latest or found
    if latest is None:
        raise UnworkableError("saturated")
    return latest


def _tells(run: "_Run") -> bool:
    """Whether two digits tell every gate of step 2 from an open or a shut one."""
    gates = np.array([run.layer.gate[s][1] for s in run.layer.spec.gates])
    return bool(((gates > 0.01) & (gates < 0.99)).all())


def _moments(experiment: Experiment, pairs: Iterable[Learned]) -> list[int]:
    """The training steps to try, the latest first; an untrained network has one."""
    kept = {experiment.moment}
    for pair in pairs:
        kept |= {step for step in pair.moments if step <= experiment.moment}
    return sorted(kept, reverse=True)


@dataclass(frozen=True)
class _Run:
    """Three tokens, one layer over them, and dL_2/dh_2 (H,) of -log p(the third) after the second."""

    tokens: tuple[str, ...]
    layer: LayerTrace
    direct: np.ndarray


def _run(experiment: Experiment, pair: Learned, model: RecurrentModel) -> _Run:
    given = inputs(experiment, model, pair.sample)
    if len(given.x) < TOKENS:
        raise UnworkableError("short")
    run = trace(model, given.x[:TOKENS])
    dL_dh, _ = readout_losses(run)
    return _Run(tuple(label(token) for token in given.x[:TOKENS]), run.layers[0], dL_dh[1])


def _parts(runs: Mapping[str, _Run], notation: str, decimals: int) -> tuple[Part, ...] | None:
    """The three parts, None where the printed numbers do not lead to their answers."""
    parts, by_hand = [], {}
    for cell in CELLS_SHOWN:
        layer = runs[cell].layer.in_notation(notation)
        printed = _printed(layer, decimals)
        by_hand[cell] = printed | step_by_hand(cell, notation, printed, _carried)
        parts.append(_step(layer, printed, decimals))
    direct = runs["lstm"].direct
    parts.append(_gradient(runs["lstm"].layer, direct))
    by_hand["gradient"] = back_by_hand(by_hand["lstm"] | {"dh": np.round(direct, GIVEN_DECIMALS)}, _carried)
    return tuple(parts) if all(_reached(part, by_hand[part.key]) for part in parts) else None


def _reached(part: Part, found: Numbers) -> bool:
    """Whether numbers calculated by hand are right in every blank."""
    return all(
        blank.takes(float(value))
        for line in part.lines
        for blank, value in zip(line.blanks, found[line.key], strict=True)
    )


def _carried(value: float) -> float:
    """A number as a reader writes it down on the way."""
    return float(f"{value:.{CARRIED}g}")


# The step


def _printed(layer: LayerTrace, decimals: int) -> dict[str, np.ndarray]:
    """What is printed of a cell: W x (G*H, 3), b, U (G*H, H), b', and the states after step 1.

    An LSTM needs the sum of its two biases alone.
    """
    w: LayerWeights = layer.weights
    two = layer.cell == "gru"
    found = {
        "wx": w.w_ih @ layer.x.T,
        "b": w.b_ih if two else w.b_ih + w.b_hh,
        "u": w.w_hh,
        "b'": w.b_hh if two else np.zeros_like(w.b_hh),
        **{f"{s}_prev": layer.states[s][1] for s in layer.spec.states},
    }
    return {name: np.round(np.asarray(values, np.float64), decimals) for name, values in found.items()}


def step_by_hand(cell: str, notation: str, printed: Numbers, carry: Number) -> dict[str, np.ndarray]:
    """Returns every signal of step 2 (H,) in the order of the equations, from printed numbers alone.

    carry: what becomes of a number that is written down on the way.
    """
    down = np.vectorize(carry)
    spec = CELLS[cell]
    names, H = spec.blocks, len(printed["h_prev"])
    of = {
        name: {s: values[k * H : (k + 1) * H] for k, s in enumerate(names)}
        for name, values in printed.items()
        if not name.endswith("_prev")
    }

    def given(s: str) -> np.ndarray:
        return of["wx"][s][:, 1] + of["b"][s]

    def state(s: str) -> np.ndarray:
        return of["u"][s] @ printed["h_prev"] + of["b'"][s]

    def gate(s: str) -> np.ndarray:
        return down(1.0 / (1.0 + np.exp(-(given(s) + state(s)))))

    if cell == "lstm":
        f, i, g = gate("f"), gate("i"), down(np.tanh(given("g") + state("g")))
        c = down(f * printed["c_prev"] + i * g)
        o = gate("o")
        return {"f": f, "i": i, "g": g, "c": c, "o": o, "h": down(o * np.tanh(c))}
    z, r = gate("z"), gate("r")
    n = down(np.tanh(given("n") + r * state("n")))
    keep = 1.0 - z if notation == "lecture" else z
    return {"z": z, "r": r, "n": n, "h": down((1.0 - keep) * n + keep * printed["h_prev"])}


def _step(layer: LayerTrace, printed: Numbers, decimals: int) -> Part:
    spec = CELLS[layer.cell]
    table = dict((spec.lecture or spec).equations if layer.notation == "lecture" else spec.equations)
    shown = [symbol for symbol in table if not symbol.startswith("pre_")]
    H, two = layer.hidden_size, layer.cell == "gru"
    lines = tuple(
        Line(
            symbol,
            f"{symbol}_2",
            _at_two(latex(unfolded(symbol, table)), two),
            _blanks(f"{layer.cell}_{symbol}", layer.signal(symbol)[1]),
        )
        for symbol in shown
    )
    order = [s for s in shown if s in spec.blocks]
    rows = tuple(
        Row(s, k + 1, _row(printed, spec.blocks.index(s) * H + k, two, decimals))
        for s in order
        for k in range(H)
    )
    heads = ("W x_1", "W x_2", "W x_3", "b", *(f"U_{{\\cdot {k}}}" for k in range(1, H + 1)))
    states = tuple((f"{s}_1", tuple(signed(v, decimals) for v in printed[f"{s}_prev"])) for s in spec.states)
    return Part(layer.cell, layer.cell, states, (*heads, *(["b'"] if two else [])), rows, lines)


def _row(printed: Numbers, at: int, two: bool, decimals: int) -> tuple[str, ...]:
    numbers = [*printed["wx"][at], printed["b"][at], *printed["u"][at], *([printed["b'"][at]] if two else [])]
    return tuple(signed(float(value), decimals) for value in numbers)


def _at_two(equation: str, two: bool) -> str:
    """An equation at step 2; where both biases are printed as one, with one."""
    moved = equation.replace("_{t-1}", "_1").replace("_t", "_2")
    if not two:
        for symbol in "figo":
            moved = moved.replace(f" + b'_{symbol}", "")
    return moved


# The gradient

GIVEN_DECIMALS = 4
"""How finely dL/dh_2 is printed: its numbers may be small."""


def back_by_hand(known: Numbers, carry: Number) -> dict[str, np.ndarray]:
    """Returns the gradients by line (H,), from dL/dh_2 (`dh`) and what somebody has of step 2."""
    down = np.vectorize(carry)
    c = down(known["dh"] * known["o"] * (1.0 - np.tanh(known["c"]) ** 2))
    f = down(c * known["c_prev"] * known["f"] * (1.0 - known["f"]))
    return {"dc": c, "df": f, "du": down(f[0] * known["h_prev"]), "dc_prev": down(c * known["f"])}


_DL = r"\frac{{\partial L}}{{\partial {}}}"
_LINES = {
    "dc": (
        _DL.format("c_2"),
        _DL.format("h_2") + r" \odot o_2 \odot \left(1 - \tanh^2\left(c_2\right)\right)",
    ),
    "df": (
        _DL.format(r"\tilde{f}_2"),
        _DL.format("c_2") + r" \odot c_1 \odot f_2 \odot \left(1 - f_2\right)",
    ),
    "du": (_DL.format(r"U_{f,1 \cdot}"), r"\left(" + _DL.format(r"\tilde{f}_2") + r"\right)_1 h_1"),
    "dc_prev": (_DL.format("c_1"), _DL.format("c_2") + r" \odot f_2"),
}


def _gradient(layer: LayerTrace, direct: np.ndarray) -> Part:
    """The way back through step 2, by the running network's own numbers; the step before it is given."""
    known = {s: layer.signal(s)[1] for s in layer.signals} | {"dh": direct}
    known |= {f"{s}_prev": layer.states[s][1] for s in layer.spec.states}
    found = back_by_hand(known, float)
    lines = tuple(
        Line(key, *_LINES[key], _blanks(f"gradient_{key}", values)) for key, values in found.items()
    )
    given = (_DL.format("h_2"), tuple(signed(float(v), GIVEN_DECIMALS) for v in direct))
    return Part("gradient", layer.cell, (given,), (), (), lines)
