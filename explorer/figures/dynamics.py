"""Figures of dynamics: states and fixed points in space, eigenvalues, phase portraits, exponents."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.dynamics.landscape import Landscape
from explorer.dynamics.portrait import EDGE, Branches, Chaos, Portrait
from explorer.figures.palette import EMPTY, GRID, GROUND, HUES
from explorer.figures.signals import layout, line, step_axis
from explorer.i18n import t
from explorer.labels import label, plot_label, width

KINDS = (("keep", "circle"), ("candidate", "diamond"), ("write", "square"), ("show", "cross"))
"""Hue and mark of a point by its number of unstable directions, none to three; more look like three."""

PATH = ("keep", "write", "candidate", "show", "reset", "c")
"""Hues of tokens along a path, in the order in which they first appear."""

APART = 0.12
"""How far apart two tokens are written, as a share of a side of the box: a word's width."""

ROOM = 50
"""Columns of text below a chart of half a page."""

CONE = 0.1
"""How long the cone of a pulse is at most, as a share of the widest side of the states; else half its way."""

NAMES = ("corner", "edge", "face", "centre")


def kind_of(unstable: int) -> tuple[str, str]:
    """Returns hue and mark of a point with so many unstable directions."""
    return KINDS[min(unstable, len(KINDS) - 1)]


def space_figure(landscape: Landscape, lang: str, theme: str = "light", named: bool = True) -> go.Figure:
    """Returns the run's path and every point in three principal directions.

    meta.role of a trace: `frame` (from each memory to those it borders on), `path`, `pulses` (a cone to where
    each marked step led), `points` (meta.unstable how many directions leave, meta.rows which points). Slow
    points have open marks. named: whether tokens stand at the states, each in a hue of its own, written where
    there is room, the last one before others; else what is marked is coloured.
    """
    figure = go.Figure(layout=_space_layout(landscape, lang, theme))
    x, y, z = landscape.space.place(landscape.states).T.tolist()
    if named:
        hues = token_hues([token.label for token in landscape.tokens])
    else:
        hues = ["write" if token.marked else "x" for token in landscape.tokens]
    figure.add_scatter3d(
        x=x,
        y=y,
        z=z,
        mode="lines+markers+text" if named else "lines+markers",
        text=_labels(landscape) if named else None,
        textposition="top center",
        line={"color": HUES[theme]["x"], "width": 3},
        marker={"size": 3.5, "color": [HUES[theme]["x"], *(HUES[theme][hue] for hue in hues)]},
        hoverinfo="skip",
        meta={"role": "path", "hues": ["x", *hues]},
    )
    if not named:
        _pulses(figure, landscape, theme)
    points = landscape.points
    placed = landscape.space.place(points.states)
    _frame(figure, landscape, placed, theme)
    for exact in (True, False):
        for unstable in sorted(set(points.unstable[points.exact == exact].tolist())):
            rows = np.flatnonzero((points.unstable == unstable) & (points.exact == exact))
            hue, mark = kind_of(unstable)
            symbol = mark if exact or mark == "cross" else f"{mark}-open"
            figure.add_scatter3d(
                x=placed[rows, 0].tolist(),
                y=placed[rows, 1].tolist(),
                z=placed[rows, 2].tolist(),
                mode="markers",
                marker={"size": 7 if unstable == 0 else 5, "symbol": symbol, "color": HUES[theme][hue]},
                customdata=rows.tolist(),
                hoverinfo="none",
                meta={
                    "role": "points",
                    "unstable": unstable,
                    "hue": hue,
                    "rows": rows.tolist(),
                    "exact": exact,
                },
            )
    return figure


def _labels(landscape: Landscape) -> list[str]:
    """Returns what is written at each state: its token, or nothing where another one stands too near."""
    low, high = _box(landscape)
    places = (landscape.space.place(landscape.states) - low) / (high - low)
    labels, written = [""] * len(places), list[int]()
    for step in (landscape.steps, *range(1, landscape.steps)):
        if all(np.linalg.norm(places[step] - places[other]) >= APART for other in written):
            labels[step] = plot_label(landscape.tokens[step - 1].label)
            written.append(step)
    return labels


