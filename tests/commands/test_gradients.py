"""`gradients` on the command line: the arrays of the public function, the table, what it refuses."""

import json

import numpy as np
import pytest
import torch

from explorer import CELLS, Experiment, bptt, trace
from explorer.lab.learned import inputs, learn
from explorer.limits import MAX_GRADIENT_STEPS
from explorer.text import tokenise
from tests.commands.test_main import HANGUL, QUICK, printed, refusal, run
from tests.helpers import EVERY, largest


def flow_of(experiment: Experiment, loss: str = "last_step", notation: str = "pytorch"):
    """Returns the gradient of a text by the public function."""
    model = learn(experiment).model
    return bptt(trace(model, tokenise(experiment.text, experiment.token_level)), loss=loss)


@pytest.mark.parametrize("loss", ["last_step", "each_step"])
@pytest.mark.parametrize("cell", EVERY)
def test_npz_holds_the_gradient_of_the_public_function(cell, loss, tmp_path, capsys):
    out = tmp_path / "g.npz"
    options = ("gradients", "--cell", cell, "--text", HANGUL, *QUICK, "--loss", loss, "--out", str(out))
    assert printed(capsys, *options).startswith(f"Wrote {out}: {cell}, 3 steps, cell, status, tokens")
    flow = flow_of(Experiment(cell=cell, text=HANGUL, weights="untrained", hidden=5), loss)
    spec = CELLS[cell]
    names = {"cell", "status", "tokens", "known", "loss", "norm", "total", "weight_ih_norm"}
    names |= {"weight_hh_norm"} if spec.recurrent_blocks else set()
    names |= {f"{kind}_{state}" for kind in ("norm", "total") for state in spec.states[1:]}
    with np.load(out) as found:
        assert set(found) == names
        np.testing.assert_array_equal(found["norm"], flow.norm)
        np.testing.assert_array_equal(found["total"], flow.total)
        np.testing.assert_array_equal(found["loss"], flow.loss)
        for state in spec.states[1:]:
            np.testing.assert_array_equal(found[f"norm_{state}"], flow.norms[state])
            np.testing.assert_array_equal(found[f"total_{state}"], flow.totals[state])
        for name, norms in flow.layers[0].weight_norms().items():
            np.testing.assert_array_equal(found[f"{name}_norm"], norms)
        assert tuple(found["tokens"]) == tuple(HANGUL.split()) and found["known"].all()
        assert (str(found["cell"]), str(found["status"])) == (cell, flow.status)


def test_json_file_and_printed_json_hold_what_the_npz_holds(tmp_path, capsys):
    options = ("gradients", "--cell", "lstm", "--text", HANGUL, "--units", "jamo", *QUICK)
    for name in ("g.npz", "g.json"):
        printed(capsys, *options, "--out", str(tmp_path / name))
    on_screen = json.loads(printed(capsys, *options, "--json"))
    assert on_screen == json.loads((tmp_path / "g.json").read_text(encoding="utf-8"))
    assert on_screen["loss"][-1] is None and on_screen["norm"][0][2] is None
    with np.load(tmp_path / "g.npz") as binary:
        assert set(binary) == set(on_screen)
        for name in ("norm", "norm_c", "total", "total_c", "loss", "weight_ih_norm"):
            np.testing.assert_array_equal(binary[name], np.array(on_screen[name], float))
    said = json.loads(printed(capsys, *options, "--out", str(tmp_path / "g.npz"), "--json"))
    T = len(on_screen["tokens"])
    assert said["shapes"]["norm"] == [T, T + 1] and said["shapes"]["total"] == [T + 1, 5]


@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_marked_sequence_has_the_squared_error_of_its_last_output(cell, capsys):
    options = ("gradients", "--cell", cell, "--weights", "marked", "--hidden", "2", "--json")
    record = json.loads(printed(capsys, *options))
    experiment = Experiment(cell=cell, weights="marked", hidden=2)
    model = learn(experiment).model
    model.zero_grad()  # what training left
    given = inputs(experiment, model)
    x = torch.tensor(given.x)[:, None].requires_grad_()
    loss = (model(x)[-1, 0, 0] - given.target) ** 2
    loss.backward()
    assert record["loss"][:-1] == [None] * 19 and record["loss"][-1] == pytest.approx(loss.item())
    flow = bptt(trace(model, given.x), _rows(model, given))
    assert largest(record["total"], flow.total) <= 1e-12
    assert largest(flow.layers[0].x, x.grad[:, 0]) <= 1e-10
    for name, gradient in flow.layers[0].weight_gradient().items():
        assert largest(gradient, model.rnn.get_parameter(f"{name}_l0").grad) <= 1e-10


