"""Shapes against the modules of PyTorch; the code that is shown is run, and gives what the table says."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from explorer.architectures import shapes
from explorer.architectures.shapes import Sizes, dense_code, keras_code, run, run_bare, torch_code
from explorer.cells import CELLS
from explorer.experiment import Experiment
from explorer.figures.drawing import drawn
from explorer.figures.palette import HUES, THEMES
from explorer.figures.shapes import LAST, LAST_DRAWN, MOST, grid_figure
from explorer.i18n import LANGUAGES

IN_TORCH = {
    "rnn": torch.nn.RNN,
    "rnn_relu": torch.nn.RNN,
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
}
SMALL = Sizes("lstm", batch=2, steps=5, inputs=3, hidden_size=4)
GRID = [
    replace(SMALL, cell=cell, layers=layers, both=both, sequence=sequence, state=state, batch_first=first)
    for cell, layers, both, sequence, state, first in product(
        IN_TORCH, (1, 3), (False, True), (False, True), (False, True), (False, True)
    )
]


def name(sizes: Sizes) -> str:
    ways = "both" if sizes.both else "one"
    return f"{sizes.cell}-{sizes.layers}-{ways}-{sizes.sequence}-{sizes.state}-{sizes.batch_first}"


def numbers(code: str) -> dict:
    """The names that code defines, run with numbers."""
    names: dict = {}
    with torch.no_grad():
        exec(code, names)
    return names


@pytest.mark.parametrize("sizes", GRID, ids=name)
def test_table_is_what_a_module_of_pytorch_gives(sizes):
    module = IN_TORCH[sizes.cell](3, 4, sizes.layers, bidirectional=sizes.both, batch_first=sizes.batch_first)
    x = torch.zeros((2, 5, 3) if sizes.batch_first else (5, 2, 3))
    output, after = module(x)
    h_n = after[0] if sizes.cell == "lstm" else after
    last = output[:, -1] if sizes.batch_first else output[-1]
    told = [tensor.shape for tensor in sizes.tensors]
    assert told == [tuple(a.shape) for a in (x, output, last, *(after if sizes.cell == "lstm" else (h_n,)))]
    weights = {w.name: w.shape for w in sizes.weights}
    assert weights == {n: tuple(p.shape) for n, p in module.named_parameters()}
    assert list(weights) == list(module.state_dict())
    assert sizes.parameters == sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("sizes", GRID, ids=name)
def test_code_of_pytorch_gives_every_shape_of_the_table(sizes):
    names = numbers(torch_code(sizes))
    for tensor in sizes.tensors + sizes.returned:
        assert tuple(eval(tensor.name, names).shape) == tensor.shape, tensor.name
    comments = [line.split("# ")[1] for line in torch_code(sizes).splitlines() if "# " in line]
    given = [tensor for tensor in sizes.tensors if "[" not in tensor.name]
    assert comments == [str(tensor.shape) for tensor in (*given, *sizes.returned)]


@pytest.mark.parametrize("sizes", [s for s in GRID if s.both and not s.sequence], ids=name)
def test_last_of_both_directions_is_forward_at_the_last_step_and_backward_at_the_first(sizes):
    names = numbers(torch_code(sizes))
    output = names["output"] if sizes.batch_first else names["output"].transpose(0, 1)
    torch.testing.assert_close(names["y"], torch.cat([output[:, -1, :4], output[:, 0, 4:]], -1))
    if sizes.state:
        torch.testing.assert_close(names["h_forward"], output[:, -1, :4])
        torch.testing.assert_close(names["h_backward"], output[:, 0, 4:])
    assert not torch.allclose(names["y"], output[:, -1])


@pytest.mark.parametrize("cell", CELLS)
def test_run_agrees_for_every_cell(cell):
    sizes = Sizes(cell, 32, 10, 16, 8, layers=2, both=True, state=True)
    found = run(sizes)
    assert found.agrees and found.steps == 10
    assert found.parameters == sizes.parameters
    assert sizes.in_torch == (cell in IN_TORCH)


def test_run_says_when_the_code_gives_other_shapes(monkeypatch):
    monkeypatch.setattr(shapes, "torch_code", lambda sizes: torch_code(replace(sizes, hidden_size=5)))
    assert not run(SMALL).agrees


def test_the_largest_sizes_are_run_without_their_numbers():
    sizes = Sizes("rnn", 4096, 4096, 4096, 4096, layers=2, both=True, sequence=True)
    found = run(sizes)
    assert found.agrees and found.steps == shapes.CHECKED_STEPS
    assert found.shapes["output"] == (4096, shapes.CHECKED_STEPS, 8192)


def test_running_the_code_draws_no_random_numbers():
    before = torch.get_rng_state()
    run(SMALL)
    run_bare(dense_code(SMALL)[0])
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "choices, returned",
    [
        ({"batch": 8, "steps": 2, "inputs": 10}, [(8, 3)]),
        ({"batch": 8, "steps": 2, "inputs": 10, "sequence": True}, [(8, 2, 3)]),
        ({"batch": 1, "steps": 4, "inputs": 5}, [(1, 3)]),
        ({"batch": 1, "steps": 4, "inputs": 5, "sequence": True}, [(1, 4, 3)]),
        ({"batch": 1, "steps": 4, "inputs": 5, "sequence": True, "state": True}, [(1, 4, 3), (1, 3)]),
    ],
)
def test_shapes_of_the_lecture(choices, returned):
    assert [tensor.shape for tensor in Sizes("rnn", hidden_size=3, **choices).returned] == returned


def test_simple_rnn_of_the_lecture_has_42_weights_in_keras_and_45_in_pytorch():
    sizes = Sizes("rnn", 8, 2, 10, 3)
    assert (sizes.keras_parameters, sizes.parameters) == (42, 45)
    assert "# 42" in keras_code(sizes)


def test_dense_of_the_lecture():
    names = numbers(dense_code(Sizes("rnn", 32, 10, 16, 8))[0])
    assert tuple(names["x"].shape) == (32, 10, 16)
    assert tuple(names["y"].shape) == (32, 10, 8)


def test_sizes_of_an_experiment():
    asked = {"cell": "gru", "rows": "3", "steps": "7", "inputs": "5", "outputs": "2", "depth": "4"}
    kinds = {"directions": "one", "returns": "sequence", "state": "yes", "first": "time"}
    experiment, refused = Experiment().with_changes(asked | kinds)
    assert not refused
    assert Sizes.of(experiment) == Sizes("gru", 3, 7, 5, 2, 4, False, True, True, False)


@pytest.mark.parametrize("steps", [1, 2, 6, 7, 8, 4096])
def test_columns_are_few_and_keep_both_ends(steps):
    columns = drawn(range(1, steps + 1), MOST, LAST_DRAWN)
    told = [step for step in columns if step is not None]
    assert len(columns) <= MOST and told[0] == 1 and told[-1] == steps
    assert told == sorted(set(told))
    assert (None in columns) == (len(told) < steps)


def boxes(figure, colour: str) -> list[tuple[float, float]]:
    """Where the centres of the boxes with a line of a colour stand."""
    found = [s for s in figure.layout.shapes if s.line.color == colour]
    return [((s.x0 + s.x1) / 2, (s.y0 + s.y1) / 2) for s in found]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_last_state_of_the_backward_direction_is_drawn_at_step_1(lang, theme):
    figure = grid_figure(Sizes("lstm", 32, 4096, 16, 8, layers=2, both=True), lang, theme)
    at = [round(x) for x, _ in sorted(boxes(figure, HUES[theme][LAST]), key=lambda place: place[1])]
    assert at == [5, 0, 5, 0]  # from the first layer up, forward below backward
    names = {a.text: a for a in figure.layout.annotations}
    assert names["h_n[2]"].x > 5 and names["h_n[3]"].x < 0
    assert "[:, 4095]" in names and "h<sub>4096</sub>" in names
    assert len(figure.layout.shapes) < 60


def filled(sizes: Sizes) -> set[tuple[float, float]]:
    figure = grid_figure(sizes, "en")
    return {(s.x0, s.y0) for s in figure.layout.shapes if (s.fillcolor or "").startswith("rgba")}


@pytest.mark.parametrize("both", [False, True])
def test_what_keras_returns_is_filled(both):
    sizes = replace(SMALL, layers=2, both=both)
    assert len(filled(sizes)) == sizes.directions
    assert len(filled(replace(sizes, sequence=True))) == sizes.directions * sizes.steps
    assert filled(sizes) < filled(replace(sizes, sequence=True))
