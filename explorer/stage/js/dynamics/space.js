// Dynamics: states and fixed points in space; a chosen point's eigenvalues; a push by hand.
// The transport's step is that of the run. Points count from 0 here, from 1 on the page.

/** @import { Figure, SpacePayload, SpaceRun } from "../types.js" */

import { Stage } from "../core/base.js"
import { Chart } from "../core/chart.js"
import { element } from "../core/dom.js"
import { fill } from "../core/numbers.js"
import { Forward } from "./forward.js"
import { Scene } from "./scene.js"

const PATIENCE = 200 // steps of a pushed state
const NEAR = 0.05 // as in explorer/dynamics/landscape.py
const TICKS = 40 // to each side of the slider

// The eigenvalues of the chosen point on the plane, with the unit circle.
/** @extends {Chart<SpaceRun, SpaceStage>} */
class Plane extends Chart {
  /** @param {Figure} figure @param {Panel} panel */
  constructor(figure, panel) {
    super(figure, panel.run, panel.stage)
    this.panel = panel
    this.node.classList.add("rx-space-eigen")
    this.cursor.hidden = true
  }

  data() {
    const { hues } = this.stage.theme
    const [circle, values] = this.figure.data
    const { x, y } = this.values()
    const color = x.map((a, k) => hues[Math.hypot(a, y[k]) > 1 ? "write" : "keep"])
    return [{ ...circle, line: { ...circle.line, color: hues.x } }, { ...values, x, y, marker: { ...values.marker, color } }]
  }

  values() {
    const { real, imaginary } = this.run.arrays
    const row = Math.max(0, this.panel.point)
    if (!this.run.points.length) return { x: [], y: [] }
    return { x: Array.from(real.row(row)), y: Array.from(imaginary.row(row)) }
  }

  layout() {
    const layout = super.layout()
    const reach = 1.15 * Math.max(1, ...this.stage.panels.map(({ plane }) => plane.farthest()))
    const zero = { zerolinecolor: this.stage.theme.grid }
    return { ...layout, xaxis: { ...layout.xaxis, ...zero, range: [-reach, reach] }, yaxis: { ...layout.yaxis, ...zero, range: [-reach, reach] } }
  }

  redraw() {
    this.Plotly?.react(this.plot, this.data(), this.layout())
  }

  // How far from 0 an eigenvalue of the chosen point is, at most: the planes beside each other end alike.
  farthest() {
    const { x, y } = this.values()
    return this.panel.point < 0 ? 0 : Math.max(0, ...x.map((a, k) => Math.hypot(a, y[k])))
  }

  dress() {
    this.title.replaceChildren(element("span", { class: "rx-name", text: this.figure.layout.meta.title }))
  }

  measure() {}
  hover() {}
  click() {}
}

// One network: its space, its points, and what is said of the chosen one.
export class Panel {
  /** @param {SpaceStage} stage @param {SpaceRun} run @param {number} index */
  constructor(stage, run, index) {
    this.stage = stage
    this.run = run
    this.index = index
    this.point = -1
    this.along = 0
    this.amount = 0
    /** @type {Forward?} */
    this.forward = null
    /** Where each point's rows of directions begin. @type {number[]} */
    this.starts = []
    /** @type {HTMLButtonElement[]} */
    this.buttons = []
    /** The pushed state, step by step. @type {ArrayLike<number>[]} */
    this.path = []
    const { strings } = stage.payload
    this.scene = new Scene(run.space, this)
    this.plane = new Plane(run.eigen, this)
    this.line = new Chart(run.lines[0], run, stage)
    this.groups = element("div", { class: "rx-space-groups" })
    this.heading = element("h4", { class: "rx-space-heading" })
    this.said = element("div", { class: "rx-space-said", role: "status" })
    this.ways = element("select", { class: "rx-speed", "aria-label": strings.direction, onchange: () => this.push(this.amount, Number(this.ways.value)) })
    this.slider = element("input", {
      class: "rx-slider", type: "range", min: -TICKS, max: TICKS, step: 1, value: 0, "aria-label": strings.push,
      oninput: () => this.push(Number(this.slider.value), this.along),
    })
    this.ended = element("p", { class: "rx-space-ended", role: "status" })
    this.pushing = element("div", { class: "rx-space-push" },
      element("div", { class: "rx-space-row" }, element("b", { text: strings.push }), this.ways), this.slider, this.ended)
    this.found = element("div", { class: "rx-space-found" })
    this.node = element("section", { class: "rx-space-panel" },
      stage.payload.runs.length > 1 ? element("h3", { class: "rx-panel-title", text: run.cell }) : null,
      element("div", { class: "rx-space-main" },
        element("div", {}, this.scene.node, this.groups),
        element("div", { class: "rx-space-side" }, this.heading, this.plane.node, this.said, this.pushing)),
      this.line.node, this.found)
    this.tell()
  }

