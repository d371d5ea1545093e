"""Views away from their page: the same payload as on it, its numbers by name, its script run again."""

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace

import numpy as np
import pytest

from explorer import Experiment, trace, view
from explorer.experiment import choice
from explorer.lab.learned import UNSAID, learn, settled
from explorer.stage.charts import CHARTS, _listed
from explorer.stage.payload import header_of
from explorer.stage.taking import arrays_of, npz, record, script, table
from explorer.stage.views import VIEWS, Networks, NoStageError, view_key
from explorer.training import trainer
from explorer.ui.payloads import HELD
from explorer.ui.stage import OnStage
from tests.hostile.strings import HOSTILE
from tests.pages.app import opened, short_training, unfolded
from tests.ui.test_embedding import answered

SMALL = {"hidden": "4", "weights": "untrained"}
LINKS = {
    "step": {"second": "gru", "text": "a b c", "notation": "lecture", "clamp": "f", **SMALL},
    "gradients": {"cell": "gru", "text": "a b c", "loss": "each_step", **SMALL},
    "language/pairs": {"text": "a b. c d e", **SMALL},
    "language/predict": {"text": "a b c", "free": "2", **SMALL},
    "language/generate": {"prompt": "말이", "tokens": "4", **SMALL},
    "language/units": {"text": "a (b) a", "pattern": "a", **SMALL},
    "language/memory": {"shade": "c", **SMALL},
    "architectures/deep": {"depth": "1", "seed": "3"},
    "architectures/mappings": {"mapping": "many_one", "seed": "3", "text": "free money now"},
    "dynamics/network": {"second": "rnn", "text": "a b c", **SMALL},
    "dynamics/evidence": {"seed": "3", "cell": "rnn"},
    "dynamics/cube": {"cell": "rnn"},
    "dynamics/portrait": {"small": "many", "pull": "1.5"},
    "architectures/feedforward": {"cell": "rnn", "seed": "3"},
    "architectures/shapes": {"ask": "packing"},
    "architectures/variants": {"without": "o"},
    "architectures/cost": {"hidden": "4"},
    "architectures/amount": {},
    "architectures/forecast": {"series": "walk", "cell": "rnn"},
    "train": {"data": "adding", "length": "10", "size": "4", "budget": "60", "racers": "rnn;gru"},
    "clinic": {"data": "adding", "length": "10", "size": "4", "budget": "30", "racers": "rnn rate=0.5"},
}
FIELDS = {"language": "view", "architectures": "arch", "dynamics": "scene"}


@pytest.fixture(scope="module", autouse=True)
def _short() -> Iterator[None]:
    with short_training(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "FLIP_FLOP_STEPS", 50)
        yield


def test_every_view_is_tried():
    every = {f"{page}/{shown}" for page, name in FIELDS.items() for shown in choice(name).options or ()}
    assert {*LINKS} == {*VIEWS} == every | {"step", "gradients", "train", "clinic"}


def asked(key: str) -> tuple[str, dict[str, str]]:
    """The page of a view, and the parameters of its link."""
    page, _, shown = key.partition("/")
    return page, LINKS[key] | ({FIELDS[page]: shown} if shown else {})


def seen(key: str, lang: str = "en"):
    page, query = asked(key)
    experiment, refused = Experiment().with_changes(query)
    assert not refused and view_key(page, experiment) == key
    return view(page, settled(experiment, UNSAID), lang)


class _Unrun(Networks):
    """A server on which nobody has started the race."""

    def events(self, race):
        return []


@pytest.mark.parametrize("key", sorted(VIEWS))
def test_a_view_is_that_of_its_page_to_the_last_byte(key: str):
    page, query = asked(key)
    app = unfolded(opened("ko-KR", page, **query), "away")
    (on_stage,) = app.session_state["on_stage"] or [OnStage("", page, app.session_state["experiment"])]
    held = app.session_state[HELD if on_stage.payload else f"{HELD}_0"].data
    if page == "clinic":  # each case is a training of its own
        shown = app.session_state["experiment"]
    else:
        shown = settled(Experiment().with_changes(query)[0], UNSAID)
    again = VIEWS[key](shown, "ko", _Unrun())
    same(arrays_of(held), arrays_of(again))
    if key in CHARTS:
        drawn = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
        taken_away = header_of(held)["figures"]
        assert len(drawn) == len(taken_away) > 0
        for figure in taken_away:
            assert json.dumps(figure["light"]) in [json.dumps(_listed(one)) for one in drawn], figure["name"]
    elif key != "architectures/forecast":
        assert header_of(held) == header_of(again) and held == again


def same(one, other) -> None:
    """The same numbers by the same names, but for those that a clock measured."""
    assert one.keys() == other.keys()
    for name in one.keys() - {*one.get("clocked", np.array([])).tolist()}:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("key", sorted(VIEWS))
