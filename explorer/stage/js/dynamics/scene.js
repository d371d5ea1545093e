// The space of states in three principal directions: the run's path, the points, the chosen one's unstable
// directions, and a state that was pushed by hand.

/** @import { PlotlyModule } from "../browser.js" */
/** @import { Figure, SpaceRun, Trace } from "../types.js" */
/** @import { Panel, SpaceStage } from "./space.js" */

import { Chart } from "../core/chart.js"
import { element } from "../core/dom.js"

const CONFIG = { displayModeBar: false, responsive: false, scrollZoom: false }
const MARKS = ["now", "ring", "leaving", "pushed"] // drawn over the figure, in this order

/** @extends {Chart<SpaceRun, SpaceStage>} */
export class Scene extends Chart {
  /** @param {Figure} figure @param {Panel} panel */
  constructor(figure, panel) {
    super(figure, panel.run, panel.stage)
    this.panel = panel
    this.extra = 0
    /** @type {Map<number, number[][]>} */
    this.waiting = new Map()
    this.drawing = 0
    this.node.classList.add("rx-space-scene")
    this.cursor.hidden = true
  }

  canvas() {
    return element("div", { class: "rx-canvas" }, this.plot)
  }

  dress() {
    this.title.replaceChildren(element("span", { class: "rx-name", text: this.figure.layout.meta.title }))
  }

  /** @param {PlotlyModule} Plotly */
  async draw(Plotly) {
    this.Plotly = Plotly
    this.dress()
    Plotly.rest?.() // what stands in space is not among the kinds that are there at once
    await Plotly.newPlot(this.plot, this.data(), this.layout(), CONFIG)
    this.listen()
  }

  /** Other numbers under the same camera. @param {Figure} figure @param {SpaceRun} run */
  async take(figure, run) {
    const camera = this.plot._fullLayout?.scene?.camera
    Object.assign(this, { figure, run })
    this.dress()
    const layout = this.layout()
    await this.Plotly.react(this.plot, this.data(), { ...layout, scene: { ...layout.scene, ...(camera && { camera }) } }, CONFIG)
  }

  listen() {
    this.plot.on("plotly_click", ({ points: [point] }) => this.rowOf(point) !== null && this.panel.choose(this.rowOf(point)))
    this.plot.on("plotly_hover", ({ points: [point], event }) => {
      const row = this.rowOf(point)
      if (row !== null && event) this.stage.tip([this.run.points[row].name, this.run.points[row].said[0]], event)
    })
    this.plot.on("plotly_unhover", () => this.stage.tip(null))
  }

  /** Which point of the run was pointed at; null for anything else. @param {{ data: Trace, pointNumber: number } | undefined} point @returns {number | null} */
  rowOf(point) {
    const rows = point?.data.meta?.rows
    return rows ? rows[point.pointNumber] : null
  }

  data() {
    const { hues } = this.stage.theme
    const drawn = this.figure.data.map((trace) => {
      if (trace.meta.role === "path") {
        const { hues: names } = trace.meta
        return { ...trace, line: { ...trace.line, color: hues.x }, marker: { ...trace.marker, color: names.map((name) => hues[name]) }, textfont: { color: hues.ink, size: 12 } }
      }
      if (trace.meta.role === "pulses") return { ...trace, colorscale: [[0, hues[trace.meta.hue]], [1, hues[trace.meta.hue]]] }
      if (trace.meta.role === "frame") return { ...trace, opacity: 0.55, line: { ...trace.line, color: hues[trace.meta.hue] } }
      return { ...trace, marker: { ...trace.marker, color: hues[trace.meta.hue] } }
    })
    const line = (/** @type {string} */ role, /** @type {string} */ color, /** @type {number} */ width, /** @type {object?} */ marker = null) => ({
      type: "scatter3d", mode: marker ? "lines+markers" : "lines", x: [], y: [], z: [], hoverinfo: "skip",
      line: { color, width }, marker: marker ?? { size: 0 }, meta: { role },
    })
    this.extra = drawn.length
    return [
      ...drawn,
      line("now", hues.ink, 7, { size: [0, 8], color: hues.ink, symbol: "circle" }),
      line("ring", hues.ink, 1, { size: 13, color: "rgba(0,0,0,0)", symbol: "circle-open", line: { color: hues.ink, width: 3 } }),
      line("leaving", hues.write, 6),
      line("pushed", hues.reset, 5, { size: 4, symbol: "circle", color: hues.reset }),
    ]
  }

  /** @returns {any} */
  layout() {
    const { theme, fontSize } = this.stage
    const { width, height } = this.plot.getBoundingClientRect()
    const { layout } = this.figure
    const axis = (/** @type {string} */ name) => ({ ...layout.scene[name], gridcolor: theme.grid, zerolinecolor: theme.grid, color: theme.hues.ink })
    return {
      ...layout, width: Math.floor(width), height: Math.floor(height),
      font: { color: theme.hues.ink, size: fontSize - 1, family: getComputedStyle(this.stage.node).fontFamily },
      scene: { ...layout.scene, xaxis: axis("xaxis"), yaxis: axis("yaxis"), zaxis: axis("zaxis") },
    }
  }

  measure() {}

  /** Where states stand in the drawing, by axis. @param {ArrayLike<number>[]} states @returns {number[][]} */
  placed(states) {
    const { mean, axes } = this.run.arrays
    return [0, 1, 2].map((k) => states.map((state) => {
      let sum = 0
      for (let j = 0; j < state.length; j++) sum += axes.at(k, j) * (state[j] - mean.at(0, j))
      return sum
    }))
  }

  /** Puts states into one of the marks; what is put in one frame is drawn at once. @param {string} role @param {ArrayLike<number>[]} states */
  show(role, states) {
    this.waiting.set(this.extra + MARKS.indexOf(role), this.placed(states))
    this.drawing ||= requestAnimationFrame(() => {
      const at = [...this.waiting.keys()]
      const [x, y, z] = [0, 1, 2].map((k) => [...this.waiting.values()].map((place) => place[k]))
      this.waiting.clear()
      this.drawing = 0
      if (this.plot.isConnected) this.Plotly.restyle(this.plot, { x, y, z }, at)
    })
  }
}
