"""A cell made of a text: what is read, what is refused, and a made-up cell against autograd."""

from dataclasses import replace

import numpy as np
import pytest

from explorer import Trace
from explorer.cells import CELLS, Signal
from explorer.cells.build import cell, variant
from explorer.cells.equations import equations_of, evaluate, latex, parse
from explorer.cells.lstm import LSTM
from explorer.cells.spec import Diagram
from explorer.checks.cells import check_cell, equations_difference
from explorer.gradients.bptt import bptt, jacobians
from explorer.nn.tracing import run_layer
from tests.autograd import rows_of
from tests.helpers import largest, normal, random_layer, random_state, random_weights


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f * c_prev + i * g", ("add", ("mul", "f", "c_prev"), ("mul", "i", "g"))),
        ("1 - f", ("sub", 1.0, "f")),
        ("a - b + c", ("add", ("sub", "a", "b"), "c")),
        ("a + b + c * d * e", ("add", "a", "b", ("mul", "c", "d", "e"))),
        ("o * c / n", ("div", ("mul", "o", "c"), "n")),
        ("tanh(W_h x + U_h h_prev)", ("tanh", ("add", ("in", "h"), ("rec", "h")))),
        ("W_n x + r * (U_n h_prev)", ("add", ("in", "n"), ("mul", "r", ("rec", "n")))),
        ("U_n (r * h_prev)", ("rec", "n", ("mul", "r", "h_prev"))),
        ("p_f * c_prev", ("peep", "f", "c_prev")),
        ("sigmoid(p_a)", ("sigmoid", ("unit", "a"))),
        ("max(log_sigmoid(a) + b, -c)", ("max", ("add", ("log_sigmoid", "a"), "b"), ("neg", "c"))),
    ],
)
def test_a_text_is_read_as_the_lecture_reads_it(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f *",
        "f g",
        "(f",
        "f)",
        "sin(f)",
        "max(f)",
        "tanh(f, g)",
        "W_f h_prev",
        "f ** 2",
        "f.g",
        "__import__",
    ],
)
def test_what_is_no_equation_is_refused(text):
    with pytest.raises(ValueError):
        parse(text)


def test_pre_activations_stand_apart_and_numbers_where_they_are_read():
    found = equations_of({"i": "1", "g": "tanh(W_g x + U_g h_prev)", "n": "W_n x", "h": "i * g + n"})
    assert found == (
        ("pre_g", ("add", ("in", "g"), ("rec", "g"))),
        ("g", ("tanh", "pre_g")),
        ("pre_n", ("in", "n")),
        ("n", "pre_n"),
        ("h", ("add", "g", "n")),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a - (b + c)", r"a_t - \left(b_t + c_t\right)"),
        ("o * c / n", r"\frac{o_t \odot c_t}{n_t}"),
        ("exp(pre_i - m_prev)", r"\exp\left(\tilde{i}_t - m_{t-1}\right)"),
        ("max(a, -b)", r"\max\left(a_t, -b_t\right)"),
        ("abs(log(p_a))", r"\left|\log\left(p_a\right)\right|"),
    ],
)
def test_every_operation_has_its_latex(text, expected):
    assert latex(parse(text)) == expected


def test_log_sigmoid_is_exact_where_the_sigmoid_is_0():
    values = {"a": np.array([-800.0, -40.0, 0.0, 40.0])}
    found = evaluate(parse("log_sigmoid(a)"), values, None)
    assert found == pytest.approx([-800.0, -40.0, -np.log(2.0), 0.0], abs=1e-15)


SIGNALS = tuple(Signal(s, "candidate", "identity", "candidate") for s in "abeqruv")
STATES = tuple(Signal(s, "state", "identity", "c") for s in "hsk")


def made(text: str, states: str, packing: str, own: str = "", **rest):
    return cell(
        "made_up",
        text,
        family="made_up",
        states=states,
        packing=packing,
        own=own,
        signals=(*SIGNALS, *STATES),
        draw=lambda table: Diagram((), ()),
        source="nobody",
        **rest,
    )


STRANGE = """
    r = sigmoid(W_r x + U_r h_prev + p_r * s_prev)
    q = abs(W_q x + U_q (r * h_prev + s_prev)) + exp(-r)
    a = sigmoid(p_a)
    e = log(2 + r / (1 + a)) * q + r
    s = a * s_prev + max(e, r * k_prev) - W_u x
    k = tanh(s + k_prev) * relu(W_v x) / (2 + exp(k_prev))
    h = (1 - r) * h_prev + tanh(s) * k - s * p_k
"""
"""Every operation, three states in a chain, blocks without U, a source that is not h, own weights."""

