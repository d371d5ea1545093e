"""The glossary: complete, the same in both languages, its links good, its formulas true."""

import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from explorer import CELLS, RecurrentModel, trace
from explorer.cells.equations import latex, unfolded
from explorer.course.glossary import GROUPS, entries, facts, matching, parameters, sheets, terms
from explorer.course.lessons import LESSONS, cards
from explorer.course.places import place_of
from explorer.experiment import Experiment
from explorer.i18n import ASSETS, LANGUAGES
from explorer.language.sampling import probabilities
from explorer.language.scoring import score
from explorer.nn.initialise import initialise
from explorer.nn.model import recurrent_layers
from tests.course import lesson_files
from tests.helpers import random_layer

ROOT = Path(__file__).parents[2]
SEEDS = (ROOT / "docs" / "seeds.md").read_text(encoding="utf-8")
MATHS = re.compile(r"\$([^$]+)\$")
COMMANDS = {
    "begin", "end", "left", "right", "sigma", "tanh", "mathrm", "odot", "circ", "cdot", "cdots", "tilde",
    "varphi", "max", "rho", "prod", "sum", "frac", "partial", "theta", "approx", "delta", "tau", "ln", "min",
    "exp", "log", "leftarrow", "nabla", "quad", "sim", "in", "le", "to", "top", "lambda", "eta",
    "|", "{", "}", ",", "\\",
}  # fmt: skip
"""What KaTeX knows and this page uses."""


def written(lang: str) -> list[str]:
    """Returns every piece of Markdown of ours on the page."""
    pieces = []
    for entry in entries(lang):
        pieces += [entry.symbol, entry.pytorch, entry.lecture, *entry.names, entry.meaning, entry.note]
    for cell in sheets(lang):
        pieces += [piece for block in cell.blocks for piece in (block.title, block.note)]
    for fact in facts(lang):
        pieces += [fact.title, fact.block.note]
    return pieces


def displayed(lang: str) -> list[str]:
    """Returns every displayed equation of the page."""
    blocks = [block for cell in sheets(lang) for block in cell.blocks] + [fact.block for fact in facts(lang)]
    return [block.latex for block in blocks]


# What there is


def test_both_languages_have_the_same_entries():
    korean, english = entries("ko"), entries("en")
    for ko, en in zip(korean, english, strict=True):
        assert (ko.key, ko.symbol, ko.pytorch, ko.lecture, ko.shape, ko.see) == (
            en.key, en.symbol, en.pytorch, en.lecture, en.shape, en.see
        )  # fmt: skip
        assert ko.names == en.names[::-1]
        assert bool(ko.note) == bool(en.note), ko.key
    assert {entry.group for entry in korean} == set(GROUPS)
    assert list(terms("ko")) == list(terms("en")) == [entry.key for entry in english]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_meaning_is_one_sentence_in_the_readers_language(lang):
    for entry in entries(lang):
        said = MATHS.sub("x", entry.meaning)
        assert re.fullmatch(r"[^.]+다\." if lang == "ko" else r"[^가-힣]+\.", said), entry.key
        assert len(re.findall(r"[.?!](?:\s|$)", said)) == 1, entry.key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_a_korean_card_gives_in_english_too_can_be_looked_up(lang):
    given = re.compile(r"[가-힣]\*{0,2}\(([A-Za-z][A-Za-z '-]+)\)")
    words = {
        word
        for name in LESSONS
        for card in lesson_files.cards(name, "ko")
        for word in given.findall(card.text)
    }
    assert len(words) > 40
    assert not [word for word in sorted(words) if not matching(entries(lang), word)]


def test_korean_parts_recurrent_and_recursive():
    names = {key: entry.names for key, entry in terms("ko").items()}
    assert names["recurrent"] == ("순환", "recurrent") and names["recursive"] == ("재귀", "recursive")
    assert all(name in terms("ko")["f"].note + names["f"][0] for name in ("삭제", "망각", "잊음"))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("cell", CELLS)
def test_every_symbol_of_every_equation_is_in_the_glossary(cell, lang):
    known = " ".join(entry.symbol for entry in entries(lang))
    for spec in filter(None, (CELLS[cell], CELLS[cell].lecture)):
        table = dict(spec.equations)
        for symbol in table:
            drawn = symbol_names(rf"{symbol.removeprefix('pre_')}_t = {latex(unfolded(symbol, table))}")
            assert drawn <= symbol_names(known), symbol


