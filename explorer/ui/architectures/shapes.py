"""The view `shapes` of the page of architectures: the grid, the table, the code, further questions."""

from collections.abc import Callable, Sequence

import plotly.graph_objects as go
import streamlit as st
import torch

from explorer.architectures.packing import Packing, packing
from explorer.architectures.shapes import (
    CodeRun,
    Sizes,
    Tensor,
    dense_code,
    keras_code,
    run,
    run_bare,
    torch_code,
    written,
)
from explorer.architectures.states import (
    SEEDS,
    SHIFTS,
    Border,
    Ends,
    NumpyCell,
    Padding,
    border,
    last_states,
    numpy_cell,
    paddings,
)
from explorer.experiment import Experiment
from explorer.figures.packing import grid_of_packing, packing_figure
from explorer.figures.shapes import grid_figure
from explorer.figures.signals import cell_name
from explorer.figures.states import border_figure, ends_figure, numpy_figure, padding_figure, radius_figure
from explorer.i18n import raised, t
from explorer.ui.charts import show_bare
from explorer.ui.state import apply, theme
from explorer.ui.widgets import field, folded

_NUMBERS = ("rows", "steps", "inputs", "outputs", "depth")
_KINDS = ("directions", "returns", "state", "first")

_ONE = {"depth": "1", "directions": "one", "first": "batch", "ask": ""}
_BATCH = _ONE | {"cell": "rnn", "rows": "8", "steps": "2", "inputs": "10", "outputs": "3", "state": "no"}
_TRAIN_X = _ONE | {"cell": "rnn", "rows": "1", "steps": "4", "inputs": "5", "outputs": "3"}
_DEFAULT = {"rows": "32", "steps": "10", "inputs": "16", "outputs": "8", "state": "no", "first": "batch"}
EXAMPLES: dict[str, dict[str, str]] = {
    "SimpleRNN(3) · (8, 2, 10)": _BATCH | {"returns": "last"},
    "SimpleRNN(3, return_sequences=True) · (8, 2, 10)": _BATCH | {"returns": "sequence"},
    "SimpleRNN(3) · train_X (1, 4, 5)": _TRAIN_X | {"returns": "last", "state": "no"},
    "SimpleRNN(3, return_sequences=True) · train_X": _TRAIN_X | {"returns": "sequence", "state": "no"},
    "SimpleRNN(3, return_sequences=True, return_state=True) · train_X": _TRAIN_X
    | {"returns": "sequence", "state": "yes"},
    "LSTM(3, return_state=True) · train_X": _TRAIN_X | {"cell": "lstm", "returns": "last", "state": "yes"},
    "SimpleRNN(8, return_sequences=True) × 2": _DEFAULT
    | {"cell": "rnn", "depth": "2", "directions": "one", "returns": "sequence", "ask": ""},
    "Bidirectional(SimpleRNN(8, return_sequences=True)) × 4": _DEFAULT
    | {"cell": "rnn", "depth": "4", "directions": "both", "returns": "sequence", "ask": ""},
    "TimeDistributed(Dense(8)) · (32, 10, 16)": _DEFAULT | {"ask": "dense"},
    "NumPy, T = 10, d = 4, H = 8": {"ask": "cell"},
}
"""What the lecture notes build, by its code, and the fields that show it here."""


def draw(experiment: Experiment, lang: str) -> None:
    """Draws the choices, one further question, the grid beside the table, the code."""
    sizes = Sizes.of(experiment)
    _choices(experiment, lang)
    with st.columns([1, 1])[0]:
        field("ask", experiment, lang)
    if experiment.ask:
        ASKED[experiment.ask](experiment, sizes, lang)
    _stand_in(sizes, lang)
    grid, table = st.columns([1.75, 1], gap="small")
    with grid:
        _show(grid_figure(sizes, lang, theme()), "grid")
    with table:
        _tables(sizes, lang)
    st.markdown(_grid_note(sizes, lang))
    _code(sizes, lang)


def _choices(experiment: Experiment, lang: str) -> None:
    for place, name in zip(st.columns(len(_NUMBERS), gap="small"), _NUMBERS, strict=True):
        with place:
            field(name, experiment, lang)
    *kinds, last = st.columns(len(_KINDS) + 1, gap="small", vertical_alignment="bottom")
    for place, name in zip(kinds, _KINDS, strict=True):
        with place:
            field(name, experiment, lang)
    with last:
        folded(t("shapes.examples", lang), "shapes", _examples)


