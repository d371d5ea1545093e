"""docs/figures.md: it names every figure with its record, and its lines run without Streamlit."""

import re
import subprocess
import sys

import numpy as np
import pytest

from tests.figures.page import END, PAGE, START, public, table

FIGURES = list(public())


def test_the_page_names_every_figure_with_its_record():
    text = PAGE.read_text("utf-8")
    assert text.partition(START)[2].partition(END)[0] == table(), "python -m tests.figures.page"


@pytest.mark.parametrize(("module", "name", "function"), FIGURES, ids=[f"{m}.{n}" for m, n, _ in FIGURES])
def test_a_bare_array_has_its_shape_in_the_docstring(module, name, function):
    for parameter, kind in function.__annotations__.items():
        if kind is np.ndarray:
            assert re.search(rf"\b{parameter} \(\w", function.__doc__), parameter


def test_the_lines_of_the_page_run_without_streamlit(tmp_path):
    (lines,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    said = (
        "print(type(gate).__name__, type(triangle).__name__, gate.data[0].z.shape, triangle.data[0].z.shape)"
    )
    code = f"import sys\nsys.modules['streamlit'] = None\n{lines}\n{said}"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PAGE.parents[1])},
        capture_output=True,
    )
    assert run.stdout.decode() == "Figure Figure (8, 12) (12, 13)\n", run.stderr.decode()[-2000:]
    assert (tmp_path / "gate.html").exists()
