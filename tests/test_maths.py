"""Maths is typeset wherever it is read: no raw indices and powers in strings, figures and stages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer import Experiment
from explorer.experiment import Display
from explorer.i18n import LANGUAGES, raised, strings, t
from explorer.lab.flow import compared, flow
from explorer.lab.learned import learn
from explorer.stage.payload import build_flow, header_of

ROOT = Path(__file__).parents[1]

RAW = re.compile(
    r"(?<![A-Za-z])[d∂]?[A-Za-zσφ@]_(?:[a-z0-9@](?![A-Za-z])|hh|ih|max)"  # h_t, dL_t, σ_max, W_hh
    r"|[A-Za-z0-9)]\^[-−({A-Za-z0-9]"  # 10^-4
    r"|[0-9]e[-−+]?[0-9]"  # 9.14e-15
)
NAMES = ("h_n", "c_n")
"""What PyTorch calls its outputs: names of a program, not maths."""

CODE = {"notice.pt_file", "notice.no_metadata", "help.racers", "glossary.examples"}
"""Strings that quote a program, or what one types."""


def found(text: str) -> str | None:
    for name in NAMES:
        text = text.replace(name, "")
    text = re.sub(r"`[^`]*`|\$[^$]*\$", "", text)
    text = re.sub(r"\{[a-z_]+(:[^}]*)?\}", "@", text)
    match = RAW.search(text)
    return match and match.group()


@pytest.mark.parametrize(
    "raw", ["dL_t/dh_k", "10^-4", "σ_max(W_hh)", "9.14e-15", "‖{s}_t‖", "s_t − s_{t−1}", "2.1e+20"]
)
def test_raw_maths_is_noticed(raw: str):
    assert found(raw)


@pytest.mark.parametrize(
    "text", ["‖d<i>L</i><sub>t</sub>‖", "$h_{t-1}$", "`weight_hh`", "9.1 × 10⁻¹⁵", "output, h_n", "1e, 2f"]
)
def test_typeset_maths_and_code_are_not(text: str):
    assert not found(text)


def said(table: dict, place: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from said(value, f"{place}{name}.")
        elif isinstance(value, str):
            yield place + name, value


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_string_of_a_language_has_raw_maths(lang: str):
    raw = {key: found(text) for key, text in said(strings(lang)) if key not in CODE and found(text)}
    assert not raw


def of_python(path: Path) -> Iterator[str]:
    """The strings of a module, but for docstrings; what an f-string fills in is @."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(v.value if isinstance(v, ast.Constant) else "@" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | parts:
            yield node.value


def of_script(path: Path) -> Iterator[str]:
    code = re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.S)
    for text in re.findall(r'"([^"\n]*)"|`([^`]*)`', code):
        yield re.sub(r"\$\{[^}]*\}", "@", "".join(text))


def is_name(text: str) -> bool:
    """Keys, classes and paths are no text."""
    return " " not in text and all(ord(char) < 128 for char in text)


def test_no_figure_and_no_stage_writes_raw_maths():
    raw = {}
    for folder, reads, end in (
        ("figures", of_python, "py"),
        ("stage", of_python, "py"),
        ("stage/js", of_script, "js"),
    ):
        for path in sorted((ROOT / "explorer" / folder).rglob(f"*.{end}")):
            raw |= {
                f"{path.name}: {text}": found(text)
                for text in reads(path)
                if not is_name(text) and found(text)
            }
    assert not raw


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_flows_laws_are_typeset(lang: str):
    asked = Experiment(weights="untrained", hidden=4)
    cells = {cell: learn(Experiment(cell=cell, weights="untrained", hidden=4)) for cell in compared("lstm")}
    header = header_of(build_flow(flow(asked, cells), Display(lang)))
    assert not [line for line in header["decays"] if found(line)]
    assert any("<sub>max</sub>(<i>W</i><sub>hh</sub>)" in line for line in header["decays"])


def test_numbers_are_written_as_people_do():
    assert raised("9.14e-15") == "9.14 × 10⁻¹⁵" and raised("1e+06") == "1 × 10⁶"
    assert (
        raised("one2e3, 0.5") == "one2 × 10³, 0.5"
        and raised("1.0e-05 … 2.0e+20") == "1.0 × 10⁻⁵ … 2.0 × 10²⁰"
    )
    said_by = t("analysis.law_keep", "en", factor=1.2e-7, steps=3.0)
    assert "1.2 × 10⁻⁷" in said_by and "3 steps" in said_by