def _pulses(figure: go.Figure, landscape: Landscape, theme: str) -> None:
    """A cone at the state after every marked step, its point there, its foot towards the state before."""
    rows = [k for k, token in enumerate(landscape.tokens) if token.marked]
    placed = landscape.space.place(landscape.states)
    ways = np.diff(placed, axis=0)
    far = np.linalg.norm(ways, axis=1, keepdims=True)
    moved = [k for k in rows if far[k] > 1e-9]
    if not moved:
        return
    longest = CONE * float(np.ptp(placed, axis=0).max())
    x, y, z = placed[1:][moved].T.tolist()
    u, v, w = (ways[moved] / far[moved] * np.minimum(1, far[moved] / (2 * longest))).T.tolist()
    colour = HUES[theme]["write"]
    figure.add_cone(
        x=x,
        y=y,
        z=z,
        u=u,
        v=v,
        w=w,
        anchor="tip",
        sizemode="absolute",
        sizeref=longest,
        colorscale=[[0.0, colour], [1.0, colour]],
        showscale=False,
        hoverinfo="skip",
        meta={"role": "pulses", "hue": "write", "steps": [k + 1 for k in moved]},
    )


def _frame(figure: go.Figure, landscape: Landscape, placed: np.ndarray, theme: str) -> None:
    """Lines from each saddle with one way out to the memories that it parts: the edges of a cube."""
    rows = [
        placed[[one, row, other]]
        for row, ends in enumerate(landscape.decides)
        if len(ends) == 1 and landscape.points.exact[row]
        for one, other in ends
        if min(one, other) >= 0
    ]
    if not rows:
        return
    gap = np.full((1, placed.shape[1]), np.nan)
    x, y, z = (
        [None if np.isnan(v) else v for v in line]
        for line in np.concatenate([part for row in rows for part in (row, gap)]).T.tolist()
    )
    figure.add_scatter3d(
        x=x,
        y=y,
        z=z,
        mode="lines",
        line={"color": HUES[theme]["c"], "width": 2},
        hoverinfo="skip",
        meta={"role": "frame", "hue": "c"},
    )


def token_hues(labels: Sequence[str]) -> list[str]:
    """Returns a hue for each label, the same for the same one; those that come late share."""
    seen: dict[str, str] = {}
    return [seen.setdefault(label, PATH[len(seen) % len(PATH)]) for label in labels]


def in_sight(landscape: Landscape) -> np.ndarray:
    """Returns which points stand in the box that is drawn (n,): no further from the states than these reach.

    One far away would shrink the path to a dot.
    """
    states, points = (landscape.space.place(s) for s in (landscape.states, landscape.points.states))
    low, high = states.min(0), states.max(0)
    reach = max(float((high - low).max()), 1e-3)
    return ((points >= low - reach) & (points <= high + reach)).all(-1)


def _box(landscape: Landscape) -> tuple[np.ndarray, np.ndarray]:
    """Returns the lower and upper ends of the three axes, around states and points in sight."""
    seen = landscape.points.states[in_sight(landscape)]
    ends = landscape.space.place(np.concatenate([landscape.states, seen]))
    low, high = ends.min(0), ends.max(0)
    room = np.maximum(0.12 * (high - low), 1e-3)
    return low - room, high + room


def _space_layout(landscape: Landscape, lang: str, theme: str) -> go.Layout:
    low, high = _box(landscape)

    def axis(k: int) -> dict:
        return {
            "range": [float(low[k]), float(high[k])],
            "title": {
                "text": t("dynamics.axis", lang, n=k + 1, share=f"{100 * landscape.space.share[k]:.0f} %")
            },
            "showticklabels": False,
            "showbackground": False,
            "gridcolor": GRID[theme],
            "zerolinecolor": GRID[theme],
            "showspikes": False,
        }

    return go.Layout(
        template=None,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        font={"color": HUES[theme]["ink"], "size": 13},
        showlegend=False,
        scene={
            "xaxis": axis(0),
            "yaxis": axis(1),
            "zaxis": axis(2),
            "aspectmode": "cube",
            "camera": {"eye": {"x": 1.44, "y": 1.26, "z": 0.74}, "center": {"x": 0.0, "y": 0.0, "z": -0.21}},
            "dragmode": "orbit",
        },
        meta={"title": t("dynamics.space", lang), "share": landscape.space.share.tolist()},
    )