def _examples() -> None:
    for label, changes in EXAMPLES.items():
        st.button(f"`{label}`", key=f"example {label}", on_click=apply, args=(changes,), width="stretch")


def _stand_in(sizes: Sizes, lang: str) -> None:
    """Says whose code stands here where the frameworks do not have the cell."""
    if sizes.in_torch:
        return
    sentence = "stand_in_torch" if sizes.in_keras else "stand_in"
    names = {"cell": cell_name(sizes.cell, lang), "other": cell_name(sizes.spec.key, lang)}
    st.markdown(t(f"shapes.{sentence}", lang, **names))


def _show(figure: go.Figure, name: str) -> None:
    show_bare(figure, f"shapes_{name}")


def _tables(sizes: Sizes, lang: str) -> None:
    """All shapes that go in and come out, by their axes and in numbers."""
    rows = [*_rows(sizes.tensors), f"| **{t('shapes.keras_returns', lang)}** | | |", *_rows(sizes.returned)]
    head = f"| {t('shapes.name', lang)} | {t('shapes.axes', lang)} | {t('shapes.shape', lang)} |"
    st.markdown("\n".join([head, "|---|---|---|", *rows]))


def _rows(tensors: Sequence[Tensor]) -> list[str]:
    return [f"| `{x.name}` | ({_listed(x.axes)}) | {written(x.shape)} |" for x in tensors]


def _listed(axes: tuple[str, ...]) -> str:
    return f"{axes[0]}," if len(axes) == 1 else ", ".join(axes)


def _grid_note(sizes: Sizes, lang: str) -> str:
    note = t("shapes.grid_both" if sizes.both else "shapes.grid_one", lang, last=f"`{sizes.tensors[2].name}`")
    return f"{note} {t('shapes.grid_first', lang)}"


def _code(sizes: Sizes, lang: str) -> None:
    names = [t(f"shapes.{name}", lang) for name in ("pytorch", "keras", "weights")]
    in_torch, in_keras, weights = st.tabs(names, key="shapes_code")
    with in_torch:
        st.code(torch_code(sizes), language="python")
        st.caption(_ran(sizes, shapes_run(sizes), lang))
    with in_keras:
        st.code(keras_code(sizes), language="python")
        st.caption(t("shapes.keras_checked", lang))
    with weights:
        _weights(sizes, lang)


def _ran(sizes: Sizes, run: CodeRun, lang: str) -> str:
    shapes = ", ".join(f"`{name}` {written(shape)}" for name, shape in run.shapes.items())
    sentence = "differs" if not run.agrees else "ran" if run.steps == sizes.steps else "ran_fewer"
    values = {"version": torch.__version__, "steps": run.steps, "asked": sizes.steps, "shapes": shapes}
    return t(f"shapes.{sentence}", lang, **values)


def _weights(sizes: Sizes, lang: str) -> None:
    names = [f"{t(f'shapes.{name}', lang)}" for name in ("pytorch", "axes", "shape", "keras", "shape")]
    lines = [f"| {' | '.join(names)} |", "|---|---|---|---|---|"]
    for w in sizes.weights:
        keras = (f"`{w.keras}`", written(w.keras_shape)) if w.keras else ("", "")
        lines.append(f"| `{w.name}` | ({_listed(w.axes)}) | {written(w.shape)} | {keras[0]} | {keras[1]} |")
    st.markdown(_counted(sizes, lang))
    st.markdown("\n".join(lines))


def _counted(sizes: Sizes, lang: str) -> str:
    counts = {"torch": f"{sizes.parameters:,}", "keras": f"{sizes.keras_parameters:,}"}
    same = sizes.parameters == sizes.keras_parameters
    return t("shapes.count_gru" if same else "shapes.count", lang, **counts)


def _output(experiment: Experiment, sizes: Sizes, lang: str) -> None:
    found = ends(experiment.cell, sizes.layers, sizes.both, experiment.seed)
    _show(ends_figure(found, lang, theme()), "ends")
    st.markdown(t("shapes.ends_note", lang))


