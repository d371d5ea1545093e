"""Figures of what stands behind a gradient: spectra, the straight line, truncation, clipping."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.decades import MAX_MARKERS, Decades, marks, powers, ten_to
from explorer.figures.frame import frame
from explorer.figures.palette import GRID, HUES
from explorer.figures.scales import whole_ticks
from explorer.figures.signals import line, step_axis
from explorer.gradients.bptt import LayerFlow
from explorer.gradients.jacobian import Spectra
from explorer.gradients.laws import Bound
from explorer.gradients.pushing import Nudge
from explorer.gradients.sizes import Clipping, Saturation
from explorer.gradients.windows import Cut, Truncation
from explorer.i18n import t
from explorer.limits import FLOAT32_MAX

CUTS = {"disjoint": ("write", "solid", "circle"), "sliding": ("keep", "dash", "square")}
"""Hue, dash and marker of the two ways to truncate."""

SMALL_FACTOR = 0.02
"""Clipped bars smaller than this share of the unclipped are drawn on powers of ten, to be seen."""

_TANH_HUE = {"h": "h"}


def spectra_figure(
    spectra: Spectra,
    lang: str,
    theme: str = "light",
    *,
    tokens: Sequence[str] = (),
    first_step: int = 1,
) -> go.Figure:
    """Returns log10 of largest, median, smallest singular value of J_t and J_t ... J_1 by step; the law."""
    panels = [t("analysis.one_step", lang), t("analysis.all_steps", lang)]
    figure = frame(t("analysis.spectra", lang), theme, panels, height=440)
    steps = _steps(spectra.steps, first_step)
    law, hue, name = _law(spectra)
    walked = np.arange(1.0, spectra.steps + 1.0)
    for column, (values, of_law) in enumerate(
        ((powers(spectra.singular), np.full(len(walked), law)), (spectra.product, walked * law)), 1
    ):
        place = {"row": 1, "col": column}
        middle = values[:, values.shape[1] // 2]
        lines = {
            "largest": (values[:, 0], "ink", "solid"),
            "median": (middle, "x", "dash"),
            "smallest": (values[:, -1], "x", "dot"),
            name: (of_law, hue, "dashdot"),
        }
        scale = Decades.over([*(power for power, _, _ in lines.values()), np.zeros(1)])
        for key, (power, line_hue, dash) in lines.items():
            label = t(f"analysis.{key}", lang)
            scale.draw(
                figure, steps, power, label, line_hue, theme, dash, place,
                legend=column == 1, markers=key != name,
            )  # fmt: skip
            scale.mark(figure, steps, power, lang, theme, **place)
        _one(figure, theme, 0.0, **place)
        figure.update_yaxes(**scale.axis(), **place)
    _by_step(figure, steps, tokens, t("analysis.step", lang))
    figure.update_yaxes(title_text=t("analysis.singular", lang), col=1)
    return figure


def _law(spectra: Spectra) -> tuple[float, str, str]:
    """log10 of the factor a step that the law gives, its hue, its name."""
    factor = spectra.law.factor
    if isinstance(spectra.law, Bound):
        return float(powers(np.array(factor))), "write", "bound"
    return float(powers(np.array(factor))), "keep", "keep"


def eigenvalue_figure(
    spectra: Spectra, lang: str, theme: str = "light", *, step: int = 1, first_step: int = 1
) -> go.Figure:
    """Returns eigenvalues on the complex plane: of J_t at one step (from 1) and at all, and of W_hh."""
    figure = frame(t("analysis.eigenvalues", lang), theme, height=460)
    turn = np.exp(2j * np.pi * np.linspace(0.0, 1.0, 121))
    figure.add_scatter(
        x=turn.real,
        y=turn.imag,
        mode="lines",
        name=t("analysis.unit_circle", lang),
        line={"color": HUES[theme]["ink"], "width": 1.5},
        hoverinfo="skip",
    )
    chosen, shown = spectra.eigenvalues[step - 1], step + first_step - 1
    _points(figure, spectra.eigenvalues.ravel(), t("analysis.eigenvalues_all", lang), "x", "circle", 5, theme)
    if spectra.recurrent is not None:
        _points(figure, spectra.recurrent, t("analysis.recurrent", lang), "write", "diamond-open", 11, theme)
    name = t("analysis.eigenvalues_step", lang, step=shown)
    _points(figure, chosen, name, "h", "circle", 9, theme)
    bad = np.flatnonzero(~np.isfinite(spectra.eigenvalues).all(-1)) + first_step
    if bad.size:
        _says(figure, t("analysis.no_eigenvalues", lang, step=int(bad[0])))
    figure.update_xaxes(title_text=t("analysis.real", lang), zeroline=True, zerolinecolor=GRID[theme])
    figure.update_yaxes(title_text=t("analysis.imaginary", lang), zeroline=True, zerolinecolor=GRID[theme])
    figure.update_yaxes(scaleanchor="x", scaleratio=1)
    return figure


def _points(
    figure: go.Figure, values: np.ndarray, name: str, hue: str, symbol: str, size: int, theme: str
) -> None:
    there = values[np.isfinite(values)]
    figure.add_scatter(
        x=there.real,
        y=there.imag,
        mode="markers",
        name=name,
        customdata=np.abs(there),
        hovertemplate="%{x:.3f} + %{y:.3f}i · |λ| = %{customdata:.3f}",
        marker={
            "symbol": symbol,
            "size": size,
            "color": HUES[theme][hue],
            "opacity": 0.45 if size < 6 else 1.0,
            "line": {"width": 2 if symbol.endswith("open") else 0, "color": HUES[theme][hue]},
        },
    )


def nudge_figure(nudge: Nudge, lang: str, theme: str = "light", *, first_step: int = 1) -> go.Figure:
    """Returns the true change of the loss, in its units, by the push, against the line of the gradient.

    Shaded: pushes for which the line holds to 10 %. What is not finite gets a cross.
    """
    of_one = nudge.unit is not None
    key, unit = ("analysis.nudge_unit", (nudge.unit or 0) + 1) if of_one else ("analysis.nudge", 0)
    shown = nudge.step + first_step - 1
    figure = frame(t(key, lang, state=nudge.state, step=shown, unit=unit), theme)
    finite = np.isfinite(nudge.true)
    shape = {"x": nudge.epsilon, "mode": "lines", "hovertemplate": "ε = %{x:.3g}: %{y:.3g}"}
    figure.add_scatter(
        y=np.where(finite, nudge.true, np.nan),
        name=t("analysis.true", lang),
        line={"color": HUES[theme]["ink"], "width": 3},
        **shape,
    )
    figure.add_scatter(
        y=nudge.line,
        name=t("analysis.line", lang),
        line={"color": HUES[theme]["write"], "width": 2.5, "dash": "dash"},
        **shape,
    )
    if not finite.all():
        seen = np.concatenate([nudge.true[finite], nudge.line[np.isfinite(nudge.line)], [0.0]])
        at = nudge.epsilon[~finite].tolist()
        marks(figure, at, [float(seen.max())] * len(at), "analysis.infinite", "x-thin", lang, theme)
    if nudge.lost:
        _says(figure, t("analysis.lost", lang, resolution=ten_to(float(powers(np.array(nudge.resolution))))))
    elif nudge.agrees is not None:
        figure.add_vrect(
            -nudge.agrees,
            nudge.agrees,
            fillcolor=HUES[theme]["write"],
            opacity=0.1,
            line_width=0,
            layer="below",
        )
        _says(figure, t("analysis.holds", lang, epsilon=f"{nudge.agrees:.2g}"))
    figure.update_xaxes(title_text=t("analysis.epsilon", lang))
    figure.update_yaxes(title_text=t("analysis.change", lang), exponentformat="power", nticks=6)
    return figure


def truncation_figure(truncation: Truncation, lang: str, theme: str = "light") -> go.Figure:
    """Returns norm ratio (1 is all) and cosine of truncated dL/dW_hh by window (steps); shown: a thin line.

    A window whose gradient is 0 or not finite has a cross at 0.
    """
    panels = [t("analysis.ratio", lang), t("analysis.cosine", lang)]
    weight = t(f"analysis.{truncation.weight}", lang)
    figure = frame(t("analysis.truncation", lang, weight=weight), theme, panels)
    windows = truncation.windows
    for column, name in enumerate(("ratio", "cosine"), 1):
        place = {"row": 1, "col": column}
        for kind, (hue, dash, symbol) in CUTS.items():
            values = getattr(_cut(truncation, kind), name)
            style = line(hue, theme, dash) | {"marker": {"size": 7, "symbol": symbol}}
            label = t(f"analysis.{kind}", lang)
            bad = ~np.isfinite(values)
            figure.add_scatter(
                x=windows,
                y=np.where(bad, 0.0, values),
                name=label,
                legendgroup=label,
                showlegend=column == 1,
                hovertemplate="w = %{x}: %{y:.3f}",
                **style,
                **place,
            )
            if len(windows) > MAX_MARKERS:
                figure.data[-1].mode = "lines"
            if bad.any():
                at = windows[bad].tolist()
                marks(figure, at, [0.0] * len(at), "analysis.undefined", "x-thin", lang, theme, **place)
        _one(figure, theme, 1.0, **place)
        figure.add_vline(truncation.shown, line={"color": HUES[theme]["x"], "width": 1}, **place)
        low, high = _span([getattr(_cut(truncation, kind), name) for kind in CUTS])
        figure.update_yaxes(range=[low, high], nticks=6, **place)
    figure.update_xaxes(title_text=t("analysis.window", lang), showgrid=False, **whole_ticks(len(windows)))
    figure.update_xaxes(range=[0.5, float(windows[-1]) + 0.5])
    return figure


def _span(arrays: Sequence[np.ndarray]) -> tuple[float, float]:
    """A range with 0 and 1 and all that is finite."""
    seen = np.concatenate([[0.0, 1.0], *(a[np.isfinite(a)] for a in arrays)])
    room = 0.06 * float(np.ptp(seen))
    return float(seen.min()) - room, float(seen.max()) + room


def _cut(truncation: Truncation, kind: str) -> Cut:
    return truncation.disjoint if kind == "disjoint" else truncation.sliding


def mask_figure(
    truncation: Truncation,
    lang: str,
    theme: str = "light",
    *,
    tokens: Sequence[str] = (),
    first_step: int = 1,
) -> go.Figure:
    """Returns the triangle twice: what a loss still reaches, in chunks (a staircase) and sliding (a band)."""
    panels = [t(f"analysis.{kind}", lang) for kind in CUTS]
    figure = frame(t("analysis.mask", lang, window=truncation.shown), theme, panels, height=440)
    steps = _steps(len(truncation.disjoint.mask), first_step)
    gap = 1 if len(steps) <= 32 else 0
    for column, (kind, (hue, _, _)) in enumerate(CUTS.items(), 1):
        mask = _cut(truncation, kind).mask
        past = np.tri(len(mask), dtype=bool)
        figure.add_heatmap(
            z=np.where(past, mask.astype(float), np.nan),  # the future is no part of the triangle
            x=steps,
            y=steps,
            zmin=0,
            zmax=1,
            colorscale=[
                (0.0, GRID[theme]),
                (0.5, GRID[theme]),
                (0.5, HUES[theme][hue]),
                (1.0, HUES[theme][hue]),
            ],
            showscale=False,
            hoverongaps=False,
            hovertemplate="k = %{x}, t = %{y}<extra></extra>",
            xgap=gap,
            ygap=gap,
            row=1,
            col=column,
        )
        _swatch(figure, t(f"analysis.reached_{kind}", lang), HUES[theme][hue])
    _swatch(figure, t("analysis.cut", lang), GRID[theme])
    _by_step(figure, steps, tokens, t("analysis.source", lang))
    figure.update_yaxes(range=[steps[-1] + 0.5, steps[0] - 0.5], showgrid=False, **whole_ticks(len(steps)))
    figure.update_yaxes(title_text=t("analysis.loss_step", lang), col=1)
    return figure


def _swatch(figure: go.Figure, name: str, colour: str) -> None:
    marker = {"symbol": "square", "size": 14, "color": colour}
    figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=marker)


def clipping_figure(
    clipping: Clipping,
    lang: str,
    theme: str = "light",
    *,
    tokens: Sequence[str] = (),
    first_step: int = 1,
) -> go.Figure:
    """Returns the norm each step adds to dL/dW, before and after clipping; the far half shaded, summed up."""
    factor = "–" if np.isnan(clipping.factor) else f"{clipping.factor:.3g}"
    figure = frame(t("analysis.clipping", lang, threshold=f"{clipping.threshold:g}", factor=factor), theme)
    steps = _steps(len(clipping.before), first_step)
    pairs = {"before": (clipping.before, "x"), "after": (clipping.after, "c")}
    scale = Decades.over(powers(values) for values, _ in pairs.values())
    small = clipping.factor < SMALL_FACTOR
    worst = np.full(len(steps), -1.0)
    for key, (values, hue) in pairs.items():
        power = powers(values)
        there = np.isfinite(values)
        height = scale.place(power) - scale.low if small else values
        figure.add_bar(
            x=steps,
            y=np.where(there, height, 0.0),
            base=scale.low if small else 0.0,
            name=t(f"analysis.{key}", lang),
            marker={
                "color": HUES[theme][hue],
                "pattern": {"shape": "/" if key == "before" and len(steps) <= MAX_MARKERS else ""},
            },
            customdata=values,
            hovertemplate="%{x}: %{customdata:.3g}",
        )
        worst = np.where(there, np.where(small & (values == 0.0), -np.inf, worst), np.inf)
    top = Decades(scale.low, scale.high) if small else Decades(0.0, _top(clipping))
    top.mark(figure, steps, worst, lang, theme)
    if small:
        figure.update_yaxes(**scale.axis())
    else:
        figure.update_yaxes(rangemode="tozero", exponentformat="power", nticks=6)
    half = len(steps) // 2
    if half:
        figure.add_vrect(
            steps[0] - 0.5,
            steps[half] - 0.5,
            fillcolor=HUES[theme]["x"],
            opacity=0.13,
            line_width=0,
            layer="below",
        )
    if clipping.far_before is not None and clipping.far_after is not None:
        shares = {"before": _percent(clipping.far_before), "after": _percent(clipping.far_after)}
        _says(figure, t("analysis.far_half", lang, **shares))
    _by_step(figure, steps, tokens, t("analysis.source", lang))
    figure.update_yaxes(title_text=t("analysis.added", lang, weight=t(f"analysis.{clipping.weight}", lang)))
    return figure


def _top(clipping: Clipping) -> float:
    finite = clipping.before[np.isfinite(clipping.before)]
    return float(finite.max(initial=0.0)) or 1.0


def _percent(share: float) -> str:
    return f"{ten_to(float(powers(np.array(100.0 * share))))} %"


def weights_figure(
    flow: LayerFlow,
    lang: str,
    theme: str = "light",
    *,
    tokens: Sequence[str] = (),
    first_step: int = 1,
) -> go.Figure:
    """Returns the Frobenius norm of what each step adds to dL/dW_hh and dL/dW_ih, on powers of ten."""
    figure = frame(t("analysis.weights", lang), theme)
    sizes = {name: powers(values) for name, values in flow.weight_norms().items()}
    scale = Decades.over(sizes.values())
    steps = _steps(flow.layer.steps, first_step)
    for name, hue, dash in (("weight_hh", "h", "solid"), ("weight_ih", "x", "dash")):
        scale.draw(figure, steps, sizes[name], t(f"analysis.{name}", lang), hue, theme, dash)
        scale.mark(figure, steps, sizes[name], lang, theme)
    limit = float(np.log10(FLOAT32_MAX))
    if scale.high > limit:
        scale.draw(
            figure,
            steps,
            np.full(len(steps), limit),
            t("analysis.float32", lang),
            "write",
            theme,
            "dot",
            markers=False,
        )
    _by_step(figure, steps, tokens, t("analysis.source", lang))
    figure.update_yaxes(**scale.axis(), title_text=t("analysis.norm", lang))
    return figure


def saturation_figure(
    saturation: Saturation,
    lang: str,
    theme: str = "light",
    *,
    tokens: Sequence[str] = (),
    first_step: int = 1,
) -> go.Figure:
    """Returns the share (0..1) of units of each tanh past +-.9 by step; a sentence where there is no tanh."""
    figure = frame(t("analysis.saturation", lang), theme)
    steps = _steps(max(saturation.steps, 1), first_step)
    for symbol, share in saturation.share.items():
        name = f"{symbol} · {t(f'signal.{symbol}', lang)}"
        style = line(_TANH_HUE.get(symbol, "candidate"), theme)
        figure.add_scatter(
            x=steps, y=share, name=name, showlegend=True, hovertemplate="%{x}: %{y:.0%}", **style
        )
    if not saturation.share:
        _says(figure, t("analysis.no_tanh", lang))
    _by_step(figure, steps, tokens, t("analysis.step", lang))
    figure.update_yaxes(range=[-0.04, 1.04], tickvals=[0, 0.5, 1], tickformat=".0%")
    figure.update_yaxes(title_text=t("analysis.share", lang))
    return figure


def _steps(count: int, first_step: int) -> list[int]:
    return list(range(first_step, first_step + count))


def _by_step(figure: go.Figure, steps: list[int], tokens: Sequence[str], title: str) -> None:
    figure.update_xaxes(**step_axis(steps, tokens), title_text=title)


def _one(figure: go.Figure, theme: str, y: float, **place: int) -> None:
    """A thin line where a gradient neither grows nor shrinks."""
    figure.add_hline(y, line={"color": HUES[theme]["x"], "width": 1}, layer="below", **place)


def _says(figure: go.Figure, sentence: str) -> None:
    """A sentence between the legend and the plot."""
    figure.add_annotation(
        text=sentence,
        x=0,
        y=1,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        align="left",
        showarrow=False,
    )
