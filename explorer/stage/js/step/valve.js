// The valve you can see: the chosen unit's gates and the state they serve over time, large, with the values of now.

/** @import { PlotlyModule } from "../browser.js" */
/** @import { GeneratePayload, Trace, WalkPayload, WalkRun } from "../types.js" */
/** @import { Stage } from "../core/base.js" */

import { CONFIG, Chart } from "../core/chart.js"
import { element, svg } from "../core/dom.js"
import { ends, exact, fill, number, percent } from "../core/numbers.js"
import { ofSignal } from "../core/payload.js"
import { Evaluator } from "./expression.js"
import { edged, series, span } from "./series.js"
import { thread } from "./sources.js"

const ROW = 3.3 // the height of a gate's row, in letters
const FADE = "2e" // how opaque the filling is, in hexadecimal

/** @extends {Chart<WalkRun, Stage<WalkPayload | GeneratePayload>>} */
export class Valve extends Chart {
  // others are runs shown beside it: the state keeps their scale. before is drawn behind, dotted.
  /** @param {WalkRun} run @param {Stage<WalkPayload | GeneratePayload>} stage @param {WalkRun[]} others @param {WalkRun | null} before */
  constructor(run, stage, others, before) {
    super(run.valve, run, stage)
    this.others = others
    this.before = before
    this.unit = -1
    this.waits = true
    this.node.classList.add("rx-valve")
    this.lanes = run.valve.data.filter(({ meta }) => meta?.signal)
    this.values = this.lanes.map(({ meta }) => {
      const value = element("b", {})
      const range = element("small", {})
      return { symbol: meta.signal, value, range, node: element("div", { class: "rx-valve-now", style: `color:${stage.theme.hues[meta.hue]}` }, value, range) }
    })
    this.names = this.lanes.map(({ meta }, k) => element("div", { class: "rx-valve-name", style: `color:${stage.theme.hues[meta.hue]}` },
      element("i", { text: meta.signal }), element("span", { text: run.valve.layout.meta.names[k] })))
    this.evaluator = new Evaluator(run)
    this.says = run.readout ? (step) => `${run.readout.top[step][0]} ${percent(run.arrays.top_probabilities.at(step, 0))}` : run.arrays.value ? (step) => number(run.arrays.value.at(step), 2) : null
    this.thread = svg("svg", { class: "rx-thread", "aria-hidden": "true" })
    this.told = element("figcaption", { class: "rx-thread-said" })
    this.shaded = element("p", { class: "rx-shaded" })
    this.node.append(this.shaded, this.told)
    this.plot.parentElement.append(this.thread, ...this.names, ...this.values.map(({ node }) => node))
  }

  /** @param {PlotlyModule} Plotly */
  async draw(Plotly) {
    this.plot.style.height = `${Math.round((ROW * (this.lanes.length + 0.5) + 1.8) * this.stage.fontSize)}px`
    await super.draw(Plotly)
  }

  async plotted() {
    this.unit = this.chosen()
    await super.plotted()
  }

  chosen() {
    return Math.min(this.stage.unit, this.run.units - 1)
  }

  // What the shading means: marked numbers, or cue words and how far another word in the place of each moves what comes later.
  shading() {
    const { strings } = this.stage.payload
    const cues = new Map(this.run.tokens.filter(({ cue }) => cue).map(({ label, cue }) => [label, cue]))
    const words = [...cues].map(([label, cue]) => `${label} ${percent(cue)}`).join(", ")
    if (words) return fill(strings.shaded_cues, { words })
    return this.run.tokens.some(({ marked }) => marked) ? strings.shaded_marks : ""
  }

  dress() {
    this.shaded.textContent = this.shading()
    this.shaded.hidden = !this.shaded.textContent
    this.title.replaceChildren(this.heading = element("span", { class: "rx-name" }))
    if (this.before) this.title.append(element("span", { class: "rx-range", text: this.stage.payload.strings.dotted }))
  }

  /** From where to where a row goes. @param {Trace} row @param {number} unit @returns {[number, number]} */
  range(row, unit) {
    if (row.meta.role === "gate") return [0, 1]
    return span([this.run, ...this.others].map((run) => series(run, memory(run), Math.min(unit, run.units - 1))))
  }

  data() {
    const { hues } = this.stage.theme
    const drawn = this.lanes.map((row) => ({
      ...row, y: edged(series(this.run, row.meta.signal, this.unit)),
      line: { ...row.line, color: hues[row.meta.hue] }, fillcolor: hues[row.meta.hue] + FADE,
    }))
    if (!this.before) return drawn
    return [...drawn, ...this.lanes.map((row) => ({
      ...row, fill: "none", y: edged(series(this.before, row.meta.signal, this.unit)), line: { ...row.line, color: hues[row.meta.hue], width: 1.6, dash: "dot" },
    }))]
  }

