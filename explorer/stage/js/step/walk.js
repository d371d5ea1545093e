// Step through time: heatmaps, the cell's drawing, the readout and the arithmetic of a run.

/** @import { Figure, GeneratePayload, WalkPayload, WalkRun } from "../types.js" */

import { Stage } from "../core/base.js"
import { Chart } from "../core/chart.js"
import { element } from "../core/dom.js"
import { loadPlotly } from "../core/load.js"
import { fill } from "../core/numbers.js"
import { Arithmetic } from "./arithmetic.js"
import { Attention } from "./attention.js"
import { Drawing } from "./drawing.js"
import { Origins } from "./origins.js"
import { Readout } from "./readout.js"
import { Valve } from "./valve.js"

const LONG = 24 // steps whose heatmaps need more room each

let unfolded = false

/** @template {WalkPayload | GeneratePayload} [P=WalkPayload] @extends {Stage<P>} */
export class WalkStage extends Stage {
  content() {
    const { payload } = this
    const two = payload.mode === "two"
    this.origins = new Origins(this)
    const shown = two ? payload.runs : [payload.runs[payload.runs.length - 1]]
    this.panels = shown.map((run) => this.panel(run, two))
    this.attentions = shown.flatMap((run) => (run.attention ? [new Attention(run.attention, run, this)] : []))
    return [
      this.notice(), this.views(), ...this.attentions.map((chart) => chart.node),
      element("div", { class: "rx-panels" }, ...this.panels.map((panel) => panel.node)),
      this.details(shown),
    ]
  }

  drawn() {
    if (this.payload.mode === "changed") this.show(this.swapped ? "difference" : "after")
  }

  /** Whether a word was replaced: then what differs is shown first. */
  get swapped() {
    const [before, after] = this.payload.runs
    return before.tokens.some((token, k) => token.original !== after.tokens[k]?.original)
  }

  mostUnits() {
    return Math.max(...this.panels.map((panel) => panel.run.units))
  }

  close() {
    this.seen?.disconnect()
    this.origins.purge()
    super.close()
  }

  notice() {
    const { runs, strings } = this.payload
    const bad = runs.find((run) => run.badStep !== null)
    return bad ? element("p", { class: "rx-notice", role: "status", text: fill(strings.overflow, { step: bad.badStep }) }) : null
  }

  /** @param {WalkRun} run @param {boolean} two */
  panel(run, two) {
    const { payload } = this
    const waiting = (/** @type {Figure} */ figure) => Object.assign(new Chart(figure, run, this), { waits: true })
    const heatmaps = run.heatmaps.map(waiting)
    const lines = run.lines.map((figure, k) => waiting(this.overlaid(figure, k)))
    const drawing = new Drawing(run, this)
    const readouts = this.readouts(run)
    for (const chart of heatmaps) {
      chart.node.dataset.panel = chart.heat.meta.signal
      chart.quiet = this.quiet
    }
    const long = run.steps > LONG ? " rx-maps-long" : ""
    const maps = element("div", { class: `rx-maps rx-maps-${heatmaps.length}${long}`, "data-panel": "maps" }, ...heatmaps.map((chart) => chart.node))
    const side = element("div", { class: `rx-side${readouts.length ? " rx-beside" : ""}` }, element("div", { "data-panel": "drawing" }, drawing.node),
      readouts.length ? element("div", { class: `rx-readouts rx-readouts-${readouts.length}`, "data-panel": "prediction" }, ...readouts.map((r) => r.node)) : null)
    const valve = new Valve(run, this, payload.runs.filter((other) => other !== run), payload.mode === "changed" ? payload.runs[0] : null)
    valve.node.dataset.panel = "valve"
    const scene = element("div", { class: `rx-scene${this.quiet ? " rx-flow-leads" : ""}` }, ...(this.quiet ? [side, maps] : [maps, side]))
    const node = element("div", { class: "rx-panel" },
      two ? element("h3", { class: "rx-panel-title", text: run.cell }) : null,
      ...(this.marks(run) ? [valve.node, scene] : [scene, valve.node]),
      this.folded(lines))
    return { run, heatmaps, lines, valve, drawing, readouts, side, node, payload }
  }

  /** Whether one picture leads, the cell's drawing, and the heatmaps stand quietly under it. */
  get quiet() {
    return !this.shows
  }

  /** What waits below until it is asked for: drawn when it is unfolded, and then open in every stage of this page. @param {Chart[]} lines */
  folded(lines) {
    const node = element("div", { class: "rx-lines", "data-panel": "norms" }, ...lines.map((chart) => chart.node))
    if (!this.quiet) return node
    const fold = element("details", { class: "rx-fold" }, element("summary", { text: lines.map((chart) => chart.figure.layout.meta.title).join(" · ") }))
    if (unfolded) fold.append(node)
    fold.open = unfolded
    fold.addEventListener("toggle", async () => {
      unfolded = fold.open
      if (!fold.open || fold.contains(node)) return
      fold.append(node)
      const Plotly = await loadPlotly()
      for (const chart of lines) await chart.draw(Plotly)
    })
    return fold
  }

  /** Whether some steps are marked: then what a unit does at them comes first. @param {WalkRun} run */
  marks(run) {
    return run.tokens.some((token) => token.marked)
  }