def _cell(experiment: Experiment, sizes: Sizes, lang: str) -> None:
    cells, seed = numpy_cells(experiment.seed), experiment.seed
    first, other = cells
    st.code(first.code, language="python")
    st.caption(t("shapes.numpy_code", lang))
    values = {
        "radius": f"{first.radius:.2f}",
        "norm": raised(f"{first.norm:.1e}"),
        "other_radius": f"{other.radius:.2f}",
        "other_norm": raised(f"{other.norm:.1e}"),
    }
    _show(numpy_figure(cells, lang, theme()), "numpy")
    st.markdown(t("shapes.numpy_note", lang))
    st.markdown(t("shapes.numpy_now", lang, seed=seed, **values))
    _show(radius_figure(numpy_seeds(), cells, lang, theme()), "radius")
    st.markdown(t("shapes.radius_note", lang))


def _stateful(experiment: Experiment, sizes: Sizes, lang: str) -> None:
    found = bordered(experiment.cell, experiment.seed)
    _show(border_figure(found, lang, theme()), "border")
    st.markdown(t("shapes.border_note", lang))


def _padding(experiment: Experiment, sizes: Sizes, lang: str) -> None:
    found = padded(experiment.cell, experiment.seed)
    _show(padding_figure(found, lang, theme()), "padding")
    st.markdown(t("shapes.padding_note", lang))


def _packing(experiment: Experiment, sizes: Sizes, lang: str) -> None:
    found = packed(experiment.cell, experiment.seed)
    sentences = t("packing.batch", lang).split(" / ")
    _show(grid_of_packing(found, sentences, lang, theme()), "packing")
    saved = found.padded - found.read
    values = {"saved": saved, "padded": found.padded, "share": f"{100 * saved / found.padded:.0f}"}
    st.markdown(t("packing.grid_note", lang, **values))
    _show(packing_figure(found, lang, theme()), "packing_off")
    st.markdown(t("packing.off_note", lang))
    with st.expander(t("packing.code", lang)):
        st.code(found.code, language="python")


def _dense(experiment: Experiment, sizes: Sizes, lang: str) -> None:
    in_torch, in_keras = dense_code(sizes)
    tabs = st.tabs([t("shapes.pytorch", lang), t("shapes.keras", lang)], key="shapes_dense")
    for tab, code in zip(tabs, (in_torch, in_keras), strict=True):
        with tab:
            st.code(code, language="python")
    names = run_bare(in_torch)
    x, y = (written(names[name].shape) for name in ("x", "y"))
    count = sum(p.numel() for p in names["dense"].parameters())
    shape = t("shapes.dense_shape", lang, x=x, y=y)
    st.markdown(f"{shape} {t('shapes.count_dense', lang, count=f'{count:,}')}")
    st.caption(t("shapes.dense_ran", lang, version=torch.__version__))


ASKED: dict[str, Callable[[Experiment, Sizes, str], None]] = {
    "output": _output,
    "cell": _cell,
    "stateful": _stateful,
    "padding": _padding,
    "packing": _packing,
    "dense": _dense,
}


# Cached: one run per decision.


@st.cache_resource(max_entries=128, show_spinner=False, hash_funcs={Sizes: repr})
def shapes_run(sizes: Sizes) -> CodeRun:
    """Returns what PyTorch says of the code for some sizes, run now."""
    return run(sizes)


@st.cache_resource(max_entries=32, show_spinner=False)
def ends(cell: str, layers: int, both: bool, seed: int) -> Ends:
    """Returns output and h_n of a small run."""
    return last_states(cell, layers, both, seed)


@st.cache_resource(max_entries=32, show_spinner=False)
def numpy_cells(seed: int) -> tuple[NumpyCell, ...]:
    """Returns the NumPy cell with the lecture's weights and with centred ones."""
    return tuple(numpy_cell(seed, shift) for shift in SHIFTS)


@st.cache_resource(max_entries=1, show_spinner=False)
def numpy_seeds() -> tuple[tuple[NumpyCell, ...], ...]:
    """Returns both NumPy cells of the first seeds."""
    return tuple(tuple(numpy_cell(seed, shift) for seed in range(SEEDS)) for shift in SHIFTS)


@st.cache_resource(max_entries=32, show_spinner=False)
def bordered(cell: str, seed: int) -> Border:
    """Returns two batches in a row, the state reset, carried and detached."""
    return border(cell, seed)


@st.cache_resource(max_entries=32, show_spinner=False)
def padded(cell: str, seed: int) -> tuple[Padding, ...]:
    """Returns a sequence padded and masked in every way."""
    return paddings(cell, seed)


@st.cache_resource(max_entries=32, show_spinner=False)
def packed(cell: str, seed: int) -> Packing:
    """Returns a batch run padded and packed."""
    return packing(cell, seed)
