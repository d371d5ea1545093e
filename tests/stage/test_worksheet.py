"""The sheet to calculate by hand: printed numbers alone lead to its answers; answers are PyTorch's."""

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import torch

from explorer.experiment import Experiment
from explorer.lab.learned import learn
from explorer.lab.worksheet import Blank, UnworkableError, sized, worksheet
from explorer.stage.worksheet import POLICY, html

PAGE = Experiment(weights="english", seed=3)
CASES = [("pytorch", 2, "en"), ("lecture", 3, "ko")]


class Paper(HTMLParser):
    """What stands on paper: rows of weights by cell, given vectors in order, answers by blank."""

    def __init__(self, text: str):
        super().__init__()
        self.rows: dict[str, dict[str, list[float]]] = {}
        self.given: list[list[float]] = []
        self.answers: dict[str, float] = {}
        self.blanks: list[str] = []
        self.sections: list[str] = []
        self.tags: set[str] = set()
        self.cell = self.row = self.into = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.add(tag)
        if tag == "table":
            self.cell = named["data-cell"]
        elif tag == "tr" and "data-row" in named:
            self.row = named["data-row"]
        elif tag == "section":
            self.sections.append("")
        elif named.get("class") == "given":
            self.given.append([])
        if "data-blank" in named:
            self.blanks.append(named["data-blank"])
        self.into = {"td": "row", "b": "given"}.get(tag) or named.get("data-answer", "")

    def handle_data(self, data):
        if self.sections:
            self.sections[-1] += data
        if self.into:
            number = float(data.replace("−", "-"))
            if self.into == "row":
                self.rows.setdefault(self.cell, {}).setdefault(self.row, []).append(number)
            elif self.into == "given":
                self.given[-1].append(number)
            else:
                self.answers[self.into] = number
            self.into = ""


