// How often each unit's gates are saturated; the current unit stands out.

/** @import { PlotlyModule, PlotNode } from "../../browser.js" */
/** @import { Figure } from "../../types.js" */
/** @import { UnitsStage } from "./stage.js" */

import { element } from "../../core/dom.js"
import { fill } from "../../core/numbers.js"
import { tableButton } from "../../core/table.js"

const CONFIG = { displayModeBar: false, responsive: false, doubleClick: false, scrollZoom: false }
const REST_MS = 150 // Plotly draws all points anew for one: not while a key is held down

export class Scatter {
  /** @param {Figure} figure @param {UnitsStage} stage */
  constructor(figure, stage) {
    this.figure = figure
    this.stage = stage
    this.plot = /** @type {PlotNode} */ (element("div", { class: "rx-plot" }))
    const { hues } = stage.theme
    this.node = element("figure", { class: "rx-chart rx-scatter" },
      element("figcaption", { class: "rx-title" },
        element("span", { class: "rx-name", text: figure.layout.meta.title }),
        ...figure.data.map((trace) => element("span", { class: "rx-key", style: `color:${hues[trace.meta.hue]}`, text: trace.name }))),
      this.plot, tableButton(() => this.table(), () => figure.layout.meta.title, /** @type {any} */ (stage.payload.strings)))
  }

  /** As a table it has a row for every unit. @returns {any} */
  table() {
    const units = this.figure.data[0].x.map((_, j) => String(j + 1))
    const column = (sign, name, y) => ({ name: `${name} ${sign}`, x: units, y })
    return { data: this.figure.data.flatMap(({ name, x, y }) => [column("< .1", name, x), column("> .9", name, y)]), layout: {} }
  }

  /** @param {PlotlyModule} Plotly */
  async draw(Plotly) {
    this.Plotly = Plotly
    await Plotly.newPlot(this.plot, this.data(), this.layout(), CONFIG)
    this.plot.on("plotly_click", ({ points }) => this.stage.choose(points[0].pointIndex))
    this.place(this.stage.unit)
  }

  data() {
    const { theme, payload } = this.stage
    return this.figure.data.map((trace) => ({
      ...trace, marker: { ...trace.marker, color: theme.hues[trace.meta.hue] },
      text: trace.x.map((_, j) => `${trace.name}, ${fill(payload.strings.unit_n, { n: j + 1 })}`),
      hovertemplate: "%{text}<br>< .1: %{x:.0%}, > .9: %{y:.0%}<extra></extra>",
      selected: { marker: { size: 15, opacity: 1 } }, unselected: { marker: { opacity: 0.35 } },
    }))
  }

  layout() {
    const { theme, fontSize, node } = this.stage
    const { width, height } = this.plot.getBoundingClientRect()
    const axis = { gridcolor: theme.grid, linecolor: theme.grid }
    const { layout } = this.figure
    return {
      ...layout, width: Math.floor(width), height: Math.floor(height), hovermode: "closest",
      font: { color: theme.hues.ink, size: Math.min(fontSize, 15), family: getComputedStyle(node).fontFamily },
      xaxis: { ...layout.xaxis, ...axis }, yaxis: { ...layout.yaxis, ...axis },
    }
  }

  /** @param {number} unit */
  place(unit) {
    if (!this.Plotly || unit === this.unit) return
    this.unit = unit
    clearTimeout(this.waiting)
    this.waiting = setTimeout(() => this.Plotly.restyle(this.plot, { selectedpoints: [[unit]] }), REST_MS)
  }

  close() {
    clearTimeout(this.waiting)
    this.Plotly?.purge(this.plot)
  }
}
