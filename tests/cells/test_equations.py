"""What a page displays must be what was computed: equations, drawings and LaTeX against the trace."""

import numpy as np
import pytest

from explorer import CELLS
from explorer.cells import NumpyOps
from explorer.cells.equations import evaluate, latex, unfolded
from explorer.nn.interventions import untouched
from tests.helpers import EVERY, largest, random_layer

LECTURE = tuple(key for key in EVERY if CELLS[key].lecture)
NOTATIONS = [*((key, "pytorch") for key in EVERY), *((key, "lecture") for key in LECTURE)]


def layers(cell: str, notation: str, cases: int = 20):
    rng = np.random.default_rng(41)
    for case in range(cases):
        layer = random_layer(cell, rng, batched=case % 4 == 0)
        yield layer.in_lecture_notation() if notation == "lecture" else layer


def symbols_of(layer) -> dict[str, np.ndarray]:
    """Returns the trace's own arrays under the names that equations use."""
    values = {"x": layer.x}
    for symbol, rows in layer.states.items():
        values |= {symbol: rows[1:], f"{symbol}_prev": rows[:-1]}
    return values | layer.gate | {f"pre_{s}": a for s, a in layer.pre.items()}


@pytest.mark.parametrize(("cell", "notation"), NOTATIONS)
def test_every_displayed_equation_gives_the_traced_number(cell, notation):
    for layer in layers(cell, notation):
        values = symbols_of(layer)
        for symbol, expression in layer.spec.equations:
            found = evaluate(expression, values, layer.weights)
            assert largest(found, values[symbol]) <= 1e-12, symbol


@pytest.mark.parametrize(("cell", "notation"), NOTATIONS)
def test_every_signal_has_an_equation_that_uses_only_earlier_ones(cell, notation):
    spec = CELLS[cell].lecture if notation == "lecture" else CELLS[cell]
    known = {"x", *(f"{state}_prev" for state in spec.states)}
    for symbol, expression in spec.equations:
        assert leaves(expression) <= known, symbol
        known.add(symbol)
    assert {signal.symbol for signal in spec.signals} <= known


def leaves(expression) -> set[str]:
    """Returns the symbols that an expression reads."""
    if isinstance(expression, str):
        return {expression}
    if not isinstance(expression, tuple):
        return set()
    head, *rest = expression
    if head in ("in", "rec", "peep", "unit"):
        implied = {"in": {"x"}, "rec": {"h_prev"}}.get(head, set())
        return leaves(rest[1]) if len(rest) > 1 else implied
    return set().union(*map(leaves, rest))


@pytest.mark.parametrize(("cell", "notation"), NOTATIONS)
def test_every_node_and_wire_carries_a_finite_value_of_every_unit(cell, notation):
    layer = next(layers(cell, notation))
    values, drawing = symbols_of(layer), layer.spec.diagram
    for part in (*drawing.nodes, *drawing.wires):
        if part.value is not None:
            found = evaluate(part.value, values, layer.weights)
            assert found.shape == layer.output.shape, part
            assert np.isfinite(found).all(), part


@pytest.mark.parametrize(("cell", "notation"), [pair for pair in NOTATIONS if not CELLS[pair[0]].plain])
def test_what_is_drawn_as_kept_and_written_adds_up_to_the_new_state(cell, notation):
    for layer in layers(cell, notation):
        values = symbols_of(layer)
        drawn = {
            node.key: evaluate(node.value, values, layer.weights)
            for node in layer.spec.diagram.nodes
            if node.key in ("kept", "written", "plus")
        }
        kept = drawn.get("kept", values.get("c_prev"))
        (candidate,) = (signal.symbol for signal in layer.spec.signals if signal.role == "candidate")
        written = drawn.get("written", values[candidate])
        assert largest(kept + written, drawn["plus"]) <= 1e-12
        assert largest(drawn["plus"], values[layer.spec.memory]) <= 1e-12


@pytest.mark.parametrize(("cell", "notation"), NOTATIONS)
def test_the_drawing_stays_on_its_grid_and_shows_every_gate(cell, notation):
    spec = CELLS[cell].lecture if notation == "lecture" else CELLS[cell]
    nodes, wires = spec.diagram.nodes, spec.diagram.wires
    points = [(node.x, node.y) for node in nodes] + [p for wire in wires for p in wire.points]
    assert all(0 <= x <= 100 and y >= 0 for x, y in points)  # the stage takes the height from the nodes
    assert max(y for _, y in points) <= max(node.y for node in nodes)
    assert len({node.key for node in nodes}) == len(nodes)
    assert set(spec.activations) <= {node.key for node in nodes}