  charts() {
    return [this.scene, this.plane, this.line]
  }

  // What is said of the network as a whole: its points by kind, and how the search went.
  tell() {
    const { run, stage } = this
    this.forward = run.equations ? new Forward(run) : null
    this.starts = []
    let rows = 0
    for (const [k, count] of run.leaves.entries()) {
      this.starts[k] = rows
      rows += count
    }
    this.buttons = []
    this.node.classList.toggle("rx-space-few", run.groups.length < 3)
    this.groups.replaceChildren(...run.groups.map((group) => element("div", { class: `rx-space-group rx-kind-${Math.min(3, group.unstable)}${group.exact ? "" : " rx-space-slow"}` },
      element("span", { class: "rx-space-kind", text: group.name }),
      ...group.rows.slice(0, 60).map((row) => {
        const button = element("button", { class: "rx-space-dot", type: "button", text: stage.payload.runs.length > 1 ? "" : run.points[row].name.split(":")[0], title: run.points[row].name, "aria-label": run.points[row].name, onclick: () => this.choose(row) })
        this.buttons[row] = button
        return button
      }))))
    this.found.replaceChildren(...run.found.map((text) => element("p", { text })))
    if (!run.points.length) this.heading.textContent = stage.payload.strings.none
  }

  /** A click chooses a point; on the chosen one it lets it go. @param {number} row */
  choose(row) {
    const next = row === this.point ? -1 : row
    this.open(next)
    if (this.index === 0) this.stage.act({ point: String(next + 1) })
  }

  /** @param {number} row */
  open(row) {
    this.buttons[this.point]?.setAttribute("aria-pressed", "false")
    this.point = row
    this.buttons[row]?.setAttribute("aria-pressed", "true")
    const { run, stage } = this
    const { strings } = stage.payload
    const point = run.points[row]
    this.plane.node.hidden = !point
    this.heading.textContent = point?.title ?? (run.points.length ? strings.choose : strings.none)
    this.said.replaceChildren(...(point ? [...point.said, ...point.parts] : []).map((text) => element("p", { text })))
    const leaves = point ? run.leaves[row] : 0
    const names = [
      ...Array.from({ length: leaves }, (_, k) => fill(strings.leaving_n, { n: k + 1 })),
      ...[1, 2, 3].map((n) => fill(strings.axis_n, { n })),
    ]
    this.ways.replaceChildren(...names.map((text, k) => element("option", { value: k, text })))
    this.pushing.hidden = !this.forward
    if (point) {
      this.scene.show("ring", [run.arrays.points.row(row)])
      for (const { plane, point: other } of stage.panels) if (other >= 0) plane.redraw()
    } else this.scene.show("ring", [])
    this.scene.show("leaving", this.leaving())
    this.slider.value = "0"
    this.push(0, 0)
  }

  // The unstable directions of the chosen point, as strokes through it.
  leaving() {
    const { point, run, stage } = this
    if (point < 0) return []
    const base = run.arrays.points.row(point)
    const reach = 0.12 * stage.payload.push
    const strokes = []
    for (let k = 0; k < run.leaves[point]; k++) {
      const way = run.arrays.directions.row(this.starts[point] + k)
      for (const sign of [-1, 1]) strokes.push(base.map((v, j) => v + sign * reach * way[j]))
      strokes.push(base.map(() => NaN)) // a gap
    }
    return strokes
  }