  layout() {
    const { theme, fontSize } = this.stage
    const layout = super.layout()
    const { width } = this.plot.getBoundingClientRect()
    const small = width < 480
    this.node.classList.toggle("rx-valve-small", small)
    const [l, r] = [(small ? 2 : 9) * fontSize, (this.stage.shows?.large ? 6.5 : 4.8) * fontSize].map(Math.round)
    for (const name of this.names) name.style.width = `${l - 6}px`
    for (const { node } of this.values) node.style.width = `${r - 6}px`
    layout.margin = { ...layout.margin, l, r, t: 3 }
    layout.shapes = layout.shapes?.map((shape) => ({ ...shape, fillcolor: theme.hues[shape.name] }))
    this.lanes.forEach((row, k) => {
      const name = k ? `yaxis${k + 1}` : "yaxis"
      layout[name] = { ...layout[name], range: roomy(this.range(row, this.unit)), gridcolor: theme.grid, linecolor: theme.grid }
    })
    return layout
  }

  measure() {
    super.measure()
    const layout = this.plot._fullLayout
    if (!layout) return
    const { t, h } = layout._size
    this.cursor.style.top = `${t}px`
    this.cursor.style.height = `${h}px`
    this.lanes.forEach((_, k) => {
      const { _offset, _length } = layout[k ? `yaxis${k + 1}` : "yaxis"]
      for (const node of [this.names[k], this.values[k].node]) node.style.cssText += `;top:${_offset}px;height:${_length}px`
    })
  }

  /** @param {number} step @param {number} unit */
  place(step, unit) {
    if (!this.heading) return // not drawn
    super.place(step, unit)
    const own = Math.min(unit, this.run.units - 1)
    for (const { symbol, value } of this.values) {
      value.textContent = number(ofSignal(this.run, symbol)(step, own), 2)
    }
    this.heading.textContent = fill(this.stage.payload.strings.unit_over_time, { unit: own + 1 })
    this.lanes.forEach((row, k) => {
      if (row.meta.role !== "gate") this.values[k].range.textContent = ends(this.range(row, own))
    })
    if (this.unit >= 0 && own !== this.unit) this.turn(own)
    this.drawThread(step, own)
  }

  // From the step that wrote the most of the memory to now: as thick as what is kept of it, there and back.
  drawThread(step, unit) {
    const axes = this.plot._fullLayout
    const symbol = memory(this.run)
    const found = thread(this.run, this.evaluator, symbol, unit, step)
    this.told.textContent = ""
    this.thread.replaceChildren()
    if (!found) return
    const { strings, firstStep } = this.stage.payload
    const { from, given, amount, left } = found
    const kept = left[left.length - 1]
    this.told.textContent = fill(strings.thread, {
      symbol, unit: unit + 1, t: step + firstStep, value: number(ofSignal(this.run, symbol)(step, unit), 2), k: from + firstStep,
      token: this.run.tokens[from].label, given: number(given, 2), kept: number(kept, 2), amount: number(amount, 2),
    })
    if (this.says) this.told.textContent += ` ${fill(strings.thread_read, { h: number(this.run.arrays.h.at(step + 1, unit), 2), y: this.says(step) })}`
    if (!axes) return // what is said keeps its room until it is drawn
    const axis = axes[this.lanes.length > 1 ? `yaxis${this.lanes.length}` : "yaxis"]
    const [low, high] = axis.range
    const of = ofSignal(this.run, symbol)
    const x = (/** @type {number} */ t) => this.left + (t + 0.5) * this.width
    const y = (/** @type {number} */ t) => axis._offset + (axis._length * (high - of(t, unit))) / (high - low)
    const colour = this.stage.theme.hues[this.lanes[this.lanes.length - 1].meta.hue]
    const parts = left.slice(1).map((share, n) => svg("line", {
      x1: x(from + n), y1: y(from + n), x2: x(from + n + 1), y2: y(from + n + 1), stroke: colour, "stroke-linecap": "round", "stroke-width": 1 + 8 * Math.min(1, Math.abs(share)),
    }))
    const back = left.slice(1).map((_, n) => `${x(from + n + 1)},${y(from + n + 1)}`).reverse()
    const way = svg("polyline", { points: [...back, `${x(from)},${y(from)}`].join(" "), fill: "none", stroke: this.stage.theme.ground, "stroke-width": 1.6, "stroke-dasharray": "2 5" })
    const dots = [from, step].map((t, n) => svg("circle", { cx: x(t), cy: y(t), r: n ? 5 : 7, fill: n ? this.stage.theme.ground : colour, stroke: colour, "stroke-width": 2.5 }))
    this.thread.append(...parts, way, ...dots)
  }

  /** Shows another unit. @param {number} unit */
  turn(unit) {
    this.unit = unit
    this.Plotly.react(this.plot, this.data(), this.layout(), CONFIG)
  }

  /** Shows another run of the same cell. @param {WalkRun} run @param {WalkRun | null} before */
  show(run, before) {
    Object.assign(this, { run, before, evaluator: new Evaluator(run) })
    if (!this.heading) return // not drawn
    this.dress()
    if (this.unit >= 0) this.turn(this.chosen())
  }

  lines({ step }) {
    const unit = this.chosen()
    return this.lanes.map(({ meta }, k) => `${meta.signal} = ${exact(ofSignal(this.run, meta.signal)(step, unit))}  ${this.run.valve.layout.meta.names[k]}`)
  }

}

/** @param {[number, number]} range @returns {[number, number]} */
function roomy([low, high]) {
  const room = 0.05 * (high - low)
  return [low && low - room, high && high + room]
}

/** The state that a cell's gates serve: the last row. @param {WalkRun} run @returns {string} */
function memory(run) {
  return run.valve.data[run.valve.data.length - 1].meta.signal
}