def symbol_names(formula: str) -> set[str]:
    """Returns letters that carry an index, and functions and signs."""
    letters = re.findall(r"(?<![A-Za-z\\])([A-Za-z]'?)_", formula)
    return {*letters, *re.findall(r"\\(?:sigma|tanh|odot|mathrm\{relu\})", formula)}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_cell_has_its_sheet_with_every_signal(lang):
    assert [cell.key for cell in sheets(lang)] == list(CELLS)
    for cell in sheets(lang):
        for signal in CELLS[cell.key].signals:
            assert rf"{signal.symbol}_t &= " in cell.blocks[0].latex


@pytest.mark.parametrize("cell", [key for key, spec in CELLS.items() if spec.lecture])
def test_where_z_is_read_in_two_ways_both_are_shown(cell):
    sheet = next(sheet for sheet in sheets("en") if sheet.key == cell)
    keeps, replaces = (block.latex.splitlines()[-2] for block in sheet.blocks[:2])
    assert keeps == r"h_t &= \left(1 - z_t\right) \odot n_t + z_t \odot h_{t-1}"
    assert replaces == r"h_t &= \left(1 - z_t\right) \odot h_{t-1} + z_t \odot n_t"


NOTES = (
    (r"W_{xi}", "W_i"), (r"W_{xg}", "W_g"), (r"W_{xf}", "W_f"), (r"W_{xo}", "W_o"),
    (r"W_{hi}", "U_i"), (r"W_{hg}", "U_g"), (r"W_{hf}", "U_f"), (r"W_{ho}", "U_o"),
    (r"W_x", "W_h#"), (r"W_h ", "U_h "), ("W_h#", "W_h"), ("+ b\\right", "+ b_h\\right"), ("V_", "U_"),
    (r"\tilde{C}", "g"), ("C_", "c_"), (r"\circ", r"\odot"), (r"\tilde{h}", "n"), ("*", r"\odot"),
    (r"W \cdot [r_t \odot h_{t-1}, x_t]", r"W_n x_t + U_n \left(r_t \odot h_{t-1}\right)"),
    (r"W_z \cdot [h_{t-1}, x_t]", r"W_z x_t + U_z h_{t-1}"),
    (r"W_r \cdot [h_{t-1}, x_t]", r"W_r x_t + U_r h_{t-1}"),
    ("(1 - z_t)", r"\left(1 - z_t\right)"),
)  # fmt: skip
"""The notes' signs and ours, in the order of replacing."""


@pytest.mark.parametrize("cell, at", [("rnn", 1), ("lstm", 1), ("lstm", 2), ("gru_reset_before", 2)])
def test_the_notes_equations_are_the_cells_own_in_other_letters(cell, at):
    sheet = next(sheet for sheet in sheets("en") if sheet.key == cell)
    theirs = sheet.blocks[at].latex
    for sign, own in NOTES:
        theirs = theirs.replace(sign, own)
    found = [summands(line) for line in theirs.replace(" \\\\", "").splitlines()]
    spec = CELLS[cell].lecture or CELLS[cell]
    for symbol, expression in dict(spec.equations).items():
        if symbol.startswith("pre_"):
            continue
        own = re.sub(r" \+ b'_\w", "", f"{symbol}_t &= {latex(unfolded(symbol, dict(spec.equations)))}")
        if cell == "gru_reset_before":
            own = re.sub(r" \+ b_\w", "", own)  # the notes' GRU has no biases
        assert summands(own) in found, expression


def summands(equation: str) -> tuple[str, set[str]]:
    """Returns an equation's left side, and what is added on its right side in any order."""
    left, right = equation.split(r" &= ") if "&=" in equation else (equation, "")
    function = re.match(r"\\(?:tanh|sigma)(?=\\left)", right)
    head = function.group() if function else ""
    inside = right.removeprefix(head + r"\left(").removesuffix(r"\right)") if head else right
    return left + head, set(inside.split(" + "))