def test_every_view_has_every_form(key: str):
    """As a page, numbers, a table, a script that makes the numbers again, and alone in a page elsewhere."""
    one, given = seen(key, "ko"), {}
    assert one.arrays["kind"] == header_of(one.payload)["kind"]
    assert sum(array.dtype.kind in "if" and array.size > 1 for array in one.arrays.values())
    with np.load(io.BytesIO(npz(one.payload))) as kept:
        same(dict(kept), one.arrays)
    assert json.loads(record(one.payload)).keys() == one.arrays.keys()
    assert len([row for row in csv.reader(io.StringIO(table(one.payload))) if any(row)]) > 1
    assert base64.b64encode(one.payload).decode() in one.to_html()
    with redirect_stdout(io.StringIO()) as said:
        exec(compile(one.to_script(), "script", "exec"), given)
    same(given["seen"].arrays, one.arrays)
    assert len(said.getvalue().splitlines()) == len(one.arrays)
    page, query = asked(key)
    headers, alone = answered(f"/{page}", embed="1", lang="ko", **query)
    (packed,) = re.findall(r'class="rx-payload">([^<]+)<', alone)
    assert "frame-ancestors" in headers["content-security-policy"] and '<main id="rx-root"' in alone
    if page not in ("train", "clinic"):  # nobody has started the race on this server
        same(arrays_of(base64.b64decode(packed)), one.arrays)


def test_arrays_are_the_traces_by_name():
    found = seen("step").arrays
    experiment, _ = Experiment().with_changes(LINKS["step"] | {"clamp": ""})
    plain = view("step", experiment).arrays
    for k, cell in enumerate(("lstm", "gru")):
        model = learn(replace(experiment, cell=cell)).model
        t = trace(model, ["a", "b", "c"]).in_lecture_notation()
        before = "run2_" if k else ""
        np.testing.assert_array_equal(plain[f"{before}h"], t.h)
        for s in t.gate:
            np.testing.assert_array_equal(plain[f"{before}gate_{s}"], t.gate[s])
    assert (found["gate_f"] == 0).all()
    assert found["token"].tolist() == ["a", "b", "c"] and found["step"].tolist() == [1, 2, 3]


def test_a_table_has_a_row_for_each_step_and_one_before_for_the_initial_state():
    one = view("step", Experiment(text="a b c", weights="untrained", hidden=4))
    rows = list(csv.DictReader(io.StringIO(table(one.payload))))
    assert [row["step"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["token"] for row in rows] == ["", "a", "b", "c"]
    assert [float(row["c[4]"]) for row in rows] == one.arrays["c"][:, 3].tolist()
    assert [row["gate_f[2]"] for row in rows] == ["", *map(str, one.arrays["gate_f"][:, 1].tolist())]
    assert not [name for name in rows[0] if name.startswith(("weight", "bias"))]
    pairs = list(csv.DictReader(io.StringIO(table(seen("language/pairs").payload))))
    assert [(row["x[1]"], row["x[2]"], row["y"]) for row in pairs] == [
        ("0", "1", "2"),
        ("0", "3", "4"),
        ("3", "4", "5"),
    ]


@pytest.mark.parametrize("key", sorted({*VIEWS} - {*CHARTS}))
def test_a_table_has_a_block_for_each_run(key: str):
    one = seen(key)
    rows = list(csv.reader(io.StringIO(table(one.payload))))
    blocks = [k for k, row in enumerate(rows) if "step" in row]
    assert len(blocks) == len(header_of(one.payload)["runs"])
    for start, end in zip(blocks, [*blocks[1:], len(rows)], strict=True):
        assert rows[start].index("token") < len(rows[start]) - 1
        assert {len(row) for row in rows[start:end] if row} == {len(rows[start])}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_was_typed_is_a_string_in_the_script(name: str):
    experiment, _ = Experiment().with_changes({"text": HOSTILE[name], "prompt": HOSTILE[name]})
    text = script("step", experiment, "en", f"'''{HOSTILE[name]}\"\"\"\n1/0")
    given = {}
    code = text[text.index("seen = ") : text.index("for name")]
    exec(code, {"Experiment": Experiment, "view": lambda *those, **_: given.update(those=those)})
    assert given["those"] == ("step", experiment)
    compile(text, "script", "exec")


def test_what_has_no_figure_is_said():
    for link in ("/course", "/glossary"):
        with pytest.raises(NoStageError, match="has no figure to take away"):
            view(link)
    with pytest.raises(NoStageError, match="cannot be run: abc"):
        view("/train?racers=abc")
    with pytest.raises(NoStageError, match="is not here"):
        view("step", Experiment(weights="model", model="abc.0"))
    with pytest.raises(NoStageError, match="one token"):
        view("/language?view=predict&weights=untrained&text=a")
    with pytest.raises(ValueError, match="cell"):
        view("/step?cell=none")


def test_a_link_is_its_view_and_says_nothing_of_how_it_was_shown():
    one = view("/gradients?cell=rnn&text=a+b+c&weights=untrained&lang=ko&guess=1")
    assert (one.page, one.experiment.cell, one.lang) == ("gradients", "rnn", "en")
    assert view("/").experiment.weights == "english"
    assert header_of(one.payload)["kind"] == "flow"


def test_a_page_opens_where_the_reader_stands():
    small = Experiment(text="a b c", weights="untrained", hidden=4)
    assert 'data-step="1" data-unit="1"' in view("step", small).to_html()
    assert 'data-step="3" data-unit="2"' in view("step", replace(small, step=3, unit=2)).to_html()
