"""A trace in a notebook: what is shown, of which layer, with and without the widget; the notebook in docs."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer import trace
from explorer.stage import export
from explorer.stage.notebook import _IMPORTED, esm, payloads, widget
from explorer.stage.payload import header_of
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
        return self.head(self.head(self.encoder(x)[0])[0].repeat(1, 2))[0]


def test_the_layers_of_a_network_are_on_the_list_by_name():
    traces = trace(Net(), torch.randn(4, 3))
    assert list(payloads(traces)) == ["encoder, layer 1", "head (1), layer 1", "head (2), layer 1"]
    assert "head (2), layer 1</option>" in traces.to_html()


def test_a_file_holds_every_layer(tmp_path):
    t = both_ways()
    text = t.to_html(tmp_path / "t.html", "ko")
    assert (tmp_path / "t.html").read_text("utf-8") == text
    assert text.count('class="rx-payload"') == 4 and "2층, 끝에서부터 읽음" in text


def test_without_the_widget_a_notebook_gets_a_frame(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    from explorer.stage import notebook

    monkeypatch.setattr(notebook, "_widget_class", notebook._widget_class.__wrapped__)
    data, _ = both_ways()._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"} and data["text/html"].startswith("<iframe srcdoc=")
    assert len(data["text/html"]) < 2_500_000


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
    assert [view in kind for kind in kinds] == [True, True, False]
    assert (tmp_path / "trace.html").exists()