  // In a changed run the lines of the run before stand behind, pale.
  overlaid(figure, k) {
    if (this.payload.mode !== "changed") return figure
    const before = this.payload.runs[0].lines[k].data.map((trace) => ({ ...trace, opacity: 0.35 }))
    return { ...figure, data: [...figure.data, ...before] }
  }

  /** What stands beside the drawing. @param {WalkRun} run @returns {{ node: HTMLElement, show(step: number): void }[]} */
  readouts(run) {
    if (!run.readout && !run.arrays.value) return []
    const { mode, runs, strings } = this.payload
    if (mode !== "changed") return [new Readout(run, this)]
    return [new Readout(runs[0], this, strings.before), new Readout(runs[1], this, strings.after)]
  }

  // Before, after, difference: which run the heatmaps, the drawing and the arithmetic show.
  views() {
    if (this.payload.mode !== "changed") return null
    const { strings } = this.payload
    this.viewButtons = ["before", "after", "difference"].map((view) => element("button", {
      type: "button", class: "rx-tab", text: strings[view], "aria-pressed": "false", onclick: () => this.show(view),
    }))
    return element("div", { class: "rx-views", role: "group", "aria-label": strings.view }, ...this.viewButtons)
  }

  /** @param {string} view */
  show(view) {
    this.view = view
    const { runs } = this.payload
    const [panel] = this.panels
    const run = runs[view === "before" ? 0 : 1]
    ;["before", "after", "difference"].forEach((name, k) => this.viewButtons[k].setAttribute("aria-pressed", String(name === view)))
    for (const chart of panel.heatmaps) chart.paint(run, view === "difference" ? runs[0] : null)
    panel.valve.show(run, view === "before" ? null : runs[0])
    if (panel.drawing.run !== run) {
      const drawing = new Drawing(run, this)
      panel.drawing.node.replaceWith(drawing.node)
      panel.drawing = drawing
      this.setArithmetic([run])
    }
    this.update()
  }

  /** @param {WalkRun[]} shown */
  details(shown) {
    const { strings } = this.payload
    const most = Math.max(...shown.map((run) => run.units))
    this.unitInput = element("input", {
      class: "rx-unit", type: "number", min: 1, max: most, step: 1, value: 1, "aria-label": strings.unit,
      onchange: () => this.choose(Number(this.unitInput.value) - 1),
    })
    this.arithmeticPlace = element("div", { class: "rx-arithmetics" })
    this.setArithmetic(shown)
    this.detailsTitle = element("span", { class: "rx-details-title" })
    const node = element("section", { class: "rx-details", "aria-label": strings.arithmetic, "data-panel": "arithmetic" },
      element("div", { class: "rx-details-head" }, this.detailsTitle, element("label", { class: "rx-unit-label" }, `${strings.unit} `, this.unitInput)),
      this.arithmeticPlace)
    this.detailsVisible = true
    this.seen = new IntersectionObserver(([entry]) => {
      this.detailsVisible = entry.isIntersecting
      if (this.detailsVisible) this.updateDetails()
    })
    this.seen.observe(node)
    return node
  }

  /** @param {WalkRun[]} runs */
  setArithmetic(runs) {
    this.arithmetics = runs.map((run) => new Arithmetic(run, this))
    this.arithmeticPlace.replaceChildren(...this.arithmetics.map((a) => a.node))
    this.origins.close()
  }

  charts() {
    return [...this.attentions, ...this.panels.flatMap((panel) => [...panel.heatmaps, panel.valve, ...panel.lines])]
  }

  /** Where it stands in a run, which may have fewer units than the one beside it. @param {WalkRun} run */
  placeIn(run) {
    return { step: this.step, unit: Math.min(this.unit, run.units - 1) }
  }

  /** @param {number} unit */
  choose(unit) {
    if (!Number.isInteger(unit)) return this.update()
    this.unit = Math.max(0, Math.min(this.mostUnits() - 1, unit))
    this.update()
    this.rest()
  }

  // Everything that depends on the step or the unit, in one pass.
  update() {
    const { step, unit } = this
    this.strip?.show(step)
    this.transport.show(step)
    for (const chart of this.attentions) chart.place(step)
    for (const panel of this.panels) {
      for (const chart of panel.heatmaps) chart.place(step, unit)
      for (const chart of [panel.valve, ...panel.lines]) chart.place(step, unit)
      panel.drawing.show(step, Math.min(unit, panel.run.units - 1))
      for (const readout of panel.readouts) readout.show(step)
    }
    if (this.unitNamed !== this.unit) this.unitInput.value = String(this.unit + 1) // what is being typed stays
    this.unitNamed = this.unit
    if (this.detailsVisible) this.updateDetails()
    this.origins.show()
    this.node.dataset.step = String(step + this.payload.firstStep)
    this.node.dataset.unit = String(unit + 1)
  }

  updateDetails() {
    const { strings, firstStep, runs } = this.payload
    this.detailsTitle.textContent = fill(strings.arithmetic_of, {
      unit: this.unit + 1, step: this.step + firstStep, token: runs[0].tokens[this.step].label })
    for (const arithmetic of this.arithmetics) arithmetic.show(this.step, this.unit)
  }
}
