"""What a reader takes away of a view besides its page: every number by name, a table, a script."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from explorer.experiment import Experiment
from explorer.stage.payload import header_of, numbers_of
from explorer.text import plain

_BY_STEP = {
    "walk": ("x", "gate_", "pre_", "top_probabilities", "value"),
    "generate": ("x", "gate_", "pre_", "top_probabilities", "said_", "ahead_"),
    "flow": ("norm", "chain", "beside", "line_"),
    "units": ("lost", "nats", "value_"),
    "deep": ("h_", "gradient", "p_"),
    "predict": ("p", "nats", "surprise", "running", "rank", "distance", "top_p"),
    "memory": ("baseline", "guessed", "accuracy_", "norm_", "read_", "arrives_", "low_", "high_"),
    "space": ("states", "line_"),
    "pairs": ("x", "y"),
    "race": ("loss", "gradient_norm", "metric"),
}
"""How the names of arrays by step begin, for each kind of payload; the cell's states are by step too."""

_TAG = re.compile(r"<[^>]*>")


def arrays_of(payload: bytes) -> dict[str, np.ndarray]:
    """Returns the numbers of a payload by name, as the stage shows them.

    kind, lang (); step (T,) as numbered on the screen, token (T,); of a second run the names begin with
    `run2_`. States have T+1 rows, the initial one first. The lines of charts are `line_1_...`. Of a view of
    charts alone: the axes of every trace, `FIGURE_1_x`, and what the traces are called. `clocked` names what
    a clock measured: another run has other numbers there.
    """
    header, numbers = header_of(payload), numbers_of(payload)
    found = {"kind": np.array(header["kind"]), "lang": np.array(header["lang"])}
    if header["kind"] == "charts":
        return found | _of_charts(header)
    for k, run in enumerate(header["runs"]):
        before = f"run{k + 1}_" if k else ""
        found |= {before + name: array for name, array in _of_run(run, header, numbers).items()}
    if header["kind"] == "race":
        found["clocked"] = np.array([name for name in found if name.endswith("seconds")], dtype=str)
    return found


_AXES = ("x", "y", "z", "u", "v", "w")


