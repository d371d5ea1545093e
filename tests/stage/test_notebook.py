"""A record in a notebook: what is shown of which layer, with and without the widget; the notebook in docs."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer import bptt, trace
from explorer.nn.interventions import Clamp
from explorer.nn.running import rerun
from explorer.stage import export
from explorer.stage.notebook import _IMPORTED, esm, widget
from explorer.stage.payload import header_of
from explorer.stage.records import payloads
from explorer.stage.taking import arrays_of

DOCS = Path(__file__).parents[2] / "docs"


def both_ways(steps: int = 5, sequences: int = 0):
    torch.manual_seed(0)
    shape = (steps, sequences, 3) if sequences else (steps, 3)
    return trace(torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True), torch.randn(shape))


def test_every_layer_and_direction_is_shown_as_it_reads():
    t = both_ways()
    shown = payloads(t)
    assert list(shown) == ["layer 1", "layer 1, reads from the end", "layer 2", "layer 2, reads from the end"]
    for payload, layer in zip(shown.values(), t.layers, strict=True):
        found, turn = arrays_of(payload), -1 if layer.reverse else 1
        np.testing.assert_array_equal(found["c"], layer.c[::turn])
        np.testing.assert_array_equal(found["gate_f"], layer.gate["f"][::turn])
        assert (found["h"][0] == 0).all()
    assert arrays_of(shown["layer 1, reads from the end"])["token"].tolist() == list("54321")


def test_what_is_left_out_is_said():
    assert (
        next(iter(payloads(both_ways(70, sequences=3), "ko"))) == "1층, 시퀀스 3개 가운데 1번, 시점 1~64 / 70"
    )
    assert header_of(next(iter(payloads(both_ways(70)).values())))["total"] == 70


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.head = torch.nn.GRU(3, 4), torch.nn.RNN(4, 2)

    def forward(self, x):
        low = self.head(self.encoder(x)[0])[0]
        return self.head(torch.cat([low, low], -1))[0]


def test_the_layers_of_a_network_are_on_the_list_by_name():
    traces = trace(Net(), torch.randn(4, 3))
    assert list(payloads(traces)) == ["encoder, layer 1", "head (1), layer 1", "head (2), layer 1"]
    assert "head (2), layer 1</option>" in traces.to_html()


def test_a_file_holds_every_layer(tmp_path):
    t = both_ways()
    text = t.to_html(tmp_path / "t.html", "ko")
    assert (tmp_path / "t.html").read_text("utf-8") == text
    assert text.count('class="rx-payload"') == 4 and "2층, 끝에서부터 읽음" in text


def test_a_gradient_is_shown_layer_by_layer():
    t = both_ways()
    g = bptt(t, np.random.default_rng(0).normal(size=t.output.shape))
    shown = payloads(g)
    assert list(shown) == list(payloads(t))
    for payload, flow in zip(shown.values(), g.layers, strict=True):
        found, turn = arrays_of(payload), -1 if flow.layer.reverse else 1
        np.testing.assert_array_equal(found["norm"], flow.norm[::turn, ::turn])
        np.testing.assert_array_equal(found["line_1_LSTM c"], flow.total_norms["c"][::turn])
        direct = np.diagonal(flow.norm[::turn, ::turn], 1)
        np.testing.assert_array_equal(found["line_3_‖dLt_over_dht‖"], direct)
    assert header_of(payload)["kind"] == "flow" and found["token"].tolist() == list("54321")
    assert g.to_html().count('class="rx-payload"') == 4


def test_of_a_long_gradient_the_last_steps_are_shown():
    t = trace(torch.nn.GRU(2, 3), torch.randn(205, 2))
    g = bptt(t, np.eye(205)[:, [204]] * np.ones(3))
    ((name, payload),) = payloads(g).items()
    header, found = header_of(payload), arrays_of(payload)
    assert name == "layer 1, steps 6 to 205 of 205" and (header["firstStep"], header["lossRow"]) == (6, 199)
    np.testing.assert_array_equal(found["norm"], g.norm[5:, 5:])
    total = next(value for key, value in found.items() if key.startswith("line_1_"))
    np.testing.assert_array_equal(total, g.total_norm[5:])
    assert "Law" in header["decays"][0]  # one loss alone: what the weights let expect of it


def test_gradients_of_a_network_have_the_names_of_its_layers():
    flows = bptt(Net(), torch.randn(4, 2, 3), loss=torch.sum)
    assert list(payloads(flows)) == [
        f"{name}, layer 1, sequence 1 of 2" for name in ("encoder", "head (1)", "head (2)")
    ]
    assert repr(flows).startswith("GradientFlows of 2 layers:") and len(flows["head"]) == 2
    found = arrays_of(payloads(flows)["encoder, layer 1, sequence 1 of 2"])
    np.testing.assert_array_equal(found["norm"], flows["encoder"].sequence(0).norm)


def test_a_gradient_without_a_triangle_is_not_drawn():
    t = both_ways()
    g = bptt(t, np.ones(t.output.shape), totals=True)
    assert set(g._repr_mimebundle_()) == {"text/plain"} and g._repr_html_() is None
    with pytest.raises(ValueError, match="totals only"):
        g.to_html()


@pytest.fixture
def shown_at_once():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield widget


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_clamp_is_the_run_with_that_value_held(shown_at_once, at):
    t = both_ways()
    shown = shown_at_once(t, layer=at)
    plain, note = shown.payload, shown.note
    shown.clamp = "f=1; o=0 unit=3 from=2 to=4"
    layer = rerun(t, [Clamp("f", 1.0), Clamp("o", 0.0, 2, 2, 4)], at).layers[at].along()
    found = arrays_of(shown.payload)
    for symbol in layer.signals:
        name = symbol if symbol in layer.states else f"gate_{symbol}"
        before = t.layers[at].along()
        np.testing.assert_array_equal(found[name], {**before.states, **before.gate}[symbol])
        np.testing.assert_array_equal(found[f"run2_{name}"], {**layer.states, **layer.gate}[symbol])
    assert (found["run2_gate_f"] == 1).all() and (found["run2_gate_o"][1:4, 2] == 0).all()
    assert "both runs" in shown.note and "everything that is held" in shown.note and "10⁻" in shown.note
    shown.clamp = ""
    assert (shown.payload, shown.note) == (plain, note) and "the run that is shown" in note


def test_a_change_reaches_the_layers_above_as_in_the_module():
    torch.manual_seed(1)
    module, x = torch.nn.GRU(3, 4, num_layers=2), torch.randn(6, 3)
    t, changes = trace(module, x), [Clamp("z", 1.0)]
    for at in (0, 1):
        again = rerun(t, changes, at)
        above = t.layers[1].x if at else again.layers[0].output
        np.testing.assert_array_equal(again.layers[1].x, above)
        assert (again.layers[0].changed, again.layers[1].changed) == (at == 0, at == 1)
    whole = trace(module, x, changes=changes)
    np.testing.assert_array_equal(rerun(rerun(t, changes, 0), changes, 1).output, whole.output)
    padded = trace(module, torch.randn(6, 2, 3), lengths=[6, 4])
    with pytest.raises(ValueError, match="padded batch"):
        rerun(padded, changes, 0)


@pytest.mark.parametrize(
    ("clamp", "said"),
    [
        ("q=1", "no gate q"),
        ("f=7", "f=7 cannot be held"),
        ("f=1 unit=5", "unit=5"),
        ("f=1 from=3 to=2", "to=2"),
    ],
)
def test_what_cannot_be_held_is_refused_and_nothing_moves(shown_at_once, clamp, said):
    from traitlets import TraitError

    shown = shown_at_once(both_ways(), clamp="i=0")
    before = shown.payload
    with pytest.raises(TraitError, match=said):
        shown.clamp = clamp
    assert (shown.clamp, shown.payload) == ("i=0", before)


def test_what_a_reader_types_is_held_or_the_note_says_why_not(shown_at_once):
    shown = shown_at_once(both_ways())
    assert (shown.hold, shown.example) == ("Hold a gate", "f=1 unit=1 from=2")
    for typed, clamp, said in (
        ("f=1 unit=2", "f=1 unit=2", "both runs"),
        ("q=1", "f=1 unit=2", "no gate q"),
        ("f=1 unit=2", "f=1 unit=2", "both runs"),
        ("", "", "run that is shown"),
    ):
        shown._handle_custom_msg({"clamp": typed}, [])
        assert shown.clamp == clamp and said in shown.note


def test_a_gradient_holds_nothing(shown_at_once):
    from traitlets import TraitError

    shown = shown_at_once(bptt(both_ways(), np.ones((5, 8))))
    with pytest.raises(TraitError, match="Hold values in its trace"):
        shown.clamp = "f=1"
    assert shown.note == shown.example == ""


def test_a_layer_that_lacks_what_is_held_has_nothing_held(shown_at_once):
    shown = shown_at_once(trace(Net(), torch.randn(4, 3)), clamp="z=1")
    shown.layer = 1
    assert shown.clamp == "" and "run that is shown" in shown.note


def test_without_the_widget_a_notebook_gets_a_frame(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    from explorer.stage import notebook

    monkeypatch.setattr(notebook, "_widget_class", notebook._widget_class.__wrapped__)
    data, _ = both_ways()._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"} and data["text/html"].startswith("<iframe srcdoc=")
    assert len(data["text/html"]) < 2_500_000


def test_what_asks_for_html_alone_gets_the_frame(monkeypatch):
    from explorer.stage import notebook

    monkeypatch.setattr(notebook, "framed", lambda record: "a frame")
    assert both_ways()._repr_html_() == "a frame"
    monkeypatch.setattr(notebook, "_in_ipython", lambda: True)
    monkeypatch.setitem(sys.modules, "IPython", object())
    assert both_ways()._repr_html_() is None  # IPython has the widget already


def test_modules_stand_after_those_that_they_import():
    names = list(export.needed_modules())
    text = esm()
    places = {name: text.index(f'["{name}", ') for name in names}
    for name, source in export.needed_modules().items():
        assert all(places[other] < places[name] for other in _IMPORTED.findall(source)), name
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_the_widget_turns_to_a_layer():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shown = widget(both_ways(), step=2)
    before = shown.payload
    shown.layer = 3
    assert shown.payload == payloads(both_ways())["layer 2, reads from the end"] != before
    with pytest.raises(IndexError):
        shown.layer = 4


def test_the_notebook_in_docs_runs(tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent))
    book = nbformat.read(DOCS / "notebook.ipynb", as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    kinds = [set(out["data"]) for cell in book.cells for out in cell.get("outputs", []) if "data" in out]
    view = "application/vnd.jupyter.widget-view+json"
    assert [view in kind for kind in kinds] == [True, True, False, True]
    assert not any("text/html" in kind for kind in kinds)  # two megabytes beside the widget
    assert (tmp_path / "trace.html").exists()