@pytest.mark.parametrize("biases", [2, 1])
@pytest.mark.parametrize("cell", CELLS)
def test_the_number_of_weights_is_that_of_the_layer(cell, biases):
    D, H = 10, 20
    formula = parameters(CELLS[cell], biases).replace("H(", "*H*(").replace("3H", "3*H").lstrip("*")
    layer = recurrent_layers(cell, D, H, 1, False)
    one_too_many = sum(p.numel() for name, p in layer.named_parameters() if name.startswith("bias_hh"))
    counted = sum(p.numel() for p in layer.parameters()) - (one_too_many if biases == 1 else 0)
    assert eval(formula, {"D": D, "H": H}) == counted


# Where it leads


@pytest.mark.parametrize("part", [*entries("en"), *sheets("en"), *facts("en")], ids=lambda part: part.key)
def test_a_link_leads_to_a_view_that_exists(part):
    leads_to_a_view(part.see.page, dict(part.see.changes))


def leads_to_a_view(page: str, changes: dict[str, str]) -> None:
    assert (ROOT / "pages" / f"{page}.py").is_file(), page
    _, refused = Experiment().with_changes(changes)
    assert refused == ()


ROWS = [line for line in SEEDS.splitlines() if line.startswith("| ") and not line.startswith("| heading")]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_every_heading_of_the_notes_has_its_place_in_the_app(row):
    _, heading, view, taught, _ = row.split("|")
    addresses = re.findall(r"`(/[^`]*)`", view)
    assert heading.strip() and addresses
    for address in addresses:
        found = place_of(address)
        leads_to_a_view(found.page, dict(found.changes))
    named = re.findall(r"`(\w+): ([\w, ]+)`", taught)
    assert bool(named) == bool(taught.strip())
    for lesson, keys in named:
        for lang in LANGUAGES:
            assert set(keys.split(", ")) <= {card.key for card in cards(lesson, lang)}


def test_each_of_the_five_notes_has_its_table():
    assert SEEDS.count("\n## ") == SEEDS.count("| heading | view | cards |") == 5


# How it is written


@pytest.mark.parametrize("lang", LANGUAGES)
def test_markdown_is_plain_and_its_formulas_are_closed(lang):
    for piece in written(lang):
        outside = re.sub(r"`[^`]*`", "x", MATHS.sub("x", piece))
        assert "$" not in outside and "`" not in outside, piece
        for bad in (r"<\w", r"\]\(", r"!", r"^#", r":\w+\[", r"\n", r"https?:", r"\*", r"~", "  "):
            assert not re.search(bad, outside), piece


@pytest.mark.parametrize("lang", LANGUAGES)
def test_formulas_are_balanced_and_of_commands_that_katex_knows(lang):
    for formula in [*displayed(lang), *(m for piece in written(lang) for m in MATHS.findall(piece))]:
        names = re.findall(r"\\([A-Za-z]+|[^A-Za-z])", formula)
        assert set(names) <= COMMANDS, formula
        bare = re.sub(r"\\[{}]", "", formula)
        assert bare.count("{") == bare.count("}"), formula
        assert len(re.findall(r"\\left(?![a-z])", formula)) == len(re.findall(r"\\right(?![a-z])", formula))
        assert not re.search("[가-힣]", formula)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_line_of_an_aligned_formula_has_one_place_to_align_at(lang):
    for formula in displayed(lang):
        assert all(line.count("&") == 1 for line in formula.splitlines()[1:-1]), formula


def test_every_shape_is_written_as_pytorch_prints_it():
    for entry in entries("en"):
        for shape in filter(None, re.split(r"(?<=\)), ", entry.shape)):
            assert re.fullmatch(r"\((?:[TBDHV],|[TBDHV](?:, [TBDHV])+)?\)", shape), entry.key


def test_the_source_holds_nothing_that_is_not_shown():
    import tomllib

    source = tomllib.loads((ASSETS / "glossary.toml").read_text(encoding="utf-8"))
    assert set(source) == {"entries", "lecture_equations", "facts"}
    assert {notes["cell"] for notes in source["lecture_equations"]} <= set(CELLS)
    for table in source["entries"].values():
        assert set(table) - {"shape"} == {"group", "symbol", "pytorch", "lecture", "see", *LANGUAGES}


# The search


def found(asked: str, lang: str = "en") -> set[str]:
    return {entry.key for entry in matching(entries(lang), asked)}


