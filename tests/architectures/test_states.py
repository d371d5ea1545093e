"""States: against PyTorch's modules, its packed sequences, autograd, and the closed-form gradient."""

import numpy as np
import pytest
import torch

from explorer import bptt, trace
from explorer.architectures.states import (
    BATCH_STEPS,
    HIDDEN,
    INPUTS,
    PADS,
    SEEDS,
    SHIFTS,
    UNITS,
    WORDS,
    border,
    last_states,
    numpy_cell,
    paddings,
)
from explorer.cells import CELLS
from explorer.figures.palette import THEMES
from explorer.figures.states import (
    border_figure,
    cut_off,
    ends_figure,
    numpy_figure,
    padding_figure,
    radius_figure,
)
from explorer.i18n import LANGUAGES

FUSED = ("rnn", "rnn_relu", "lstm", "gru")


def layer(cell: str, seed: int) -> tuple[torch.nn.Module, torch.Generator]:
    """PyTorch's layer with the weights that a seed gives: uniform, in the order of the state_dict."""
    generator = torch.Generator().manual_seed(seed)
    spec = CELLS[cell]
    module = spec.torch_module(INPUTS, HIDDEN, dtype=torch.float64, **dict(spec.torch_options))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-(HIDDEN**-0.5), HIDDEN**-0.5, generator=generator)
    return module, generator


def drawn(generator: torch.Generator, steps: int) -> torch.Tensor:
    return torch.randn(steps, INPUTS, dtype=torch.float64, generator=generator)


def lengths(output: torch.Tensor) -> np.ndarray:
    return output.detach().norm(dim=-1).numpy()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("both", [False, True])
def test_output_meets_h_n_at_the_two_ends_of_the_top_layer_only(cell, layers, both):
    found = last_states(cell, layers, both, seed=3)
    top = (layers - 1) * (2 if both else 1)
    assert set(found.same) == ({(4, 0, top), (1, 1, top + 1)} if both else {(4, 0, top)})
    for step, way, row in found.same:
        part = found.output[step - 1, way * UNITS : (way + 1) * UNITS]
        np.testing.assert_array_equal(part, found.h_n[row])


def test_a_seed_is_a_run_and_nothing_else_is_drawn():
    before = torch.get_rng_state()
    first, again, other = (last_states("gru", 2, True, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.output, again.output)
    assert not np.array_equal(first.output, other.output)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("shift", SHIFTS)
def test_numpy_cell_is_an_rnn_of_pytorch_and_its_gradient_that_of_autograd(seed, shift):
    cell = numpy_cell(seed, shift)
    names: dict = {}
    exec(cell.code, names)
    module = torch.nn.RNN(4, 8, dtype=torch.float64)
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.tensor(names["Wx"]))
        module.weight_hh_l0.copy_(torch.tensor(names["Wh"]))
        module.bias_ih_l0.copy_(torch.tensor(names["b"]))
        module.bias_hh_l0.zero_()
    x = torch.tensor(names["x"])
    np.testing.assert_allclose(cell.states, module(x)[0].detach().numpy(), atol=1e-12)
    jacobian = torch.autograd.functional.jacobian(lambda h: module(x[1:], h)[1][0], module(x[:1])[1])
    norm = torch.linalg.matrix_norm(jacobian.reshape(8, 8), 2)
    assert cell.norm == pytest.approx(float(norm), rel=1e-6)
    assert cell.radius == pytest.approx(float(torch.linalg.eigvals(torch.tensor(names["Wh"])).abs().max()))


def test_positive_weights_saturate_and_centred_ones_do_not():
    positive, centred = ([numpy_cell(seed, shift) for seed in range(SEEDS)] for shift in SHIFTS)
    assert all(cell.states[1:].min() > 0.98 for cell in positive)
    assert all(3.0 < cell.radius < 5.0 and 1e-36 < cell.norm < 1e-20 for cell in positive)
    assert all(np.abs(cell.states).max() < 0.99 for cell in centred)
    assert all(cell.radius < 1.5 and cell.norm > 1e-3 for cell in centred)


@pytest.mark.parametrize("cell", FUSED)
def test_border_is_what_pytorch_gives_for_two_batches(cell):
    module, generator = layer(cell, 5)
    x = drawn(generator, 2 * BATCH_STEPS)
    found = border(cell, 5)
    first, second = x[:BATCH_STEPS], x[BATCH_STEPS:]
    np.testing.assert_allclose(found.carried, lengths(module(x)[0]), atol=1e-12)
    reset = np.concatenate([lengths(module(first)[0]), lengths(module(second)[0])])
    np.testing.assert_allclose(found.reset, reset, atol=1e-12)
    assert not np.allclose(found.reset[BATCH_STEPS:], found.carried[BATCH_STEPS:])