PARTLY = """
    u = W_u x
    r = sigmoid(W_r x + U_r h_prev)
    h = r * h_prev + u
"""


@pytest.mark.parametrize(
    ("text", "states", "packing", "own"),
    [(STRANGE, "h s k", "q r u v", "a r k"), (PARTLY, "h", "u r", ""), ("h = W_u x", "h", "u", "")],
)
def test_a_made_up_cell_steps_and_goes_back_as_autograd_does(text, states, packing, own, monkeypatch):
    monkeypatch.setitem(CELLS, "made_up", made(text, states, packing, own))
    rng = np.random.default_rng(3)
    for case in range(12):
        layer = random_layer("made_up", rng, reverse=case % 3 == 2)
        if not layer.reverse:
            assert equations_difference(layer) <= 1e-12
        dL_dh = normal(rng, *layer.output.shape)
        of, (dx, (rows,)) = bptt(layer, dL_dh).layers[0], rows_of(Trace((layer,)), dL_dh)
        assert largest(of.x, dx) <= 1e-10
        for state, table in rows.states.items():
            assert largest(of.totals[state], table.sum(0)) <= 1e-10
            norms = np.linalg.norm(table, axis=-1)
            assert largest(np.nan_to_num(of.norms[state]), norms) <= 1e-10
        for name, gradient in rows.weights.items():
            assert largest(of.weight_gradient()[name], gradient) <= 1e-10, name


def test_the_jacobians_of_a_made_up_cell_are_its_slopes(monkeypatch):
    monkeypatch.setitem(CELLS, "made_up", made(STRANGE, "h s k", "q r u v", "a r k"))
    rng = np.random.default_rng(4)
    weights, x, before = (
        random_weights("made_up", 2, 3, rng),
        normal(rng, 1, 2),
        random_state("made_up", rng, 3),
    )

    def after(packed: np.ndarray) -> np.ndarray:
        layer = run_layer("made_up", weights, x, tuple(packed.reshape(3, 3)))
        return np.concatenate([rows[1] for rows in layer.states.values()])

    (J,) = jacobians(run_layer("made_up", weights, x, before))
    here, tiny = np.concatenate(before), 1e-6 * np.eye(9)
    assert largest(J, np.stack([(after(here + e) - after(here - e)) / 2e-6 for e in tiny], 1)) <= 1e-7


def test_a_made_up_cell_with_a_paper_passes_every_check(monkeypatch):
    def paper(net, x, h):
        return (net("r", x, h).sigmoid() * h + net.of_x("u", x),)

    monkeypatch.setitem(CELLS, "made_up", made(PARTLY, "h", "u r", paper=paper))
    assert check_cell("made_up", 10, np.random.default_rng(0)).ok


@pytest.mark.parametrize(
    ("text", "packing", "said"),
    [
        ("h = tanh(q)", "h", "which no equation above it gives"),
        ("h = tanh(W_h x + U_h s_prev)", "h", "which no equation above it gives"),
        ("h = tanh(W_h x)\nh = W_u x", "h u", "two equations"),
        ("z = W_z x\nh = z", "z", "no signal"),
        ("q = W_q x", "q", "have no equation"),
        ("h = tanh(W_h x)", "q", "does not name"),
        ("h = tanh(W_h x) + p_a", "h", "does not name"),
        ("h = tanh(W_h x) + U_h h_prev", "h", "beside"),
        ("q = W_q x\nh = tanh(W_h x)", "q h", "reaches no state"),
    ],
)
def test_equations_that_make_no_cell_are_refused_in_words(text, packing, said):
    with pytest.raises(ValueError, match=said):
        made(text, "h", packing)


def test_a_variant_is_its_base_but_for_what_it_changes():
    same = variant(LSTM, "same", "nobody")
    assert same.equations == LSTM.equations and same.diagram == LSTM.diagram and same.blocks == LSTM.blocks
    assert (same.torch_module, same.fast, same.lead) == (None, None, False)
    bare = variant(LSTM, "bare", "nobody", f="1", i="1", o="1")
    assert bare.blocks == ("g",) and [signal.symbol for signal in bare.signals] == ["g", "c", "h"]
    assert dict(bare.equations)["c"] == ("add", "c_prev", "g") and (bare.keep, bare.write) == (None, None)
    assert replace(LSTM, key="other").lines == LSTM.lines
