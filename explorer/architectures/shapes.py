"""The shapes of a recurrent network from its sizes, and the code of PyTorch and of Keras that gives them.

    s = Sizes("lstm", batch=32, steps=10, inputs=16, hidden_size=8, layers=2, both=True)
    [(tensor.name, tensor.shape) for tensor in s.tensors]
    run(s).shapes                       # what PyTorch says when it runs torch_code(s)

Axes: B batch, T steps, D inputs, H units, L layers. The code that is returned is the code that is run.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from explorer.architectures.listing import execute
from explorer.cells import CELLS, CellSpec
from explorer.cells.spec import KerasLayer
from explorer.experiment import Experiment

CHECKED_STEPS = 32
"""Steps that the code is run with at most: without numbers each is run by itself, 4,096 take a minute."""

COMMENT = 58
"""Column where the shape stands behind a line of code."""


@dataclass(frozen=True)
class Tensor:
    """One tensor: its name as an expression of the code, what its axes are, their sizes."""

    name: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Weight:
    """One weight of a layer and direction in PyTorch, and what holds it in Keras: None, another holds it."""

    name: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    keras: str | None
    keras_shape: tuple[int, ...]


@dataclass(frozen=True)
class Sizes:
    """Choices that decide every shape.

    both: both directions; sequence: Keras' return_sequences; state: its return_state.
    """

    cell: str
    batch: int
    steps: int
    inputs: int
    hidden_size: int
    layers: int = 1
    both: bool = False
    sequence: bool = False
    state: bool = False
    batch_first: bool = True

    @classmethod
    def of(cls, experiment: Experiment) -> "Sizes":
        """Returns the sizes that an experiment asks for."""
        return cls(
            experiment.cell,
            experiment.rows,
            experiment.steps,
            experiment.inputs,
            experiment.outputs,
            experiment.depth,
            experiment.directions == "both",
            experiment.returns == "sequence",
            experiment.state == "yes",
            experiment.first == "batch",
        )

    @property
    def spec(self) -> CellSpec:
        """The cell that PyTorch has: the chosen one, or the plain one of its family."""
        spec = CELLS[self.cell]
        return spec if spec.torch_module is not None else CELLS[spec.family]

    @property
    def in_torch(self) -> bool:
        return CELLS[self.cell].torch_module is not None

    @property
    def in_keras(self) -> bool:
        return CELLS[self.cell].keras is not None

    @property
    def keras(self) -> KerasLayer:
        """The layer that Keras has: of the chosen cell, or of the plain one of its family."""
        layer = CELLS[self.cell].keras or self.spec.keras
        assert layer is not None
        return layer

    @property
    def directions(self) -> int:
        return 2 if self.both else 1

    @property
    def states(self) -> tuple[str, ...]:
        return self.spec.states

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What goes into PyTorch's module and what comes out."""
        stacked = ("L" if not self.both else "2L", "B", "H")
        last = "output[:, -1]" if self.batch_first else "output[-1]"
        return (
            self._tensor("x", *self._sequence("D")),
            self._tensor("output", *self._sequence(self._wide)),
            self._tensor(last, "B", self._wide),
            *(self._tensor(f"{state}_n", *stacked) for state in self.states),
        )

    @property
    def returned(self) -> tuple[Tensor, ...]:
        """What Keras returns; its batch stands first always."""
        y = ("B", "T", self._wide) if self.sequence else ("B", self._wide)
        ends = ("_forward", "_backward") if self.both else ("",)
        names = [f"{state}{end}" for end in ends for state in self.states] if self.state else []
        return (self._tensor("y", *y), *(self._tensor(name, "B", "H") for name in names))

    @property
    def weights(self) -> tuple[Weight, ...]:
        """All weights in the order of PyTorch's state_dict."""
        return tuple(self._weights())

    @property
    def parameters(self) -> int:
        """How many numbers PyTorch learns: two biases a gate."""
        return self._parameters(2)

    @property
    def keras_parameters(self) -> int:
        """How many Keras learns: one bias a gate, but for a GRU that resets after the product."""
        return self._parameters(self.keras.biases)

    @property
    def _wide(self) -> str:
        return "2H" if self.both else "H"

    def _sequence(self, last: str) -> tuple[str, ...]:
        return ("B", "T", last) if self.batch_first else ("T", "B", last)

    def _size(self, axis: str) -> int:
        times = int(axis[:-1] or 1)
        sizes = {"B": self.batch, "T": self.steps, "D": self.inputs, "H": self.hidden_size, "L": self.layers}
        return times * sizes[axis[-1]]

    def _tensor(self, name: str, *axes: str) -> Tensor:
        return Tensor(name, axes, tuple(map(self._size, axes)))

    def _weights(self) -> Iterator[Weight]:
        gates = len(self.spec.blocks)
        packed = f"{gates}H" if gates > 1 else "H"
        for level in range(self.layers):
            entering = "D" if level == 0 else self._wide
            for end in ("", "_reverse") if self.both else ("",):
                for name, keras, axes in (
                    ("weight_ih", "kernel", (packed, entering)),
                    ("weight_hh", "recurrent_kernel", (packed, "H")),
                    ("bias_ih", "bias", (packed,)),
                    ("bias_hh", None, (packed,)),
                ):
                    shape = tuple(map(self._size, axes))
                    turned = (2, *shape) if keras == "bias" and self.keras.biases == 2 else shape[::-1]
                    yield Weight(f"{name}_l{level}{end}", axes, shape, keras, turned)

    def _parameters(self, biases: int) -> int:
        widths = [self.inputs, *[self.hidden_size * self.directions] * (self.layers - 1)]
        return sum(
            self.directions * self.spec.parameters(width, self.hidden_size, biases) for width in widths
        )


