"""Plotly.js as pages load it: read once, the kinds that stages draw come first, nothing of it is lost."""

import re
from pathlib import Path

import pytest

from explorer import figures
from explorer.stage import PLOTLY
from explorer.stage.library import FIRST, quick


@pytest.fixture(scope="module")
def source() -> str:
    return PLOTLY.read_text("utf-8")


def lists(text: str) -> list[list[str]]:
    """The lists of kinds of trace, each named by the function that makes it."""
    return [found.split(",") for found in re.findall(r"\.register\(\[((?:\w+\(\),?)+)\]\)", text)[-2:]]


def test_all_kinds_of_trace_stay_and_those_of_a_first_page_come_first(source):
    whole, (first, rest) = lists(source)[-1], lists(quick(source))
    assert len(whole) > 40 and len(first) == len(FIRST)
    assert [one for one in whole if one in first] == first and [one for one in whole if one in rest] == rest
    assert sorted(first + rest) == sorted(whole)
    for kind, made in zip(FIRST, first, strict=True):
        inner = re.search(rf'\b{made[:-2]}=\w+\([^{{]*\{{"use strict";\w+\.exports=(\w+)\(\)', source)
        assert inner and re.search(
            rf'\b{inner[1]}=\w+\([^{{]*\{{"use strict";.{{,3000}}"trace",name:"{kind}"', source
        )


def test_its_function_stands_in_brackets_and_nothing_else_is_changed(source):
    found = quick(source)
    assert ": this, (() => {\n" in found and found.endswith("return Plotly;\n})));")
    core = re.search(r"(\w+)\.rest=", found)[1]
    before = found.replace(": this, (() => {\n", ": this, () => {\n")[:-5] + "}));"
    whole = f"{core}.register([{','.join(lists(source)[-1])}]);"
    assert re.sub(rf"{core}\.register\(\[[^\]]+\]\);{core}\.rest=[^;]+;", whole, before) == source


def test_what_is_built_otherwise_is_left_as_it_is(source):
    assert quick("") == "" and quick("var Plotly = {}") == "var Plotly = {}"
    for kind in FIRST:
        other = source.replace(f'name:"{kind}",', 'name:"other",')
        assert len(lists(quick(other))[-1]) == len(lists(source)[-1])


def test_figures_of_stages_have_no_other_kinds():
    """Those of Dynamics have: its scene asks for all kinds before it draws."""
    for path in Path(figures.__file__).parent.glob("*.py"):
        kinds = set(
            re.findall(r"\.add_(\w+)\(|\.add\(\s*\"(\w+)\"|go\.([A-Z]\w+)\(", path.read_text("utf-8"))
        )
        named = {name.lower() for names in kinds for name in names if name}
        known = {*FIRST, "scatter", "annotation", "shape", "hline", "vline", "vrect", "figure", "layout"}
        assert path.stem == "dynamics" or named <= known, path.name
