"""The style sheets of a page."""

import re

import pytest

from explorer.i18n import ASSETS
from explorer.stage import files

SHEETS = {path.name: path for path in ASSETS.glob("*.css")} | {
    name: path for name, path in files().items() if name.endswith(".css")
}


@pytest.mark.parametrize("name", sorted(set(SHEETS) - {"glossary.css", "room/room.css"}))
def test_no_rule_beside_a_stage_asks_what_a_part_of_the_page_holds(name):
    """The browser would ask again, up to the root, at every element that a chart draws."""
    assert ":has(" not in SHEETS[name].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(SHEETS))
def test_no_rule_for_whatever_stands_below_a_part_of_a_class(name):
    """Streamlit changes classes at every run: the browser would style all below anew, the stage too."""
    sheet = SHEETS[name].read_text(encoding="utf-8")
    assert not re.search(r"\[class[^\]]*\][^{},]*[ >+~]\s*\*\s*[,{]", sheet)