def torch_code(sizes: Sizes) -> str:
    """Returns code of PyTorch that gives all these shapes; y is what Keras returns."""
    module = sizes.spec.torch_module
    assert module is not None
    x, output, _, *states = sizes.tensors
    options = {
        "num_layers": sizes.layers if sizes.layers > 1 else None,
        "bidirectional": sizes.both or None,
        "batch_first": sizes.batch_first or None,
    }
    given = [f"{name}={value}" for name, value in options.items() if value]
    given += [f"{name}={value!r}" for name, value in sizes.spec.torch_options if value != "tanh"]
    after = states[0].name if len(states) == 1 else f"({', '.join(state.name for state in states)})"
    lines = [
        "import torch",
        "from torch import nn",
        "",
        f"rnn = nn.{module.__name__}({', '.join([str(sizes.inputs), str(sizes.hidden_size), *given])})",
        _with_shape(f"x = torch.randn({', '.join(map(str, x.shape))})", x),
        _with_shape(f"output, {after} = rnn(x)", output),
        *(_with_shape(state.name, state) for state in states),
        "",
    ]
    y, *ends = sizes.returned
    if sizes.sequence:
        whole = "output" if sizes.batch_first else "output.transpose(0, 1)"
    else:
        whole = "torch.cat([h_n[-2], h_n[-1]], dim=-1)" if sizes.both else "h_n[-1]"
    lines.append(_with_shape(f"y = {whole}", y))
    for end in ends:
        state = f"{end.name[0]}_n[{-2 if end.name.endswith('_forward') else -1}]"
        lines.append(_with_shape(f"{end.name} = {state}", end))
    return "\n".join(lines)


