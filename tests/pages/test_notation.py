"""What a page draws for readers of either language: a notation is a way of writing, it changes no network."""

import numpy as np
import pytest

from explorer.stage.taking import arrays_of
from explorer.ui.payloads import HELD
from tests.pages.app import opened

KEEPING = {"cell": "gru", "weights": "untrained", "hidden": "4", "bias": "fixed", "keep_bias": "3"}

VIEWS = [
    {"page": "gradients", "stretch": "12"},
    {"page": "gradients", "stretch": "12", "cell": "lstm"},
    {"page": "step"},
    {"page": "step", "cell": "lstm", "second": "gru"},
    {"page": "language", "view": "predict"},
    {"page": "language", "view": "generate"},
    {"page": "language", "view": "units"},
    {"page": "language", "view": "memory"},
    {"page": "dynamics", "scene": "network"},
]


TURNED = {"gate_z", "pre_z", "weight_ih", "weight_hh", "bias_ih", "bias_hh"}
"""What lecture notation writes the other way round, or with the opposite sign."""


def drawn(locale: str, **query: str) -> tuple[dict[str, np.ndarray], list[bytes]]:
    """The numbers on the stage of a page by name, and those of its lines, whose names are words."""
    arrays = arrays_of(opened(locale, **(KEEPING | query)).session_state[HELD].data)
    lines = [array.tobytes() for name, array in arrays.items() if "line_" in name]
    return {n: a for n, a in arrays.items() if "line_" not in n and n != "lang"}, sorted(lines)


@pytest.mark.parametrize("query", VIEWS, ids=lambda query: " ".join(query.values()))
def test_a_page_draws_the_same_network_in_both_languages(query):
    (korean, ko_lines), (english, en_lines) = (drawn(locale, **query) for locale in ("ko-KR", "en-US"))
    assert korean.keys() == english.keys() and ko_lines == en_lines
    for name, array in korean.items():
        if name.removeprefix("run2_") not in TURNED:
            np.testing.assert_array_equal(array, english[name], err_msg=name)
        elif name.endswith("gate_z"):
            np.testing.assert_allclose(array, 1.0 - english[name], atol=1e-15)
