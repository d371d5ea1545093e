"""The list of figures in docs/figures.md, of signatures and docstrings: `python -m tests.figures.page`."""

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import plotly.graph_objects as go

from explorer import figures
from explorer.figures.sketch import Drawn

PAGE = Path(__file__).parents[2] / "docs" / "figures.md"
START, END = "<!-- made by python -m tests.figures.page -->\n", "<!-- end -->\n"


def public() -> Iterator[tuple[str, str, Callable[..., go.Figure]]]:
    """Yields module, name and function of everything that gives a figure of a record."""
    for found in pkgutil.iter_modules(figures.__path__):
        if found.name == "frame":  # an empty one, of no record
            continue
        module = import_module(f"{figures.__name__}.{found.name}")
        for name, value in vars(module).items():
            drawn = value.sketch if isinstance(value, Drawn) else value
            if name.startswith("_") or not inspect.isfunction(drawn) or drawn.__module__ != module.__name__:
                continue
            if isinstance(value, Drawn) or inspect.signature(drawn).return_annotation is go.Figure:
                yield found.name, name, drawn


def table() -> str:
    """Returns the list: each figure, the type of its first argument, the first sentence of what it says."""
    lines = ["| figure | of | what is drawn |", "|---|---|---|"]
    for module, name, function in public():
        first = next(iter(inspect.signature(function).parameters.values()))
        kind = inspect.formatannotation(first.annotation).replace("collections.abc.", "")
        said = inspect.getdoc(function).split("\n")[0].removeprefix("Returns ").replace("||", "‖")
        lines.append(f"| `{module}.{name}` | `{kind}` | {said} |".replace("float | None", "float \\| None"))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = PAGE.read_text("utf-8")
    before, after = text.partition(START)[0], text.partition(END)[2]
    PAGE.write_text(f"{before}{START}{table()}{END}{after}", "utf-8")