def test_nothing_asked_finds_all_and_words_narrow():
    assert len(found("")) == len(found("   ")) == len(entries("en"))
    assert found("forget gate") == found("forget") & found("gate") < found("forget")
    assert "f" in found("FORGET  gate") and "x" not in found("forget gate")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_both_languages_and_every_notation_are_searched(lang):
    for asked, key in (
        ("망각", "f"), ("forget gate", "f"), ("weight_hh_l0", "U"), ("sigma_max", "sigma_max"), ("c_t", "c"),
        ("dL/dh_k", "dL_dh"), ("순환", "recurrent"), ("teacher", "teacher_forcing"), ("$h_t$", "h"),
    ):  # fmt: skip
        assert key in found(asked, lang), asked
    assert found(unicodedata.normalize("NFD", "망각"), lang) == found("망각", lang)


def test_a_short_word_is_a_symbol_and_not_a_piece_of_a_word():
    assert {"z"} <= found("z") and "embedding" not in found("z")
    assert len(found("z")) < 12 and len(found("p")) < 12


@pytest.mark.parametrize("asked", [".*", "[a-z]+", "<b>x</b>", "%s", "';", "\u202eabcabc", "🙂", "(?:)"])
def test_what_is_no_word_here_is_not_found(asked):
    assert found(asked) == set()


def test_a_bracket_is_a_bracket():
    assert found("(") == {entry.key for entry in entries("en") if "(" in entry.found_by} < found("")


def test_a_long_search_finds_nothing_and_takes_no_time():
    assert found("쀍" * 20_000) == set()


# The formulas, against automatic differentiation

T, D, H = 6, 3, 4


def drawn(*shape: int, scale: float = 0.8, grad: bool = False) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape) + len(shape))
    values = scale * torch.randn(*shape, generator=generator, dtype=torch.float64)
    return values.requires_grad_(grad)


def kept(value: torch.Tensor) -> torch.Tensor:
    value.retain_grad()
    return value


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-10, atol=1e-12)


class Rnn:
    """h_t = tanh(W x_t + b + U h_{t-1}) and L = sum of L_t = v_t . h_t, everything with its gradient."""

    def __init__(self, scale: float = 0.8) -> None:
        self.W, self.U = drawn(H, D, grad=True), drawn(H, H, scale=scale, grad=True)
        self.b, self.v, self.x = drawn(H, grad=True), drawn(T + 1, H), drawn(T + 1, D)
        self.h, self.a = [kept(drawn(H, grad=True) * 1.0)], [torch.zeros(H)]
        for t in range(1, T + 1):
            self.a.append(kept(self.W @ self.x[t] + self.b + self.U @ self.h[-1]))
            self.h.append(kept(torch.tanh(self.a[-1])))

    def J(self, t: int) -> torch.Tensor:
        return torch.func.jacrev(lambda h: torch.tanh(self.W @ self.x[t] + self.b + self.U @ h))(
            self.h[t - 1]
        )

    def gradient(self, t: int, k: int) -> torch.Tensor:
        return torch.autograd.grad(self.v[t] @ self.h[t], self.h[k], retain_graph=True)[0]

    def backward(self) -> None:
        sum(self.v[t] @ self.h[t] for t in range(1, T + 1)).backward()


class Lstm:
    """An LSTM in the letters of the sheet, checked against torch.nn.LSTM, everything with its gradient."""

    def __init__(self) -> None:
        module = nn.LSTM(D, H, dtype=torch.float64)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(drawn(*parameter.shape))
        self.v, self.x = drawn(T + 1, H), drawn(T + 1, D)
        self.W = dict(zip("ifgo", module.weight_ih_l0.detach().clone().split(H), strict=True))
        self.U = dict(zip("ifgo", module.weight_hh_l0.detach().clone().split(H), strict=True))
        bias = (module.bias_ih_l0 + module.bias_hh_l0).detach()
        self.b = dict(zip("ifgo", bias.split(H), strict=True))
        for table in (self.W, self.U, self.b):
            for s in table:
                table[s] = table[s].clone().requires_grad_()
        zero = torch.zeros(H, dtype=torch.float64)
        self.h, self.c = [zero], [zero]
        self.a: list[dict] = [{}]
        self.s: list[dict] = [{}]
        for t in range(1, T + 1):
            a = {s: kept(self.W[s] @ self.x[t] + self.b[s] + self.U[s] @ self.h[-1]) for s in "ifgo"}
            s = {s: torch.tanh(a[s]) if s == "g" else torch.sigmoid(a[s]) for s in "ifgo"}
            self.a.append(a)
            self.s.append(s)
            self.c.append(kept(s["f"] * self.c[-1] + s["i"] * s["g"]))
            self.h.append(kept(s["o"] * torch.tanh(self.c[-1])))
        assert close(torch.stack(self.h[1:]), module(self.x[1:])[0])
        sum(self.v[t] @ self.h[t] for t in range(1, T + 1)).backward()


