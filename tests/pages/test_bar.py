"""The bar shows the choices that act on the page, and no others; what it does not show is kept."""

import pytest
from streamlit.testing.v1 import AppTest

from explorer.experiment import ARCHITECTURES, SCENES, TABLE, VIEWS, Experiment, choice
from explorer.ui.acting import NETWORK, START, WALK, acting
from tests.pages.app import opened, short_training, unfolded

BAR = [name for name in TABLE if choice(name).group in ("bar", "more")]


def drawn(app: AppTest) -> set[str]:
    """The shared choices that are drawn, by name."""
    boxes = (*app.selectbox, *app.text_input, *app.number_input)
    names = {box.key.removeprefix("field_") for box in boxes if box.key}
    return {name for name in BAR if name in names} | ({"weights"} if "weights_list" in names else set())


PLACES = [
    ("course", {}, set()),
    ("glossary", {}, set()),
    ("step", {}, set(WALK) - {"keep_bias"}),
    ("step", {"bias": "fixed"}, set(WALK)),
    ("step", {"weights": "marked"}, set(WALK) - {"text", "units", "unknown", "keep_bias"}),
    (
        "step",
        {"weights": "model", "model": "tales_en", "cell": "lstm"},
        {"cell", "text", "weights", "start", "notation"},
    ),
    ("gradients", {"weights": "untrained"}, set(WALK) - {"unknown", "keep_bias"}),
    ("train", {"data": "adding"}, {"notation"}),  # among the race's own
    ("train", {"data": "lecture"}, {"notation", "units"}),
    ("train", {"data": "yours"}, {"notation", "units", "text"}),
    ("language", {"view": "pairs"}, {"cell", "text", "units", "hidden", "start"}),
    ("architectures", {"arch": "cost"}, {"hidden"}),
    ("architectures", {"arch": "amount"}, set()),
    ("architectures", {"arch": "shapes"}, {"cell"}),
    ("dynamics", {"scene": "portrait"}, {"cell"}),
    ("worksheet", {"weights": "untrained"}, set(WALK) - {"cell", "start", "unknown", "keep_bias"}),
]


@pytest.mark.parametrize(("page", "query", "wanted"), PLACES)
def test_a_page_draws_the_choices_that_act_on_it(page: str, query: dict[str, str], wanted: set[str]):
    with short_training():
        app = opened(page=page, hidden="4", **query)
        assert drawn(unfolded(app, "race" if page == "train" else "bar")) == wanted


def test_every_view_has_an_entry_or_nothing_acts_on_it():
    for page, field, options in (
        ("language", "view", VIEWS),
        ("architectures", "arch", ARCHITECTURES),
        ("dynamics", "scene", SCENES),
    ):
        for option in options:
            names = acting(page, Experiment(**{field: option}))
            assert set(names) <= set(BAR) and len(names) == len(set(names))
            assert names or option in ("variants", "amount"), option
    assert set(WALK) == set(BAR) and set(START) < set(NETWORK) < set(WALK)


def test_a_network_that_reads_no_text_has_no_sentence():
    stored = Experiment(weights="model", model="a race's, of numbers")
    assert "text" in acting("step", stored) and "text" not in acting("step", stored, reads_text=False)


def test_what_a_page_does_not_draw_is_kept():
    app = opened(cell="gru", text="그의 말이 법이다", hidden="8", seed="3", page="glossary")
    assert drawn(app) == set()
    for name, value in {"cell": "gru", "text": "그의 말이 법이다", "hidden": "8", "seed": "3"}.items():
        assert app.query_params[name] == value
