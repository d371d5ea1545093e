"""Views away from their page: the same payload as on it, its numbers by name, its script run again."""

import csv
import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace

import numpy as np
import pytest

from explorer import Experiment, trace, view
from explorer.experiment import choice
from explorer.lab.learned import UNSAID, learn, settled
from explorer.stage.payload import header_of
from explorer.stage.taking import arrays_of, npz, script, table
from explorer.stage.views import VIEWS, NoStageError, view_key
from explorer.ui.payloads import HELD
from tests.hostile.strings import HOSTILE
from tests.pages.app import opened, short_training

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
}
QUICK = ("step", "gradients", "language/pairs", "language/generate", "language/memory", "dynamics/network")
FIELDS = {"language": "view", "architectures": "arch", "dynamics": "scene"}


@pytest.fixture(scope="module", autouse=True)
def _short() -> Iterator[None]:
    with short_training():
        yield


def test_every_view_but_the_cube_is_tried():
    assert {*LINKS, "dynamics/cube"} == {*VIEWS}


CHARTS_ALONE = {
    *(
        f"architectures/{name}"
        for name in ("feedforward", "shapes", "variants", "cost", "amount", "forecast")
    ),
    "dynamics/portrait",
}
"""Views without a stage: taken away as a page, a picture, a table and a link, not as a script."""


def test_a_view_that_is_not_among_those_of_charts_alone_stands_on_the_stage():
    every = {f"{page}/{shown}" for page, name in FIELDS.items() for shown in choice(name).options or ()}
    assert every - CHARTS_ALONE == {*VIEWS} - {"step", "gradients"} and not CHARTS_ALONE & {*VIEWS}


def asked(key: str) -> tuple[str, dict[str, str]]:
    """The page of a view, and the parameters of its link."""
    page, _, shown = key.partition("/")
    return page, LINKS[key] | ({FIELDS[page]: shown} if shown else {})


def seen(key: str, lang: str = "en"):
    page, query = asked(key)
    experiment, refused = Experiment().with_changes(query)
    assert not refused and view_key(page, experiment) == key
    return view(page, settled(experiment, UNSAID), lang)


@pytest.mark.parametrize("key", sorted({*VIEWS} - {"dynamics/cube"}))  # it takes long to learn
def test_a_view_is_that_of_its_page_to_the_last_byte(key: str):
    page, query = asked(key)
    app = opened("ko-KR", page, **query)
    assert header_of(app.session_state[HELD].data) == header_of(seen(key, "ko").payload)
    assert app.session_state[HELD].data == seen(key, "ko").payload


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


@pytest.mark.parametrize("key", QUICK)
def test_every_kind_has_a_table_and_a_file_of_arrays(key: str):
    one = seen(key)
    rows = list(csv.reader(io.StringIO(table(one.payload))))
    blocks = [k for k, row in enumerate(rows) if "step" in row]
    assert len(blocks) == len(header_of(one.payload)["runs"])
    for start, end in zip(blocks, [*blocks[1:], len(rows)], strict=True):
        assert rows[start].index("token") < len(rows[start]) - 1
        assert {len(row) for row in rows[start:end] if row} == {len(rows[start])}
    with np.load(io.BytesIO(npz(one.payload))) as kept:
        for name, array in one.arrays.items():
            np.testing.assert_array_equal(kept[name], array)


@pytest.mark.parametrize("key", QUICK)
def test_a_script_makes_the_same_numbers_again(key: str):
    one, found = seen(key, "ko"), {}
    with redirect_stdout(io.StringIO()) as said:
        exec(compile(one.to_script(), "script", "exec"), found)
    assert found["seen"].payload == one.payload
    assert len(said.getvalue().splitlines()) == len(arrays_of(one.payload))


@pytest.mark.parametrize("name", HOSTILE)
def test_what_was_typed_is_a_string_in_the_script(name: str):
    experiment, _ = Experiment().with_changes({"text": HOSTILE[name], "prompt": HOSTILE[name]})
    text = script("step", experiment, "en", f"'''{HOSTILE[name]}\"\"\"\n1/0")
    given = {}
    code = text[text.index("seen = ") : text.index("for name")]
    exec(code, {"Experiment": Experiment, "view": lambda *those, **_: given.update(those=those)})
    assert given["those"] == ("step", experiment)
    compile(text, "script", "exec")


def test_what_does_not_stand_on_the_stage_is_said():
    for link in ("/course", "/architectures?arch=shapes", "/train"):
        with pytest.raises(NoStageError, match="does not stand on the stage"):
            view(link)
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
