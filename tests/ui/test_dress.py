"""The style sheets of a page."""

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