@pytest.mark.parametrize("cell", FUSED)
def test_gradient_stops_at_the_border_and_the_state_does_not(cell):
    module, generator = layer(cell, 5)
    x = drawn(generator, 2 * BATCH_STEPS)
    found = border(cell, 5)
    dL_dh = np.zeros((2 * BATCH_STEPS, HIDDEN))
    dL_dh[-1] = 1.0
    closed = bptt(trace(module, x), dL_dh).total_norm[1:]
    np.testing.assert_allclose(found.whole, closed, rtol=1e-9)
    np.testing.assert_allclose(found.stopped[BATCH_STEPS:], closed[BATCH_STEPS:], rtol=1e-9)
    assert (found.stopped[:BATCH_STEPS] == 0.0).all() and (found.whole > 0.0).all()


@pytest.mark.parametrize("cell", FUSED)
def test_masked_pads_after_the_words_are_pytorchs_packed_sequence(cell):
    module, generator = layer(cell, 2)
    words = drawn(generator, WORDS)
    padded = torch.cat([words, torch.zeros(PADS, INPUTS, dtype=torch.float64)])
    packed = torch.nn.utils.rnn.pack_padded_sequence(padded[:, None], [WORDS])
    after = module(packed)[1]
    last = after[0] if isinstance(after, tuple) else after
    runs = {(run.before, run.masked): run for run in paddings(cell, 2)}
    assert runs[False, True].norm[-1] == pytest.approx(float(last.detach().norm()))
    np.testing.assert_allclose(runs[False, False].norm, lengths(module(padded)[0]), atol=1e-12)
    np.testing.assert_allclose(runs[True, False].norm, lengths(module(padded.roll(PADS, 0))[0]), atol=1e-12)
    end, alone = (module(x)[0][-1].detach() for x in (padded, words))
    assert runs[False, False].off == pytest.approx(float((end - alone).norm() / alone.norm()))


@pytest.mark.parametrize("cell", CELLS)
def test_only_unmasked_pads_move_the_state(cell):
    runs = {(run.before, run.masked): run for run in paddings(cell, 0)}
    assert (runs[True, True].norm[:PADS] == 0.0).all()
    assert (runs[True, False].norm[:PADS] > 0.05).all()
    assert (runs[False, True].norm[WORDS:] == runs[False, True].norm[WORDS - 1]).all()
    assert runs[True, True].off == runs[False, True].off == 0.0
    assert runs[False, False].off > 0.1 and runs[True, False].off > 0.0
    assert runs[True, False].pads == (1, PADS) and runs[False, True].pads == (WORDS + 1, WORDS + PADS)


@pytest.mark.parametrize(
    "value, digits, text",
    [
        (0.99996, 4, ".9999"), (-0.99999999, 4, "−.9999"), (0.0, 2, ".00"), (-0.001, 2, ".00"),
        (1.5, 2, "1.50"), (0.86, 4, ".8600"),
    ],
)  # fmt: skip
def test_numbers_are_cut_off_not_rounded(value, digits, text):
    assert cut_off(value, digits) == text


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_figures_show_the_numbers_of_their_records(lang, theme):
    cells = [numpy_cell(0, shift) for shift in SHIFTS]
    found, runs, ends = border("lstm", 0), paddings("lstm", 0), last_states("lstm", 2, True, 0)
    figures = [
        ends_figure(ends, lang, theme),
        numpy_figure(cells, lang, theme),
        radius_figure([cells, cells], cells, lang, theme),
        border_figure(found, lang, theme),
        padding_figure(runs, lang, theme),
    ]
    for figure in figures:
        assert "{" not in str(figure.layout.title.text) + str([trace.name for trace in figure.data])
    np.testing.assert_array_equal(figures[0].data[0].z, ends.output)
    np.testing.assert_array_equal(figures[1].data[1].z, cells[1].states)
    np.testing.assert_array_equal(figures[3].data[0].y, found.carried)
    lines = [trace for trace in figures[4].data if trace.mode == "lines+markers"]
    for trace_of, run in zip(lines, runs, strict=True):
        np.testing.assert_array_equal(trace_of.y, run.norm)
    shaded = [(shape.x0, shape.x1) for shape in figures[4].layout.shapes]
    assert shaded == [(0.5, PADS + 0.5)] * 2 + [(WORDS + 0.5, WORDS + PADS + 0.5)] * 2