def keras_code(sizes: Sizes) -> str:
    """Returns code of Keras 3 that gives the shapes of `returned`."""
    lines = [
        "import keras",
        "from keras import layers",
        "",
        _with_shape(
            f"x = keras.Input(shape=({sizes.steps}, {sizes.inputs}), batch_size={sizes.batch})",
            replace(sizes, batch_first=True).tensors[0],
        ),
    ]
    before = "x"
    for _ in range(sizes.layers - 1):
        whole = Tensor("y", (), (sizes.batch, sizes.steps, sizes.hidden_size * sizes.directions))
        lines += [
            f"layer = {_keras_layer(sizes, ', return_sequences=True')}",
            _with_shape(f"y = layer({before})", whole),
        ]
        before = "y"
    asked = ", return_sequences=True" * sizes.sequence + ", return_state=True" * sizes.state
    y, *ends = sizes.returned
    names = ", ".join(tensor.name for tensor in sizes.returned)
    lines += [
        f"layer = {_keras_layer(sizes, asked)}",
        f"{names} = layer({before})" if ends else _with_shape(f"y = layer({before})", y),
        *(_with_shape(tensor.name, tensor) for tensor in (sizes.returned if ends else ())),
        "",
        f"model = keras.Model(x, {names if not ends else f'[{names}]'})",
        f"{'model.count_params()':<{COMMENT}}# {sizes.keras_parameters}",
    ]
    return "\n".join(lines)


def _keras_layer(sizes: Sizes, asked: str) -> str:
    told = "".join(f", {option}" for option in sizes.keras.options)
    layer = f"layers.{sizes.keras.name}({sizes.hidden_size}{told}{asked})"
    return f"layers.Bidirectional({layer})" if sizes.both else layer


def dense_code(sizes: Sizes) -> tuple[str, str]:
    """Returns code of PyTorch and of Keras for one Dense layer at every step; it has no memory."""
    B, T, D, H = sizes.batch, sizes.steps, sizes.inputs, sizes.hidden_size
    x, y = Tensor("x", (), (B, T, D)), Tensor("y", (), (B, T, H))
    in_torch = [
        "import torch",
        "from torch import nn",
        "",
        f"dense = nn.Linear({D}, {H})",
        _with_shape(f"x = torch.randn({B}, {T}, {D})", x),
        _with_shape("y = dense(x)", y),
    ]
    in_keras = [
        "import keras",
        "from keras import layers",
        "",
        _with_shape(f"x = keras.Input(shape=({T}, {D}), batch_size={B})", x),
        _with_shape(f"y = layers.TimeDistributed(layers.Dense({H}))(x)", y),
        "model = keras.Model(x, y)",
        f"{'model.count_params()':<{COMMENT}}# {dense_parameters(sizes)}",
    ]
    return "\n".join(in_torch), "\n".join(in_keras)


def dense_parameters(sizes: Sizes) -> int:
    """Returns the weights of a Dense layer of these sizes: the same for any number of steps."""
    return sizes.hidden_size * (sizes.inputs + 1)


def _with_shape(line: str, tensor: Tensor) -> str:
    return f"{line:<{COMMENT - 2}}  # {written(tensor.shape)}"


def written(shape: tuple[int, ...]) -> str:
    """Returns a shape as Python writes it."""
    return str(tuple(shape))


@dataclass(frozen=True)
class CodeRun:
    """What PyTorch said when it ran the code: name -> shape; steps: how many it was run with."""

    shapes: dict[str, tuple[int, ...]]
    expected: dict[str, tuple[int, ...]]
    parameters: int
    steps: int

    @property
    def agrees(self) -> bool:
        return self.shapes == self.expected


def run(sizes: Sizes) -> CodeRun:
    """Runs `torch_code` without numbers (device meta), with CHECKED_STEPS steps where there are more."""
    shown = replace(sizes, steps=min(sizes.steps, CHECKED_STEPS))
    expected = {tensor.name: tensor.shape for tensor in shown.tensors + shown.returned}
    asked = "".join(f"{name}.shape, " for name in expected)
    names = run_bare(f"{torch_code(shown)}\nshapes = ({asked})")
    found = {name: tuple(shape) for name, shape in zip(expected, names["shapes"], strict=True)}
    return CodeRun(found, expected, sum(p.numel() for p in names["rnn"].parameters()), shown.steps)


def run_bare(code: str) -> dict:
    """Returns the names that a listing of PyTorch defines when it is run without numbers."""
    with torch.device("meta"), torch.no_grad():
        return execute(code)
