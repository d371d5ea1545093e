// Gradients through time: the triangle of losses and sources, the chain of Jacobians over the sentence,
// the total by step for each cell, and the paths past and through the gates.
// The transport's step is the source step k; the loss step t is a row of the triangle.

/** @import { Figure, FlowPayload, FlowRun } from "../types.js" */

import { Stage } from "../core/base.js"
import { Chart } from "../core/chart.js"
import { element } from "../core/dom.js"
import { typeset } from "../core/maths.js"
import { exact, fill, number, powers, written } from "../core/numbers.js"

// The triangle: columns k = 0..T, rows t = 1..T, colour log10 of the norm.
/** @extends {Chart<FlowRun, FlowStage>} */
class Triangle extends Chart {
  /** @param {Figure} figure @param {FlowRun} run @param {FlowStage} stage @param {"norm" | "beside"} name the array of its norms */
  constructor(figure, run, stage, name) {
    super(figure, run, stage)
    this.name = name
    this.node.classList.add("rx-triangle")
    this.rowCursor.classList.add("rx-solid")
  }

  get norm() {
    return this.run.arrays[this.name]
  }

  rows() {
    return Array.from({ length: this.run.steps }, (_, t) => Float64Array.from(this.norm.row(t), (v) => (v > 0 && Number.isFinite(v) ? Math.log10(v) : NaN)))
  }

  data() {
    const [heat, ...rest] = super.data()
    return [{ ...heat, colorscale: this.stage.theme.magnitude }, ...rest]
  }

  dress() {
    this.title.replaceChildren(element("span", { class: "rx-name", text: this.figure.layout.meta.title }))
  }

  lines({ step, unit }, strings) {
    return [typeset(strings.cell_norm, { t: unit + this.stage.payload.firstStep, k: step + this.stage.payload.firstStep, value: exact(this.norm.at(unit, step + 1)) })]
  }

  /** The norm at a loss and a source, behind the cell's name where another stands beside it. @param {number} loss @param {number} step @param {boolean} named */
  says(loss, step, named) {
    const value = number(this.norm.at(loss, step + 1))
    return named ? `${this.figure.layout.meta.title} ${value}` : value
  }
}

// The total by cell. Dotted lines in each cell's hue are laws; one key stands for them all.
class Total extends Chart {
  data() {
    const { hues } = this.stage.theme
    return super.data().map((trace) => (trace.meta?.law ? { ...trace, line: { ...trace.line, color: hues[trace.meta.law] } } : trace))
  }

  dress() {
    super.dress()
    const { law } = this.figure.layout.meta
    if (law) this.title.append(element("span", { class: "rx-key rx-dot", text: law }))
  }

  // Past the loss a cell has no law, and nothing is said of it.
  lines({ step }) {
    const at = step + this.offset
    const there = this.figure.data.filter((trace) => trace.name && !Number.isNaN(trace.y[at]))
    return there.map((trace) => typeset(`${trace.name} = ${exact(trace.y[at])}`))
  }
}

/** @extends {Stage<FlowPayload>} */
export class FlowStage extends Stage {
  content() {
    const { payload } = this
    const [run] = payload.runs
    this.run = run
    this.loss = payload.lossRow
    const square = { ...run, units: run.steps }
    this.triangles = run.heatmaps.map((figure, n) => new Triangle(figure, square, this, n ? "beside" : "norm"))
    this.heading = element("div", { class: "rx-title" })
    this.lines = run.lines.map((figure, n) => new (n ? Chart : Total)(figure, run, this))
    this.hops = this.strip.chips.map((chip) => chip.appendChild(element("span", { class: "rx-hop" })))
    this.said = element("p", { class: "rx-said", role: "status" })
    this.hopLabel = element("div", { class: "rx-hop-label" })
    const [total, paths, losses] = this.lines.map((chart) => chart.node)
    this.warned = element("div", {})
    this.decays = element("div", {})
    this.tell()
    return [
      this.hopLabel, this.warned,
      element("div", { class: "rx-flow-scene" },
        element("div", {}, element("div", { "data-panel": "triangle" }, this.heading,
          element("div", { class: `rx-triangles rx-triangles-${this.triangles.length}` }, ...this.triangles.map((chart) => chart.node)), this.said),
          element("div", { class: "rx-flow-small", "data-panel": "losses" }, losses)),
        element("div", { class: "rx-flow-lines" }, element("div", { class: "rx-flow-total", "data-panel": "total" }, total, this.decays),
          element("div", { "data-panel": "paths" }, paths))),
    ]
  }

