"""What becomes of a state: output beside h_n, the NumPy cell, over a border of batches, over pads."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.architectures.states import BATCH_STEPS, PADS, WORDS, Border, Ends, NumpyCell, Padding
from explorer.figures.decades import Decades, powers
from explorer.figures.frame import frame
from explorer.figures.palette import GROUND, HUES, signed_scale
from explorer.figures.signals import line
from explorer.i18n import raised, t

DIGITS = 4

WAYS = ("keep", "write")
"""Hues of the forward and the backward direction where their numbers meet."""


def ends_figure(ends: Ends, lang: str, theme: str = "light") -> go.Figure:
    """Returns the numbers of output and of h_n; where they are the same, both have the same frame."""
    panels = [f"output {ends.output.shape}", f"h_n {ends.h_n.shape}"]
    figure = frame(t("shapes.ends", lang), theme, panels, height=200 + 38 * max(4, len(ends.h_n)))
    units = ends.h_n.shape[1]
    _numbers(figure, ends.output, 1, theme)
    _numbers(figure, ends.h_n, 2, theme)
    for step, way, row in sorted(ends.same, key=lambda found: found[2]):
        colour = HUES[theme][WAYS[way]]
        for x0, y, column in ((way * units, step - 1, 1), (0, row, 2)):
            figure.add_shape(
                type="rect", x0=x0 - 0.47, x1=x0 + units - 0.53, y0=y - 0.45, y1=y + 0.45,
                line={"color": colour, "width": 4}, row=1, col=column,
            )  # fmt: skip
        name = t("shapes.backward" if way else "shapes.forward", lang)
        label = t("shapes.same", lang, direction=name, step=step, row=row)
        style = {"color": colour, "width": 4}
        figure.add_scatter(x=[None], y=[None], mode="lines", name=label, line=style)
    steps = [f"{t('shapes.step', lang)} {k + 1}" for k in range(len(ends.output))]
    figure.update_yaxes(tickvals=list(range(len(steps))), ticktext=steps, col=1)
    rows = [_row_of(ends, row, lang) for row in range(len(ends.h_n))]
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=rows, col=2)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def _row_of(ends: Ends, row: int, lang: str) -> str:
    level, way = divmod(row, ends.directions)
    arrow = "" if ends.directions == 1 else " ←" if way else " →"
    return f"[{row}] {t('shapes.layer', lang, layer=level + 1)}{arrow}"


def _numbers(
    figure: go.Figure, values: np.ndarray, column: int, theme: str, digits: int = 3, size: int = 14
) -> None:
    figure.add_heatmap(
        z=values, zmin=-1, zmax=1, colorscale=signed_scale(theme), showscale=False, xgap=2, ygap=2,
        hoverinfo="skip", row=1, col=column,
    )  # fmt: skip
    axes = {"xref": "x", "yref": "y"} if column == 1 else {"xref": f"x{column}", "yref": f"y{column}"}
    numbers = [
        {
            **axes, "x": x, "y": y, "text": cut_off(value, digits), "showarrow": False,
            "font": {"size": size, "color": _on(value, theme)},
        }
        for y, row in enumerate(values)
        for x, value in enumerate(row.tolist())
    ]  # fmt: skip
    figure.layout.annotations += tuple(map(go.layout.Annotation, numbers))  # one by one takes a second


def _on(value: float, theme: str) -> str:
    """White or near black, whichever is read better on the colour of a value."""
    stops, colours = zip(*signed_scale(theme), strict=True)
    channels = [[int(colour[k : k + 2], 16) / 255 for colour in colours] for k in (1, 3, 5)]
    colour = [np.interp((value + 1.0) / 2.0, stops, channel) for channel in channels]
    light = float(np.dot(np.power(colour, 2.2), (0.2126, 0.7152, 0.0722)))  # relative luminance
    return GROUND["light"] if 1.05 / (light + 0.05) > (light + 0.05) / 0.06 else GROUND["dark"]


def cut_off(value: float, digits: int) -> str:
    """Returns a number without the digits behind: .99996 is .9999, and never the 1 that tanh cannot reach."""
    text = f"{np.trunc(value * 10**digits) / 10**digits + 0.0:.{digits}f}"  # + 0: no minus before 0
    return text.replace("0.", ".", 1).replace("-", "−")


def numpy_figure(cells: Sequence[NumpyCell], lang: str, theme: str = "light") -> go.Figure:
    """Returns the states of both cells, steps x units, in numbers cut off after four digits."""
    panels = [t("shapes.positive", lang), t("shapes.centred", lang)]
    figure = frame(t("shapes.numpy", lang), theme, panels, height=420)
    for column, cell in enumerate(cells, 1):
        _numbers(figure, cell.states, column, theme, DIGITS, size=12)
    figure.update_yaxes(autorange="reversed", showgrid=False, dtick=1, tick0=0)
    steps = list(range(len(cells[0].states)))
    figure.update_yaxes(tickvals=steps, ticktext=[str(k + 1) for k in steps])
    figure.update_yaxes(title_text=t("shapes.step", lang), col=1)
    units = list(range(cells[0].states.shape[1]))
    figure.update_xaxes(tickvals=units, ticktext=[str(k + 1) for k in units], showgrid=False)
    figure.update_xaxes(title_text=t("shapes.unit", lang))
    figure.update_layout(margin={"t": 84}, showlegend=False)
    return figure


def radius_figure(
    drawn: Sequence[Sequence[NumpyCell]], chosen: Sequence[NumpyCell], lang: str, theme: str = "light"
) -> go.Figure:
    """Returns ||dh_10/dh_1|| against the spectral radius of Wh by seed; the chosen one is large."""
    figure = frame(t("shapes.radius_title", lang, seeds=len(drawn[0])), theme, height=360)
    every = [*drawn, list(chosen)]
    scale = Decades.over([powers(np.array([c.norm for c in cells])) for cells in every])
    kinds = (("positive", "write", "circle"), ("centred", "keep", "diamond"))
    for (name, hue, symbol), cells, one in zip(kinds, drawn, chosen, strict=True):
        for points, size, legend in ((cells, 9, True), ([one], 17, False)):
            power = powers(np.array([c.norm for c in points]))
            figure.add_scatter(
                x=[c.radius for c in points],
                y=scale.place(power),
                text=[raised(f"{c.norm:.1e}") for c in points],
                mode="markers",
                name=t(f"shapes.{name}", lang),
                showlegend=legend,
                hovertemplate="ρ = %{x:.2f}: %{text}<extra></extra>",
                marker={
                    "symbol": symbol if legend else f"{symbol}-open",
                    "size": size,
                    "color": HUES[theme][hue],
                    "line": {"width": 0 if legend else 3, "color": HUES[theme][hue]},
                },
            )
    figure.add_vline(1.0, line={"color": HUES[theme]["x"], "width": 1})
    figure.update_xaxes(title_text=t("shapes.radius", lang), rangemode="tozero")
    figure.update_yaxes(**scale.axis(), title_text="‖∂<i>h</i><sub>10</sub>/∂<i>h</i><sub>1</sub>‖")
    figure.update_layout(margin={"t": 84})
    return figure


def border_figure(border: Border, lang: str, theme: str = "light") -> go.Figure:
    """Returns ||h_t|| reset and carried, and ||dL/dh_t|| cut and uncut, over two batches in a row."""
    panels = ["‖<i>h</i><sub>t</sub>‖", "‖∂<i>L</i>/∂<i>h</i><sub>t</sub>‖"]
    figure = frame(t("shapes.border", lang), theme, panels)
    steps = list(range(1, len(border.carried) + 1))
    states = {"carried": (border.carried, "keep", "solid"), "reset": (border.reset, "write", "dash")}
    for name, (values, hue, dash) in states.items():
        figure.add_scatter(
            x=steps, y=values, name=t(f"shapes.{name}", lang), row=1, col=1,
            hovertemplate="%{x}: %{y:.3f}", **line(hue, theme, dash),
        )  # fmt: skip
    sent = {"whole": (border.whole, "x", "dot"), "stopped": (border.stopped, "keep", "solid")}
    scale = Decades.over([powers(values) for values, _, _ in sent.values()])
    place = {"row": 1, "col": 2}
    for name, (values, hue, dash) in sent.items():
        scale.draw(figure, steps, powers(values), t(f"shapes.{name}", lang), hue, theme, dash, place)
        scale.mark(figure, steps, powers(values), lang, theme, **place)
    for column in (1, 2):
        figure.add_vline(BATCH_STEPS + 0.5, line={"color": HUES[theme]["ink"], "width": 2}, row=1, col=column)
    figure.update_yaxes(rangemode="tozero", col=1)
    figure.update_yaxes(**scale.axis(), col=2)
    ticks = [1, BATCH_STEPS // 2, BATCH_STEPS, BATCH_STEPS + BATCH_STEPS // 2, 2 * BATCH_STEPS]
    figure.update_xaxes(tickvals=ticks, title_text=t("shapes.step", lang), showgrid=False)
    return figure


def padding_figure(paddings: Sequence[Padding], lang: str, theme: str = "light") -> go.Figure:
    """Returns ||h_t|| over words and pads, a panel for each way to pad and mask; pads are shaded."""
    figure = frame(
        t("shapes.padding", lang, words=WORDS, pads=PADS),
        theme,
        [_panel(padding, lang) for padding in paddings],
    )
    top = 1.08 * max(float(padding.norm.max()) for padding in paddings)
    for column, padding in enumerate(paddings, 1):
        hue = "keep" if padding.masked else "write"
        name = t("shapes.masked" if padding.masked else "shapes.unmasked", lang)
        figure.add_scatter(
            x=list(range(1, len(padding.norm) + 1)), y=padding.norm, name=name, legendgroup=name,
            showlegend=padding.before, hovertemplate="%{x}: %{y:.3f}", row=1, col=column,
            **line(hue, theme, "solid" if padding.masked else "dash"),
        )  # fmt: skip
        first, last = padding.pads
        figure.add_vrect(
            first - 0.5, last + 0.5, fillcolor=HUES[theme]["x"], opacity=0.18, line_width=0, layer="below",
            row=1, col=column,
        )  # fmt: skip
        figure.update_yaxes(range=[-0.03 * top, top], nticks=5, showticklabels=column == 1, col=column)
    marker = {"symbol": "square", "size": 14, "color": HUES[theme]["x"], "opacity": 0.35}
    figure.add_scatter(x=[None], y=[None], mode="markers", name=t("shapes.pads", lang), marker=marker)
    figure.update_xaxes(title_text=t("shapes.step", lang), showgrid=False, nticks=6)
    figure.update_yaxes(title_text="‖<i>h</i><sub>t</sub>‖", col=1)
    figure.update_annotations(font={"size": 14})
    return figure


def _panel(padding: Padding, lang: str) -> str:
    where = t("shapes.before" if padding.before else "shapes.after", lang)
    return f"{where}<br>{t('shapes.off', lang, off=f'{100 * padding.off:.0f} %')}"
