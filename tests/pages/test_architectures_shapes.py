"""The view Shapes of the page Architectures under Streamlit's test runner."""

import pytest

from explorer.cells import CELLS
from explorer.experiment import ASKS, Experiment
from explorer.ui.architectures.shapes import EXAMPLES
from tests.hostile.strings import HOSTILE
from tests.pages.app import field, opened, texts, unfolded


def shapes(locale: str = "en-US", **query: str):
    return opened(locale, page="architectures", arch="shapes", **query)


def table(app) -> dict[str, str]:
    """Name -> shape, of the table beside the grid."""
    found = next(m.value for m in app.markdown if "| `x` |" in m.value)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()]
    return {row[0].strip("`"): row[2] for row in rows if row[0].startswith("`")}


def test_default_has_two_layers_both_ways():
    app = shapes()
    told = table(app)
    assert told["h_n"] == told["c_n"] == "(4, 32, 8)"
    assert told["output"] == "(32, 10, 16)" and told["y"] == "(32, 16)"
    assert "as in the table" in texts(app)
    assert any("nn.LSTM(16, 8, num_layers=2, bidirectional=True" in code.value for code in app.code)
    assert any("layers.Bidirectional(layers.LSTM(8))" in code.value for code in app.code)


@pytest.mark.parametrize("cell", ["rnn_relu", "lstm_coupled", "gru_reset_before"])
def test_cells_open_and_a_missing_one_is_said(cell):
    app = shapes(cell=cell)
    assert ("PyTorch has no" in texts(app) or "Neither" in texts(app)) == (CELLS[cell].torch_module is None)


@pytest.mark.parametrize("locale, says", [("ko-KR", "표와 같습니다"), ("en-US", "as in the table")])
@pytest.mark.parametrize("ask", ASKS)
def test_every_question_opens_in_both_languages(locale, says, ask):
    app = shapes(locale, ask=ask, cell="gru")
    assert says in texts(app)
    assert field(app, "selectbox", "ask").value == ask


def test_choices_change_the_table_and_the_address():
    app = shapes()
    field(app, "number_input", "steps").set_value(7)
    field(app, "selectbox", "returns").set_value("sequence")
    field(app, "selectbox", "state").set_value("yes").run()
    assert not app.exception
    assert table(app)["y"] == "(32, 7, 16)" and table(app)["c_backward"] == "(32, 8)"
    assert app.query_params["steps"] == "7" and app.query_params["state"] == "yes"


RETURNED = {
    "SimpleRNN(3) · (8, 2, 10)": ["(8, 3)"],
    "SimpleRNN(3, return_sequences=True) · (8, 2, 10)": ["(8, 2, 3)"],
    "SimpleRNN(3) · train_X (1, 4, 5)": ["(1, 3)"],
    "SimpleRNN(3, return_sequences=True) · train_X": ["(1, 4, 3)"],
    "SimpleRNN(3, return_sequences=True, return_state=True) · train_X": ["(1, 4, 3)", "(1, 3)"],
    "LSTM(3, return_state=True) · train_X": ["(1, 3)", "(1, 3)", "(1, 3)"],
    "SimpleRNN(8, return_sequences=True) × 2": ["(32, 10, 8)"],
    "Bidirectional(SimpleRNN(8, return_sequences=True)) × 4": ["(32, 10, 16)"],
}


@pytest.mark.parametrize("label", list(EXAMPLES)[::3])
def test_every_example_of_the_lecture_is_one_press_away(label):
    app = shapes(state="yes", first="time", cell="gru", returns="sequence")
    unfolded(app, "shapes").button(key=f"example {label}").click().run()
    assert not app.exception
    _, refused = Experiment().with_changes(EXAMPLES[label])
    assert not refused
    if label in RETURNED:
        told = [value for name, value in table(app).items() if name[0] in "yhc" and "_n" not in name]
        assert told == RETURNED[label]
        assert f"nn.{'LSTM' if label.startswith('LSTM') else 'RNN'}" in app.code[0].value
    else:
        assert field(app, "selectbox", "ask").value == EXAMPLES[label]["ask"]


def test_dense_at_every_step_of_the_lecture():
    text = texts(shapes(ask="dense"))
    assert "(32, 10, 16) becomes (32, 10, 8)" in text and "136 numbers" in text


def test_numpy_cell_shows_the_code_that_ran():
    app = shapes(ask="cell", seed="4")
    code = next(code.value for code in app.code if "import numpy" in code.value)
    names: dict = {}
    exec(code, names)
    assert names["states"].shape == (10, 8) and "default_rng(4)" in code
    assert "with seed 4: the spectral radius of Wh is 4.04" in texts(app)


def test_weights_of_the_lecture_are_counted():
    app = shapes(cell="rnn", rows="8", steps="2", inputs="10", outputs="3", depth="1", directions="one")
    assert "45 in PyTorch" in texts(app) and "42 in Keras" in texts(app)


def test_the_largest_sizes_open_and_say_what_was_run():
    big = {"rows": "4096", "steps": "4096", "inputs": "4096", "outputs": "4096"}
    app = shapes(cell="rnn", depth="1", **big)
    assert "with 32 steps in place of 4096" in texts(app)
    assert table(app)["output"] == "(4096, 4096, 8192)"


@pytest.mark.parametrize(
    "name, raw", [("rows", "0"), ("steps", "4097"), ("ask", "why"), ("first", "<b>"), ("outputs", "1e3")]
)
def test_a_tampered_address_is_said(name, raw):
    app = shapes(**{name: raw})
    assert any(raw in text.value for text in app.text)


@pytest.mark.parametrize("text", list(HOSTILE.values())[:1])
def test_a_hostile_sentence_does_not_matter(text):
    assert table(shapes(text=text)) == table(shapes())
