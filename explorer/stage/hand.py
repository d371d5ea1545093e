"""What the browser needs to let somebody draw gates by hand."""

import json
from typing import Any

from explorer.figures.hand import hand_figure
from explorer.i18n import section
from explorer.lab.hand import GUESS, Hand


def build_hand(hand: Hand, lang: str, theme: str = "light") -> dict[str, Any]:
    """Returns the task, its figure and the words, as plain values."""
    figure = json.loads(hand_figure(hand, lang, theme).to_json())
    return {
        "figure": {"data": figure["data"], "layout": figure["layout"]},
        "numbers": hand.numbers.tolist(),
        "target": hand.target,
        "unit": hand.unit,
        "said": hand.said,
        "answer": hand.answer,
        "guess": GUESS,
        "strings": section("stage", lang) | section("hand", lang),
    }
