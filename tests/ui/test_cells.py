"""The list of cells: three lead, all others stand behind one more step."""

import pytest

from explorer.cells import CELLS
from explorer.i18n import strings
from tests.pages.app import field, opened

LEAD = ("rnn", "lstm", "gru")


def named(*cells: str, lang: str = "en") -> list[str]:
    return [strings(lang)["cell"][cell] for cell in cells]


def test_the_lectures_three_lead():
    assert tuple(key for key, spec in CELLS.items() if spec.lead) == LEAD


@pytest.mark.parametrize(
    ("locale", "lang", "more"), [("en-US", "en", "more cells …"), ("ko-KR", "ko", "셀 더 보기 …")]
)
def test_more_cells_shows_the_rest_and_keeps_the_chosen_one(locale, lang, more):
    app = opened(locale)
    chosen = field(app, "selectbox", "cell")
    assert chosen.options == [*named(*LEAD, lang=lang), more]
    app = chosen.select(more).run()
    rest = [cell for cell in CELLS if cell not in LEAD]
    chosen = field(app, "selectbox", "cell")
    assert not app.exception and chosen.value == "lstm"
    assert chosen.options == named(*LEAD, *rest, lang=lang)
    app = chosen.select("mingru").run()
    assert not app.exception and app.query_params["cell"] == "mingru"


def test_a_cell_from_an_address_stands_beside_the_three():
    app = opened(cell="slstm", second="linear")
    assert field(app, "selectbox", "cell").options == [*named(*LEAD, "slstm"), "more cells …"]
    second = field(app, "selectbox", "second").options
    assert second == ["none", *named(*LEAD, "linear"), "more cells …"]
    app = field(app, "selectbox", "second").select("more").run()
    assert field(app, "selectbox", "second").value == "linear"
    assert len(field(app, "selectbox", "second").options) == len(CELLS) + 1


def test_every_racer_on_offer_is_a_cell_and_every_cell_is_on_offer():
    app = opened(page="train")
    racers = next(m for m in app.multiselect if m.key == "racers")
    assert len(racers.options) >= len(CELLS)
    assert strings("en")["cell"]["slstm"] in racers.options