def eigen_figure(values: np.ndarray, lang: str, theme: str = "light") -> go.Figure:
    """Returns eigenvalues of one point, values (S,) complex, on the plane, with the unit circle."""
    angle = np.linspace(0.0, 2.0 * np.pi, 121)
    figure = go.Figure(layout=layout(theme))
    circle = {"color": HUES[theme]["x"], "width": 1.5}
    figure.add_scatter(
        x=np.cos(angle).tolist(), y=np.sin(angle).tolist(), mode="lines", line=circle, meta={"hue": "x"}
    )
    outside = np.abs(values) > 1.0
    colours = [HUES[theme]["write" if out else "keep"] for out in outside]
    figure.add_scatter(
        x=values.real.tolist(),
        y=values.imag.tolist(),
        mode="markers",
        marker={"size": 8, "color": colours},
        meta={"role": "eigenvalues", "hue": "keep"},
    )
    reach = 1.15 * max(1.0, float(np.abs(values).max(initial=0.0)))
    figure.update_xaxes(range=[-reach, reach], zeroline=True, zerolinecolor=GRID[theme], showgrid=False)
    figure.update_yaxes(
        range=[-reach, reach], scaleanchor="x", zeroline=True, zerolinecolor=GRID[theme], showgrid=False
    )
    figure.update_layout(meta={"title": t("dynamics.eigenvalues", lang), "columns": 1})
    return figure


def answers_figure(landscape: Landscape, lang: str, theme: str = "light") -> go.Figure:
    """Returns the outputs of a network of bits by step, dotted what they should be."""
    steps = list(range(1, landscape.steps + 1))
    figure = go.Figure(layout=layout(theme))
    for k, hue in enumerate(("keep", "write", "show")[: landscape.outputs.shape[1]]):
        name = t("dynamics.bit", lang, n=k + 1)
        figure.add_scatter(x=steps, y=landscape.outputs[:, k], name=name, **line(hue, theme))
        if landscape.wanted is not None:
            dotted = {"color": HUES[theme]["ink"], "width": 1.5, "dash": "dot"}
            figure.add_scatter(x=steps, y=landscape.wanted[:, k], mode="lines", line=dotted)
    figure.update_xaxes(**step_axis(steps, ()))
    figure.update_yaxes(range=[-1.35, 1.35], tickvals=[-1, 0, 1])
    figure.update_layout(meta={"title": t("dynamics.answers", lang)})
    return figure


def moves_figure(landscape: Landscape, lang: str, theme: str = "light", top: float = 0.0) -> go.Figure:
    """Returns how far the state moved at every step, ||s_t - s_{t-1}||.

    top: what the axis reaches at least.
    """
    steps = list(range(1, landscape.steps + 1))
    moved = landscape.moved
    figure = go.Figure(layout=layout(theme))
    figure.add_scatter(
        x=steps, y=moved, name="‖<i>s</i><sub>t</sub> − <i>s</i><sub>t−1</sub>‖", **line("h", theme)
    )
    figure.update_xaxes(**_token_axis(landscape))
    figure.update_yaxes(range=[0.0, 1.08 * max(top, float(moved.max()), 1e-9)], nticks=4)
    figure.update_layout(meta={"title": t("dynamics.moves", lang)})
    return figure


def odds_figure(landscape: Landscape, lang: str, theme: str = "light") -> go.Figure:
    """Returns the natural log odds of the first of two answers after every step, the line between them."""
    steps = list(range(1, landscape.steps + 1))
    odds = landscape.outputs[:, 0] - landscape.outputs[:, 1]
    figure = go.Figure(layout=layout(theme))
    one, other = landscape.names
    figure.add_scatter(x=steps, y=odds, name=f"log p({one}) / p({other})", **line("write", theme))
    dotted = {"color": HUES[theme]["ink"], "width": 1.5, "dash": "dot"}
    figure.add_scatter(x=[steps[0], steps[-1]], y=[0.0, 0.0], mode="lines", line=dotted)
    figure.update_xaxes(**_token_axis(landscape))
    figure.update_yaxes(nticks=4)
    figure.update_layout(meta={"title": t("dynamics.odds", lang)})
    return figure