def sigma(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def by_hand(paper: Paper, H: int, notation: str) -> dict[str, float]:
    """Every blank from the printed numbers, in plain arithmetic, four digits carried."""
    (h, c), found = paper.given[:2], {}

    def pre(cell, s, k, h):
        _, w, _, b, *u = paper.rows[cell][f"{s}{k + 1}"]
        return w + b, sum(weight * value for weight, value in zip(u, h, strict=False)) + sum(u[H:])

    def put(stem, values):
        rounded = [float(f"{value:.4g}") for value in values]
        found.update({f"{stem}_{k}": value for k, value in enumerate(rounded, 1)})
        return rounded

    units = range(H)
    f, i, o = (put(f"lstm_{s}", [sigma(sum(pre("lstm", s, k, h))) for k in units]) for s in "fio")
    g = put("lstm_g", [math.tanh(sum(pre("lstm", "g", k, h))) for k in units])
    new = put("lstm_c", [f[k] * c[k] + i[k] * g[k] for k in units])
    put("lstm_h", [o[k] * math.tanh(new[k]) for k in units])
    old = paper.given[2]
    z, r = (put(f"gru_{s}", [sigma(sum(pre("gru", s, k, old))) for k in units]) for s in "zr")
    sides = [pre("gru", "n", k, old) for k in units]
    n = put("gru_n", [math.tanh(x + r[k] * u) for k, (x, u) in enumerate(sides)])
    keep = [1 - v for v in z] if notation == "lecture" else z
    put("gru_h", [(1 - keep[k]) * n[k] + keep[k] * old[k] for k in units])
    dh = paper.given[3]
    dc = put("gradient_dc", [dh[k] * o[k] * (1 - math.tanh(new[k]) ** 2) for k in units])
    df = put("gradient_df", [dc[k] * c[k] * f[k] * (1 - f[k]) for k in units])
    put("gradient_du", [df[0] * h[k] for k in units])
    put("gradient_dc_prev", [dc[k] * f[k] for k in units])
    return found


@pytest.mark.parametrize("notation, hidden, lang", CASES)
def test_the_printed_numbers_alone_lead_to_every_printed_answer(notation, hidden, lang):
    sheet = worksheet(sized(PAGE, hidden), notation)
    paper = Paper(html(sheet, lang))
    found = by_hand(paper, hidden, notation)
    assert set(found) == set(paper.answers) == set(paper.blanks) == set(sheet.blanks)
    for key, blank in sheet.blanks.items():
        assert blank.takes(found[key]), key
        assert abs(paper.answers[key] - found[key]) <= 1.5001 * 10.0**-blank.digits, key


@pytest.mark.parametrize("hidden", [2, 3])
def test_the_answers_are_those_of_pytorchs_cells_and_of_autograd(hidden):
    experiment = sized(PAGE, hidden)
    sheet = worksheet(experiment)
    values = {key: blank.value for key, blank in sheet.blanks.items()}
    for cell in ("lstm", "gru"):
        model = learn(replace(experiment, cell=cell).model_part()).model
        ids = torch.tensor(model.encode(sheet.tokens))
        x = model.embedding(ids)
        kind = torch.nn.LSTMCell if cell == "lstm" else torch.nn.GRUCell
        step = kind(x.shape[-1], hidden, dtype=torch.float64)
        step.load_state_dict({n.removesuffix("_l0"): v for n, v in model.rnn.state_dict().items()})
        zero = torch.zeros(hidden, dtype=torch.float64)
        before = step(x[0], (zero, zero) if cell == "lstm" else zero)
        before = [v.detach().requires_grad_() for v in (before if cell == "lstm" else [before])]
        after = step(x[1], tuple(before) if cell == "lstm" else before[0])
        h = after[0] if cell == "lstm" else after
        assert [values[f"{cell}_h_{k + 1}"] for k in range(hidden)] == pytest.approx(h.tolist(), abs=1e-12)
        if cell == "lstm":
            keeps = [values[f"lstm_f_{k + 1}"] for k in range(hidden)]
            torch.nn.functional.cross_entropy(model.readout(h), ids[2]).backward()
            found = {
                "dc": before[1].grad / torch.tensor(keeps, dtype=torch.float64),
                "du": step.weight_hh.grad[hidden],
                "df": step.bias_ih.grad[hidden : 2 * hidden],
                "dc_prev": before[1].grad,
            }
            for name, wanted in found.items():
                got = [values[f"gradient_{name}_{k + 1}"] for k in range(hidden)]
                assert got == pytest.approx(wanted.tolist(), abs=1e-12), name


def test_the_file_is_two_pages_and_its_answers_and_loads_nothing():
    text = html(worksheet(sized(replace(PAGE, text="<script>a</script> b c"))), "en")
    paper = Paper(text)
    assert len(paper.sections) == 3 and "script" not in paper.tags and POLICY in text
    assert not re.search(r"https?://(?!www\.w3\.org/1998/Math/MathML)", text)
    assert "data-answer" not in text[: text.rindex("<section")]


def test_a_small_network_of_the_page_is_taken_as_it_is_and_a_large_one_as_it_starts():
    small = Experiment(hidden=2, weights="lecture", moment=16)
    assert sized(small).weights == "lecture" and sized(small).moment == 16
    assert sized(Experiment()).weights == "untrained" and sized(Experiment()).hidden == 2
    assert sized(small, 3).hidden == 3


def test_a_number_is_right_within_one_of_its_last_digit():
    blank = Blank("a", 0.4449, 2)
    assert blank.written == "0.44" and blank.takes(0.44) and blank.takes(0.45) and not blank.takes(0.46)
    tiny = Blank("b", -0.00412, 4)
    assert tiny.written == "−0.0041" and tiny.takes(-0.0042) and not tiny.takes(0.0041)


def test_fewer_than_three_tokens_are_no_sheet():
    with pytest.raises(UnworkableError) as refused:
        worksheet(sized(Experiment(text="a b")))
    assert refused.value.sentence == "short"


def test_gates_that_say_nothing_are_looked_at_earlier_in_training_or_refused(monkeypatch):
    shut = sized(Experiment(hidden=2, weights="untrained", bias="fixed", keep_bias=10.0))
    with pytest.raises(UnworkableError) as refused:
        worksheet(shut)
    assert refused.value.sentence == "saturated"
    learned = Experiment(hidden=2, weights="yours", text="a b c", cell="lstm")
    monkeypatch.setattr("explorer.training.trainer.LM_STEPS", 300)
    found = worksheet(sized(learned))
    assert found.experiment.moment < 300