  /** The direction of a push: an unstable one of the chosen point, else a principal one. @param {number} along */
  direction(along) {
    const { point, run } = this
    const leaves = point < 0 ? 0 : run.leaves[point]
    return along < leaves ? run.arrays.directions.row(this.starts[point] + along) : run.arrays.axes.row(along - leaves)
  }

  /** Pushes the chosen point, or the state of the run, and follows it under the constant input. @param {number} amount @param {number} along */
  push(amount, along) {
    this.amount = amount
    this.along = along
    const { strings, push } = this.stage.payload
    if (!this.forward || amount === 0) {
      this.scene.show("pushed", [])
      this.ended.textContent = this.forward ? strings.push_how : ""
      return
    }
    const base = this.point < 0 ? this.run.arrays.states.row(this.stage.step + 1) : this.run.arrays.points.row(this.point)
    const way = this.direction(along)
    const path = [Float64Array.from(base, (v, j) => v + (amount / TICKS) * 0.6 * push * way[j])]
    let end = -1
    while (path.length <= PATIENCE && end < 0) {
      path.push(this.forward.step(path[path.length - 1]))
      end = this.memoryNear(path[path.length - 1])
    }
    this.path = path
    this.scene.show("pushed", path)
    const name = end < 0 ? "" : this.run.points[end].name
    this.ended.textContent = fill(end < 0 ? strings.wanders : strings.falls, { name, n: path.length - 1 })
    this.node.dataset.fell = name
  }

  /** The stable point that a state has come to, else -1. @param {ArrayLike<number>} state */
  memoryNear(state) {
    const { points } = this.run.arrays
    return this.run.points.findIndex((point, row) => {
      if (!point.exact || point.unstable) return false
      const own = points.row(row)
      let sum = 0
      for (let j = 0; j < state.length; j++) sum += (state[j] - own[j]) ** 2
      return Math.sqrt(sum) < NEAR
    })
  }

  /** The run at a step: a stroke from the state before. @param {number} step */
  stand(step) {
    const { states } = this.run.arrays
    this.scene.show("now", [states.row(step), states.row(step + 1)])
    this.line.place(step, 0)
    if (this.point < 0 && this.amount) this.push(this.amount, this.along)
  }
}

/** @extends {Stage<SpacePayload>} */
export class SpaceStage extends Stage {
  styles() {
    return ["dynamics/space.css"]
  }

  content() {
    this.panels = this.payload.runs.map((run, k) => new Panel(this, run, k))
    this.node.classList.toggle("rx-space-two", this.panels.length > 1)
    return [element("div", { class: "rx-space-panels" }, ...this.panels.map((panel) => panel.node))]
  }

  charts() {
    return this.panels.flatMap((panel) => panel.charts())
  }

  drawn() {
    for (const panel of this.panels) panel.open(panel.index === 0 ? this.payload.point - 1 : -1)
  }

  // Another moment of training, another constant input, another point: under the same camera.
  /** @param {SpacePayload} payload */
  async take(payload) {
    const same = (/** @type {SpacePayload} */ of) => JSON.stringify([of.lang, of.runs.map((run) => [run.cell, run.tokens])])
    if (!this.node.dataset.ready || same(payload) !== same(this.payload)) return false
    const [first] = this.panels
    if (payload.body === this.payload.body) {
      this.payload = payload
      if (first.point !== payload.point - 1) first.open(payload.point - 1)
      this.node.dataset.ready = payload.id
      return true
    }
    this.payload = payload
    await Promise.all(this.panels.map(async (panel, k) => {
      const run = payload.runs[k]
      panel.run = run
      panel.plane.run = run
      panel.tell()
      await panel.scene.take(run.space, run)
      await panel.line.take(run.lines[0], run)
    }))
    for (const panel of this.panels) {
      const point = panel.index === 0 ? payload.point - 1 : -1
      panel.point = -1
      panel.open(point)
    }
    this.node.dataset.ready = payload.id
    return true
  }

  update() {
    const { step } = this
    this.strip.show(step)
    this.transport.show(step)
    for (const panel of this.panels) panel.stand(step)
    this.node.dataset.step = String(step + this.payload.firstStep)
    this.node.dataset.unit = String(this.unit + 1)
    this.node.dataset.point = String(this.panels[0].point + 1)
  }
}