  // What is said of the gradient as a whole.
  tell() {
    const { heading, range } = this.run.heatmaps[0].layout.meta
    this.heading.replaceChildren(element("span", { class: "rx-name" }, typeset(heading)), element("span", { class: "rx-range", text: powers(range) }))
    this.warned.replaceChildren(...[this.notice()].filter(Boolean))
    this.decays.replaceChildren(...this.payload.decays.map((text) => element("p", { class: "rx-decay" }, typeset(text))))
  }

  // The same sentence with another gradient: only the numbers change.
  async take(payload) {
    const [run] = payload.runs
    const same = (of) => JSON.stringify([of.lang, of.firstStep, of.runs[0].tokens, of.runs[0].heatmaps.length])
    if (!this.node.dataset.ready || same(payload) !== same(this.payload)) return false
    Object.assign(this, { payload, run, loss: payload.lossRow, shownLoss: undefined })
    this.tell()
    const figures = [...run.heatmaps, ...run.lines]
    const square = { ...run, units: run.steps }
    await Promise.all(this.charts().map((chart, n) => chart.take(figures[n], n < run.heatmaps.length ? square : run)))
    this.node.dataset.ready = payload.id
    return true
  }

  notice() {
    const { bad, strings } = this.payload
    return bad === null ? null : element("p", { class: "rx-notice", role: "status", text: fill(strings.gradient_overflow, { step: bad }) })
  }

  charts() {
    return [...this.triangles, ...this.lines]
  }

  get chosenRow() {
    return this.loss
  }

  // A click on the triangle chooses source and loss; elsewhere it chooses the source.
  go(step, row) {
    if (row !== undefined) this.loss = row
    const unit = this.unit
    super.go(step)
    this.unit = unit
  }

  update() {
    const { step, loss } = this
    this.strip.show(step)
    this.transport.show(step)
    for (const triangle of this.triangles) triangle.place(step, loss)
    for (const chart of this.lines) chart.place(step, 0)
    const { strings, firstStep } = this.payload
    const value = this.run.arrays.norm.at(loss, step + 1)
    this.said.replaceChildren(Number.isNaN(value)
      ? typeset(strings.above, { t: loss + firstStep, k: step + firstStep })
      : typeset(strings.cell_norm, { t: loss + firstStep, k: step + firstStep, value: this.triangles.map((one) => one.says(loss, step, this.triangles.length > 1)).join(" · ") }))
    if (this.shownLoss !== loss) {
      this.showChain(loss)
      this.strip.measure() // the chips are as wide as what is written over them
      this.strip.show(step)
    }
    this.node.dataset.step = String(step + firstStep)
    this.node.dataset.unit = String(this.unit + 1)
    this.node.dataset.loss = String(loss + firstStep)
  }

  // Over each token k the size of the chain of Jacobians from t back to k.
  showChain(t) {
    this.shownLoss = t
    const { strings, firstStep } = this.payload
    this.hopLabel.replaceChildren(typeset(strings.chain, { t: t + firstStep, s: this.payload.state }))
    this.hops.forEach((hop, k) => {
      const size = this.run.arrays.chain.at(t, k + 1)
      hop.textContent = Number.isNaN(size) ? "" : short(size)
    })
  }
}

function short(value) {
  if (value !== 0 && (value < 0.01 || value >= 1000)) return written(value.toExponential(0)).replaceAll(" ", "")
  return value.toFixed(2)
}