def _rows(model, given) -> np.ndarray:
    whole = trace(model, given.x)
    dL_dh = np.zeros((20, 2))
    dL_dh[-1] = 2.0 * (whole.logits[-1, 0] - given.target) * whole.readout[0]
    return dL_dh


@pytest.mark.parametrize("cell", EVERY)
def test_the_table_shows_a_row_per_source_step(cell, capsys):
    text = "one two three four"
    head, names, *rows = printed(
        capsys, "gradients", "--cell", cell, "--text", text, "--loss", "each_step", *QUICK
    ).splitlines()
    flow = flow_of(Experiment(cell=cell, text=text, weights="untrained", hidden=5), "each_step")
    of = flow.layers[0]
    shown = [state for state in CELLS[cell].states if state not in CELLS[cell].idle]
    columns = [of.total_norms[state] for state in shown]
    assert names.split() == ["k", "token", *(f"||dL/d{s}_k||" for s in shown)]
    assert [row.split() for row in rows] == [
        [str(k), *([token] if token else []), *(f"{norms[k]:.3e}" for norms in columns)]
        for k, token in enumerate(("", *text.split()))
    ]
    slope = np.polyfit([3, 2, 1, 0], np.log(of.total_norm[:4]), 1)[0]
    assert f"factor per step back: h {np.exp(slope):.3f}" in head
    assert head.startswith(f"{cell}, 5 units; untrained; 3 losses, sum {np.nansum(flow.loss):.3g}; ")
    assert head.endswith("; ok") and (", c " in head) == ("c" in CELLS[cell].states)


def test_an_explosion_is_null_in_json_and_named_in_the_table(capsys):
    options = ("gradients", "--cell", "rnn_relu", "--init", "identity", "--gain", "10", "--units", "char")
    for length, status in ((200, "exploded"), (800, "nonfinite")):
        told = (*options, *QUICK, "--text", "ab" * (length // 2))
        assert f"; {status} at step " in printed(capsys, *told).splitlines()[0]
        record = json.loads(printed(capsys, *told, "--json"))
        assert record["status"] == status and (None in record["total"][0]) == (status == "nonfinite")


@pytest.mark.parametrize("bias", ["default", "fixed"])
def test_notation_changes_no_number(bias, capsys):
    options = ("gradients", "--cell", "gru", "--text", HANGUL, *QUICK, "--bias", bias)
    plain = {name: printed(capsys, *options, "--notation", name) for name in ("pytorch", "lecture")}
    assert plain["pytorch"] == plain["lecture"]


def test_words_that_the_model_does_not_know_are_said(capsys):
    status, out, err = run(capsys, "gradients", "--text", "zebra zebra", "--hidden", "8", "--unknown", "unk")
    assert status == 0 and "zebra <unk>" in out and "knows none" in err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--text", "alone"), "the text has one step: no next token"),
        (("--text", "a " * (MAX_GRADIENT_STEPS + 1)), f"the text has {MAX_GRADIENT_STEPS + 1} steps"),
        (("--loss", "every_step"), "--loss takes one of last_step, each_step, not 'every_step'"),
        (("--out", "g.html"), "ends in .npz or .json, not 'g.html'"),
        (("--out", "/nowhere/at/all/g.npz"), "there is no folder"),
        (("--clamp", "f"), "unrecognized arguments: --clamp f"),
        (("--hidden", "65"), "--hidden takes a whole number from 1 to 64"),
    ],
)
def test_a_bad_value_is_one_sentence(options, says, capsys):
    assert says in refusal(capsys, "gradients", *QUICK, *options)


def test_marked_numbers_have_one_loss(capsys):
    said = refusal(capsys, "gradients", "--weights", "marked", "--loss", "each_step")
    assert "--loss each_step has no place beside --weights marked" in said