def _of_charts(header: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The axes of every trace, the ends of its intervals too, and what else the view found."""
    found: dict[str, np.ndarray] = {}
    clocked: list[str] = []
    for figure in header["figures"]:
        traces = figure["light"]["data"]
        for m, trace in enumerate(traces, start=1):
            name = f"{figure['name']}_{m}"
            own = {f"{name}_{axis}": _array(trace[axis]) for axis in _AXES if trace.get(axis)}
            error = trace.get("error_y", {})
            own |= {f"{name}_{end}": _array(error[key]) for end, key in _ENDS.items() if error.get(key)}
            if figure["clocked"] is not None and m >= figure["clocked"]:
                clocked += [place for place in own if not place.endswith("_x")]
            found |= own
        found[f"{figure['name']}_names"] = np.array([_named(trace, m) for m, trace in enumerate(traces, 1)])
    found |= {name: _array(value) for name, value in header["numbers"].items()}
    return found | {"clocked": np.array(clocked, dtype=str)}


_ENDS = {"above": "array", "below": "arrayminus"}
"""How far an interval reaches, and where Plotly has it."""


def _array(value: Any) -> np.ndarray:
    """Numbers with NaN where there is none; else text."""
    plain = np.array(value, dtype=object)
    try:
        return plain.astype(np.float64)
    except (TypeError, ValueError):
        return np.array(plain, dtype=str)


def _of_run(run: Mapping[str, Any], header: Mapping[str, Any], numbers: np.ndarray) -> dict[str, np.ndarray]:
    def at(place: Mapping[str, Any]) -> np.ndarray:
        size = int(np.prod(place["shape"]))
        return numbers[place["at"] : place["at"] + size].reshape(place["shape"]).copy()

    found = {"step": header["firstStep"] + np.arange(run["steps"])}
    if header["kind"] == "race":
        found["racer"] = np.array(run["racer"])
    else:
        found["token"] = np.array([token["original"] for token in run["tokens"]], dtype=str)
    found |= {name.replace(".", "_"): at(place) for name, place in run["arrays"].items()}
    for n, figure in enumerate(run["lines"], start=1):
        for m, trace in enumerate(figure["data"], start=1):
            if isinstance(y := trace.get("y"), dict) and "array" in y:
                found[_unused(f"line_{n}_{_named(trace, m)}", found)] = at(y["array"])
    return found | (_table_of_pairs(header) if header["kind"] == "pairs" else {})


def _named(trace: Mapping[str, Any], m: int) -> str:
    return _TAG.sub("", trace.get("name") or str(m)).replace("/", "_over_").strip()


def _unused(name: str, among: Mapping[str, Any]) -> str:
    return name if name not in among else _unused(name + "'", among)


def _table_of_pairs(header: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The rows of pairs that are shown: x (N, L) padded in front with 0, y (N,); the tokens by id."""
    beginnings, targets = [], []
    for number, at in header["rows"]:
        sentence = header["sentences"][number]
        shown = at - sentence["from"]
        beginnings.append(sentence["ids"][:shown])
        targets.append(sentence["ids"][shown])
    x = np.zeros((len(targets), max(map(len, beginnings))), int)
    for row, ids in zip(x, beginnings, strict=True):
        row[len(row) - len(ids) :] = ids
    listed = header["vocabulary"]["tokens"]
    words = {"id": np.array([k for k, _, _ in listed]), "word": np.array([word for _, word, _ in listed])}
    return {"x": x, "y": np.array(targets), **words}


def npz(payload: bytes) -> bytes:
    """Returns the arrays of a payload as the file that `numpy.load` reads."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays_of(payload))  # type: ignore[arg-type]  # none is called allow_pickle
    return file.getvalue()


def record(payload: bytes) -> str:
    """Returns the arrays of a payload as JSON, what is not finite as null."""
    return json.dumps(plain(arrays_of(payload)), allow_nan=False, ensure_ascii=False) + "\n"


def table(payload: bytes) -> str:
    """Returns what a payload has by step as CSV, a row for each step, for a spreadsheet or for pandas.

    A column for each unit, `f[3]` the third; of states the initial one stands in a row of its own, before the
    first step. Weights and the like, which have no step, are in the .npz alone. Of a view of charts alone:
    a table for each figure, a column for each axis of its traces.
    """
    header, arrays = header_of(payload), arrays_of(payload)
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    if header["kind"] == "charts":
        for lines in _tables(header, arrays):
            for line in lines:
                write(line)
        return out.getvalue()
    for k, run in enumerate(header["runs"]):
        before = f"run{k + 1}_" if k else ""
        own = {n.removeprefix(before): a for n, a in arrays.items() if _whose(n) == before}
        columns = _columns(own, header["kind"], run["steps"])
        if k:
            write(())
        write((*(("run",) if len(header["runs"]) > 1 else ()), "step", "token", *columns))
        ahead = max((len(column) - run["steps"] for column in columns.values()), default=0)
        for row in range(-ahead, run["steps"]):
            token = own["token"][row] if "token" in own and 0 <= row < len(own["token"]) else ""
            cells = [_cell(column, row + len(column) - run["steps"]) for column in columns.values()]
            number = (k + 1,) if len(header["runs"]) > 1 else ()
            write((*number, header["firstStep"] + row, token, *cells))
    return out.getvalue()


def _tables(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Iterator[list[list[Any]]]:
    """The figures' numbers, below each other: a head, then rows as many as the longest column has."""
    for n, figure in enumerate(header["figures"]):
        heads, columns = [], []
        for m, said in enumerate(arrays[f"{figure['name']}_names"], start=1):
            before = f"{figure['name']}_{m}_"
            for name, array in arrays.items():
                if name.startswith(before):
                    flat = array.reshape(len(array), -1)
                    head = f"{said} {name.removeprefix(before)}"
                    heads += [head if array.ndim == 1 else f"{head}[{j + 1}]" for j in range(flat.shape[1])]
                    columns += list(flat.T)
        rows = [
            [_cell(column, k) if k < len(column) else "" for column in columns]
            for k in range(max(map(len, columns), default=0))
        ]
        yield [*([[]] if n else []), heads, *rows]


def _whose(name: str) -> str:
    found = re.match(r"run\d+_", name)
    return found[0] if found else ""


def _columns(arrays: Mapping[str, np.ndarray], kind: str, steps: int) -> dict[str, np.ndarray]:
    """The columns of a table by their heads: every array by step, a column for each place in a row."""
    found: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        is_state = kind in ("walk", "generate", "units") and re.fullmatch("[a-z]", name)
        if name in ("step", "token") or array.ndim == 0 or len(array) not in (steps, steps + 1):
            continue
        if is_state or name.startswith(_BY_STEP[kind]):
            flat = array.reshape(len(array), -1)
            alone = array.ndim == 1
            found |= {name if alone else f"{name}[{j + 1}]": flat[:, j] for j in range(flat.shape[1])}
    return found


def _cell(column: np.ndarray, row: int) -> Any:
    return "" if row < 0 else column[row].item()


_ALONG = {
    "network": "the file that was opened",
    "vocabulary": "the file of its tokens",
    "sequence": "the file of its numbers",
    "beside": "the file of the network beside it",
}
"""What a script says of each file that a network of somebody's own needs."""

_TRAINED = {"network": "the file of this network, from the page where it was trained"}


def script(
    page: str, experiment: Experiment, lang: str, title: str, files: Mapping[str, str] | None = None
) -> str:
    """Returns a Python script that carries out a view again through the public API.

    files: where the experiment does not make its network, what has it, by the parameters of `view`.
    """
    default = Experiment()
    chosen = [
        f"        {field.name}={value!r},"
        for field in fields(Experiment)
        if (value := getattr(experiment, field.name)) != getattr(default, field.name)
        and field.name not in ("card", "panels")
    ]
    said = _ALONG if experiment.own else _ALONG | _TRAINED
    along = [f"    {name}={file!r},  # {said[name]}" for name, file in (files or {}).items()]
    heading = "".join(letter if letter.isprintable() else " " for letter in title)
    lines = [
        f"# {heading}",
        '# The same numbers again: pip install "rnn-explorer[app]"',
        "",
        "from explorer import Experiment, view",
        "",
        "seen = view(",
        f"    {page!r},",
        "    Experiment(",
        *chosen,
        "    ),",
        f"    lang={lang!r},",
        *along,
        ")",
        "for name, array in seen.arrays.items():",
        "    print(name, array.shape)",
        "",
        "# seen.arrays by name, each a NumPy array; as a page that opens anywhere:",
        f"# seen.to_html({page + '.html'!r})",
    ]
    return "\n".join(lines) + "\n"