def fact_readout() -> None:
    y, target = drawn(7, grad=True), torch.tensor(4)
    loss = nn.functional.cross_entropy(y, target)
    loss.backward()
    p = y.detach().softmax(0)
    assert close(loss.detach(), -p[target].log())
    assert close(y.grad, p - nn.functional.one_hot(target, 7))


def fact_perplexity() -> None:
    model = RecurrentModel("lstm", 3, 4, 5, vocabulary="abcde").double()
    initialise(model, torch.Generator().manual_seed(0))
    ids = torch.tensor(model.encode("abcadeb"))
    logits = model(ids[:-1, None])[:, 0].detach()
    losses = nn.functional.cross_entropy(logits, ids[1:], reduction="none")
    assert score(model, "abcadeb").perplexity == pytest.approx(float((losses.sum() / (len(ids) - 1)).exp()))


def fact_temperature() -> None:
    y = drawn(7)
    assert np.allclose(probabilities(y.numpy(), temperature=0.7), (y / 0.7).softmax(0).numpy())


def fact_chain() -> None:
    rnn = Rnn()
    product = rnn.gradient(T, T)
    for t in range(T, 2, -1):
        product = product @ rnn.J(t)
    assert close(rnn.gradient(T, 2), product)


def fact_bptt() -> None:
    rnn = Rnn()
    rnn.backward()
    for t in range(T, 1, -1):
        assert close(rnn.h[t - 1].grad, rnn.v[t - 1] + rnn.h[t].grad @ rnn.J(t))


def fact_rnn() -> None:
    rnn = Rnn()
    assert close(rnn.J(3), torch.diag(1 - rnn.h[3] ** 2) @ rnn.U)


def fact_bound() -> None:
    rnn = Rnn(scale=0.2)
    factor = torch.linalg.svdvals(rnn.U)[0] * 1.0  # the steepest slope of tanh
    assert factor < 1
    for k in range(T + 1):
        assert rnn.gradient(T, k).norm() <= factor ** (T - k) * rnn.gradient(T, T).norm() * (1 + 1e-12)


def fact_lstm() -> None:
    m = Lstm()
    for t in range(1, T + 1):
        dh, dc, s = m.h[t].grad, m.c[t].grad, m.s[t]
        later = m.c[t + 1].grad * m.s[t + 1]["f"] if t < T else 0
        assert close(dc, dh * s["o"] * (1 - torch.tanh(m.c[t]) ** 2) + later)
        assert close(dh, m.v[t] + (sum(m.a[t + 1][g].grad @ m.U[g] for g in "ifgo") if t < T else 0))
        assert close(m.a[t]["f"].grad, dc * m.c[t - 1] * s["f"] * (1 - s["f"]))
        assert close(m.a[t]["i"].grad, dc * s["g"] * s["i"] * (1 - s["i"]))
        assert close(m.a[t]["g"].grad, dc * s["i"] * (1 - s["g"] ** 2))
        assert close(m.a[t]["o"].grad, dh * torch.tanh(m.c[t]) * s["o"] * (1 - s["o"]))


def fact_cell_path() -> None:
    """Gates that do not see h leave the direct path alone: then it is all."""
    module, x = nn.LSTM(D, H, dtype=torch.float64), drawn(T, 1, D)
    nn.init.zeros_(module.weight_hh_l0)
    f = torch.from_numpy(trace(module, x[:, 0]).gate["f"].copy())
    h = torch.zeros(1, 1, H, dtype=torch.float64)
    c_to_c = torch.func.jacrev(lambda c: module(x, (h, c.view(1, 1, H)))[1][1].view(H))
    assert close(c_to_c(drawn(H)), torch.diag(f.prod(0)))