@pytest.mark.parametrize("cell", LECTURE)
def test_lecture_notation_turns_z_around_and_keeps_the_states(cell):
    for layer in layers(cell, "pytorch"):
        lecture = layer.in_lecture_notation()
        assert largest(lecture.gate["z"], 1.0 - layer.gate["z"]) == 0.0
        assert largest(lecture.pre["z"], -layer.pre["z"]) == 0.0
        assert all(lecture.gate[s] is array for s, array in layer.gate.items() if s != "z")
        assert lecture.h is layer.h
        assert lecture.in_lecture_notation() is lecture


@pytest.mark.parametrize("cell", LECTURE)
def test_the_lecture_s_own_step_makes_the_same_states(cell):
    for layer in layers(cell, "lecture"):
        projected, h = layer.weights.project(layer.x), layer.h[0]
        for t in range(layer.steps):
            a = {s: p[t] for s, p in projected.items()}
            _, gate, (h,) = CELLS[cell].lecture.step(NumpyOps, a, (h,), layer.weights, untouched)
            assert largest(h, layer.h[t + 1]) <= 1e-12
            assert largest(gate["z"], layer.gate["z"][t]) <= 1e-12


@pytest.mark.parametrize("cell", [key for key in EVERY if key not in LECTURE])
def test_a_cell_without_a_lecture_form_stays_as_it_is(cell):
    layer = next(layers(cell, "pytorch"))
    assert layer.in_lecture_notation() is layer


KEEP_N = r"\left(1 - z_t\right) \odot n_t + z_t \odot h_{t-1}"
KEEP_H = r"\left(1 - z_t\right) \odot h_{t-1} + z_t \odot n_t"
AFTER = r"W_n x_t + b_n + r_t \odot \left(U_n h_{t-1} + b'_n\right)"
BEFORE = r"W_n x_t + b_n + U_n \left(r_t \odot h_{t-1}\right) + b'_n"
PEEP = r"W_o x_t + b_o + U_o h_{t-1} + b'_o + p_o \odot c_t"


@pytest.mark.parametrize(
    ("cell", "notation", "symbol", "expected"),
    [
        ("lstm", "pytorch", "c", r"f_t \odot c_{t-1} + i_t \odot g_t"),
        ("lstm", "pytorch", "h", r"o_t \odot \tanh\left(c_t\right)"),
        ("lstm_coupled", "pytorch", "i", r"1 - f_t"),
        ("lstm_no_forget", "pytorch", "c", r"c_{t-1} + i_t \odot g_t"),
        ("lstm_peephole", "pytorch", "pre_o", PEEP),
        ("gru", "pytorch", "h", KEEP_N),
        ("gru", "lecture", "h", KEEP_H),
        ("gru", "pytorch", "pre_n", AFTER),
        ("gru_reset_before", "lecture", "h", KEEP_H),
        ("gru_reset_before", "lecture", "pre_n", BEFORE),
        ("rnn", "pytorch", "pre_h", r"W_h x_t + b_h + U_h h_{t-1} + b'_h"),
    ],
)
def test_latex_reads_as_the_lecture_and_the_papers_write_it(cell, notation, symbol, expected):
    spec = CELLS[cell].lecture if notation == "lecture" else CELLS[cell]
    assert latex(dict(spec.equations)[symbol]) == expected


@pytest.mark.parametrize(("cell", "notation"), NOTATIONS)
def test_an_unfolded_equation_names_no_pre_activation_and_has_the_same_value(cell, notation):
    layer = next(layers(cell, notation))
    values, table = symbols_of(layer), dict(layer.spec.equations)
    for symbol in layer.signals:
        whole = unfolded(symbol, table)
        assert not any(leaf.startswith("pre_") for leaf in leaves(whole)), symbol
        assert largest(evaluate(whole, values, layer.weights), values[symbol]) <= 1e-12
        drawn = latex(whole)
        assert drawn.count("{") == drawn.count("}")
        assert drawn.count(r"\left") == drawn.count(r"\right")