def _token_axis(landscape: Landscape) -> dict:
    """The steps of a run, called by their tokens where these have room below each other's points."""
    steps = range(1, landscape.steps + 1)
    tokens = [token.label for token in landscape.tokens]
    if len(tokens) * max(width(label(token)) for token in tokens) > ROOM:
        return step_axis(steps, ())
    return step_axis(steps, ()) | {"tickvals": list(steps), "ticktext": list(map(plot_label, tokens))}


# Portraits: drawn by the server.


def line_figure(portrait: Portrait, lang: str, theme: str = "light") -> go.Figure:
    """Returns f(h) against h, the diagonal, the cobweb of the run, and the fixed points, of one number."""
    hues = HUES[theme]
    figure = go.Figure(layout=_plane_layout(lang, theme, "h<sub>t−1</sub>", "h<sub>t</sub>"))
    figure.add_scatter(
        x=portrait.line, y=portrait.line, mode="lines", line={"color": hues["x"], "width": 1.5}, name="h"
    )
    figure.add_scatter(
        x=portrait.line,
        y=portrait.after[:, 0],
        mode="lines",
        line={"color": hues["c"], "width": 3},
        name="f(h)",
    )
    h = portrait.run[:, 0]
    web = np.repeat(h, 2)
    figure.add_scatter(
        x=web[:-1], y=web[1:], mode="lines", line={"color": hues["write"], "width": 1.5}, name="cobweb"
    )
    _points(figure, portrait, theme, portrait.points.states[:, 0], portrait.points.states[:, 0])
    return figure


def plane_figure(portrait: Portrait, lang: str, theme: str = "light") -> go.Figure:
    """Returns the plane of two numbers: basins, arrows, nullclines, the run and the points."""
    hues = HUES[theme]
    names = ("h", "c") if len(portrait.recurrence.spec.states) == 2 else ("h₁", "h₂")
    figure = go.Figure(layout=_plane_layout(lang, theme, *names))
    side, ends = portrait.line, sorted(set(portrait.fate.ravel().tolist()) - {-1})
    if ends:
        shades = [EMPTY[theme], *_tints(theme, len(ends))]
        index = np.searchsorted([-1, *ends], portrait.fate).T
        count = len(shades)
        steps = [((k + edge) / count, shade) for k, shade in enumerate(shades) for edge in (0, 1)]
        scale = {"zmin": -0.5, "zmax": count - 0.5, "colorscale": steps, "showscale": False}
        figure.add_heatmap(x=side, y=side, z=index, opacity=0.8, **scale)
    _arrows(figure, portrait, theme)
    for k, dash in enumerate(("solid", "dash")):
        figure.add_contour(
            x=side,
            y=side,
            z=(portrait.after[..., k] - (side[:, None] if k == 0 else side[None, :])).T,
            contours={"start": 0, "end": 0, "size": 1, "coloring": "none"},
            line={"color": hues["c"], "width": 2, "dash": dash},
            showscale=False,
        )
    figure.add_scatter(
        x=portrait.run[:, 0],
        y=portrait.run[:, 1],
        mode="lines+markers",
        line={"color": hues["write"], "width": 1.5},
        marker={"size": 4},
    )
    _points(figure, portrait, theme, portrait.points.states[:, 0], portrait.points.states[:, 1])
    figure.update_yaxes(range=[side[0], side[-1]])
    figure.update_xaxes(range=[side[0], side[-1]])
    return figure


def _tints(theme: str, count: int) -> list[str]:
    light = (
        "#dcebf9",
        "#fbe3d6",
        "#d9efe8",
        "#f5dfee",
        "#efe6cc",
        "#e3defa",
        "#e6e9ee",
        "#f7f3e0",
        "#e0f2f2",
    )
    dark = ("#1c3850", "#4a2c1c", "#17403a", "#46263d", "#423818", "#332b58", "#2a3038", "#38351f", "#1d3a3d")
    tints = light if theme == "light" else dark
    return [tints[k % len(tints)] for k in range(count)]