def fact_start() -> None:
    for total, value in ((0.0, 0.5), (1.0, 0.731), (2.0, 0.881), (3.0, 0.953)):
        module = nn.LSTM(D, H, dtype=torch.float64)
        for name, parameter in module.named_parameters():
            nn.init.zeros_(parameter)
            if name.startswith("bias"):
                parameter.data[H : 2 * H] = total / 2
        f = trace(module, np.zeros((T, D))).gate["f"]
        assert np.allclose(f, value, atol=5e-4)
        assert np.allclose(f[2:].prod(0), (1 / (1 + np.exp(-total))) ** (T - 2))


def fact_gru_path() -> None:
    module, x = nn.GRU(D, H, dtype=torch.float64), drawn(T, 1, D)
    nn.init.zeros_(module.weight_hh_l0)
    t = trace(module, x[:, 0]).layers[0]
    h_to_h = torch.func.jacrev(lambda h: module(x, h.view(1, 1, H))[1].view(H))(torch.zeros(H).double())
    z = t.gate["z"]
    assert close(h_to_h, torch.diag(torch.from_numpy(z.copy()).prod(0)))
    assert np.allclose(1 - t.in_lecture_notation().gate["z"], z)


def fact_gru_start() -> None:
    cell = nn.GRUCell(D, H, bias=False, dtype=torch.float64)
    x = torch.zeros(D, dtype=torch.float64)
    J = torch.func.jacrev(lambda h: cell(x, h))
    expected = torch.eye(H) / 2 + cell.weight_hh[2 * H :] / 4
    assert close(J(torch.zeros(H, dtype=torch.float64)), expected)
    with torch.no_grad():
        cell.weight_hh[2 * H :] = 2 * torch.eye(H)
    largest = torch.linalg.eigvals(J(torch.zeros(H, dtype=torch.float64))).abs().max()
    assert largest.item() == pytest.approx(1.0)


def fact_weights() -> None:
    m = Lstm()
    steps = range(1, T + 1)
    for s in "ifgo":
        delta = [m.a[t][s].grad for t in steps]
        assert close(m.U[s].grad, sum(torch.outer(d, m.h[t - 1]) for d, t in zip(delta, steps, strict=True)))
        assert close(m.W[s].grad, sum(torch.outer(d, m.x[t]) for d, t in zip(delta, steps, strict=True)))
        assert close(m.b[s].grad, sum(delta))
    for before in (True, False):
        U, r, h = drawn(H, H, grad=True), drawn(H).sigmoid(), drawn(H)
        a = kept(drawn(H) + (U @ (r * h) if before else r * (U @ h)))
        (drawn(H) @ torch.tanh(a)).backward()
        expected = torch.outer(a.grad, r * h) if before else torch.outer(a.grad * r, h)
        assert close(U.grad, expected)


def fact_clipping() -> None:
    for length in (0.5, 3.0):
        parameters = [drawn(4, grad=True), drawn(2, 3, grad=True)]
        whole = torch.cat([p.detach().flatten() for p in parameters]) * length
        for p in parameters:
            p.grad = p.detach() * length
        nn.utils.clip_grad_norm_(parameters, 1.0)
        clipped = torch.cat([p.grad.flatten() for p in parameters])
        assert torch.allclose(clipped, whole * min(1.0, 1.0 / float(whole.norm())), rtol=1e-5)


def fact_chrono() -> None:
    model = RecurrentModel("lstm", D, 64, 1).double()
    initialise(model, torch.Generator().manual_seed(0), bias="chrono", longest=20)
    b_i, b_f, _, _ = model.rnn.bias_ih_l0.detach().split(64)
    assert torch.equal(b_i, -b_f)
    assert b_f.min() >= 0 and b_f.max() <= np.log(19)
    assert b_f.exp().mean().item() == pytest.approx(10, abs=2)  # uniform before the logarithm


FACTS = {name.removeprefix("fact_"): check for name, check in globals().items() if name.startswith("fact_")}


@pytest.mark.parametrize("key", [fact.key for fact in facts("en")])
def test_a_formula_agrees_with_automatic_differentiation(key):
    FACTS[key]()


def test_a_layers_candidate_bias_meets_the_reset_gate_as_the_glossary_says():
    layer = random_layer("gru", np.random.default_rng(3))
    table = dict(layer.spec.equations)
    assert latex(table["pre_n"]).endswith(r"r_t \odot \left(U_n h_{t-1} + b'_n\right)")
    assert "$b'_n$" in terms("en")["b_rec"].note