def _arrows(figure: go.Figure, portrait: Portrait, theme: str, every: int = 4) -> None:
    """Arrows from a state towards where it goes; longer than the room between two, they end there."""
    at = portrait.line[2::every]
    foot = np.stack(np.meshgrid(at, at, indexing="ij"), -1).reshape(-1, 2)
    way = portrait.after[2::every, 2::every].reshape(-1, 2) - foot
    size = np.sqrt((way**2).sum(-1, keepdims=True))
    head = foot + way / np.maximum(size, 1e-12) * np.minimum(size, 0.8 * (at[1] - at[0]))
    gap = np.full(len(foot), np.nan)
    colour = HUES[theme]["x"]
    x, y = (np.stack([foot[:, k], head[:, k], gap], 1).ravel() for k in (0, 1))
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": colour, "width": 1.2})
    figure.add_scatter(
        x=head[:, 0],
        y=head[:, 1],
        mode="markers",
        marker={
            "symbol": "arrow",
            "size": 8,
            "color": colour,
            "angle": np.degrees(np.arctan2(way[:, 0], way[:, 1])),  # clockwise from upright
            "line": {"width": 0},
        },
        meta={"role": "heads"},
    )


def _points(figure: go.Figure, portrait: Portrait, theme: str, x: np.ndarray, y: np.ndarray) -> None:
    for row, (unstable, exact) in enumerate(
        zip(portrait.points.unstable, portrait.points.exact, strict=True)
    ):
        hue, mark = kind_of(int(unstable))
        colour = HUES[theme][hue]
        figure.add_scatter(
            x=[x[row]],
            y=[y[row]],
            mode="markers",
            marker={
                "size": 13,
                "symbol": mark if exact else f"{mark}-open",
                "color": colour,
                "line": {"color": GROUND[theme] if exact else colour, "width": 1.5},
            },
            meta={"role": "point", "unstable": int(unstable), "exact": bool(exact)},
        )


def _plane_layout(lang: str, theme: str, x: str, y: str) -> go.Layout:
    axis = {"gridcolor": GRID[theme], "zerolinecolor": GRID[theme], "fixedrange": True}
    return go.Layout(
        template=None,
        height=470,
        margin={"l": 50, "r": 8, "t": 8, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": HUES[theme]["ink"], "size": 15},
        showlegend=False,
        hovermode=False,
        dragmode=False,
        xaxis={**axis, "title": {"text": x}},
        yaxis={**axis, "title": {"text": y}, "scaleanchor": "x"},
    )


def branches_figure(found: Branches, pull: float, lang: str, theme: str = "light") -> go.Figure:
    """Returns every fixed point of one unit by the pull; a line at the pull that is chosen."""
    figure = go.Figure(layout=_plane_layout(lang, theme, t("field.pull", lang), "h"))
    for unstable in sorted(set(found.unstable.tolist())):
        rows = found.unstable == unstable
        hue, mark = kind_of(unstable)
        figure.add_scatter(
            x=found.pull[rows],
            y=found.h[rows],
            mode="markers",
            marker={"size": 6, "symbol": mark, "color": HUES[theme][hue]},
            meta={"unstable": unstable},
        )
    figure.add_vline(pull, line={"color": HUES[theme]["ink"], "width": 1.5, "dash": "dot"})
    figure.update_yaxes(range=[-EDGE, EDGE], scaleanchor=None)
    return figure


def chaos_figure(found: Chaos, lang: str, theme: str = "light") -> go.Figure:
    """Returns how far neighbours have parted by step, and how large the gradient is, both as logs.

    The gradient is drawn from the loss at the right back to the left: two lines of one slope.
    """
    hues = HUES[theme]
    figure = go.Figure(layout=_plane_layout(lang, theme, t("dynamics.step", lang), "log"))
    steps = np.arange(len(found.back))
    figure.add_scatter(
        x=steps[1:], y=found.apart, mode="lines", line={"color": hues["keep"], "width": 3}, name="apart"
    )
    figure.add_scatter(
        x=steps[::-1],
        y=found.back,
        mode="lines",
        line={"color": hues["write"], "width": 3, "dash": "dash"},
        name="back",
    )
    figure.update_yaxes(scaleanchor=None)
    return figure
