// What a state still knows: forgetting (forward) beside vanishing (backward), over the same axes.
// The transport's step is k, the token that was read; the row is t, the state that is asked.
// Under each token stands what the probe reads from the state after t.

/** @import { Figure, MemoryPayload, MemoryRun } from "../types.js" */

import { Stage } from "../core/base.js"
import { Chart } from "../core/chart.js"
import { element } from "../core/dom.js"
import { between, bracketed } from "../core/exact.js"
import { plain, typeset } from "../core/maths.js"
import { exact, fill, number, percent, powers } from "../core/numbers.js"
import { Strip } from "../core/strip.js"

const UP_DOWN = { ArrowUp: -1, ArrowDown: 1 }

// A triangle: columns k, rows t, both from 1.
/** @extends {Chart<MemoryRun, MemoryStage>} */
class Triangle extends Chart {
  /** @param {Figure} figure @param {MemoryRun} run @param {MemoryStage} stage */
  constructor(figure, run, stage) {
    super(figure, run, stage)
    this.node.classList.add("rx-memory-triangle")
    this.rowCursor.classList.add("rx-solid")
  }

  get signal() {
    return this.heat.meta.signal
  }

  rows() {
    const values = this.run.arrays[`${this.signal}.${this.stage.state}`]
    const shown = this.signal === "norm" ? (v) => (v > 0 && Number.isFinite(v) ? Math.log10(v) : NaN) : (v) => v
    return Array.from({ length: this.run.steps }, (_, t) => Float64Array.from(values.row(t), shown))
  }

  data() {
    const [heat, ...rest] = super.data()
    return this.signal === "norm" ? [{ ...heat, colorscale: this.stage.theme.magnitude }, ...rest] : [heat, ...rest]
  }

  dress() {
    const { title, range: limits } = this.figure.layout.meta
    const ends = this.signal === "norm" ? powers(limits) : "0 % … 100 %"
    this.title.replaceChildren(
      element("span", { class: "rx-name", title: plain(title) }, typeset(title)),
      element("span", { class: "rx-range", text: ends }),
    )
  }

  place(step) {
    super.place(step, this.stage.row)
  }

  hover(event) {
    const at = this.under(event)
    if (!at) return this.stage.tip(null)
    const head = `t = ${at.unit + 1}  k = ${at.step + 1}  ${this.run.tokens[at.step].label}`
    this.stage.tip([head, ...this.lines(at)], event)
  }

  /** Of a token that is still to come nothing is said. @param {{ step: number, unit?: number }} at */
  lines({ step, unit }) {
    if (step > unit) return []
    const value = this.run.arrays[`${this.signal}.${this.stage.state}`].at(unit, step)
    return [this.signal === "norm" ? exact(value) : share(value)]
  }
}

// A line by the distance t - k; its cursor stands at that of the chosen pair.
/** @extends {Chart<MemoryRun, MemoryStage>} */
class ByDistance extends Chart {
  place(step) {
    const distance = this.stage.row - step
    this.cursor.hidden = distance < 0
    super.place(Math.max(0, distance), 0)
  }

  hover(event) {
    const at = this.under(event)
    if (!at) return this.stage.tip(null)
    const { state, payload } = this.stage
    const { arrays } = this.run
    const said = this.figure.layout.meta.line === "accuracy"
      ? [`${payload.strings.read}: ${this.counted(arrays[`read.${state}`].at(at.step))}`, `${payload.strings.guessed}: ${share(arrays.guessed.at(at.step))}`]
      : [exact(arrays[`arrives.${state}`].at(at.step))]
    this.stage.tip([`t − k = ${at.step}`, ...said], event)
  }

  /** A share with its interval in percent: the steps of one sequence hang on each other, and count once. @param {number} value */
  counted(value) {
    return `${share(value)} ${bracketed(value, { trials: this.run.tested })}`
  }

  // The distance is chosen for the state that stands; the earliest ones have not so many steps before.
  click(event) {
    const at = this.under(event)
    if (!at) return
    const row = Math.max(this.stage.row, at.step)
    this.stage.go(row - at.step, row)
  }
}

/** @extends {Stage<MemoryPayload>} */
export class MemoryStage extends Stage {
  styles() {
    return ["language/memory.css"]
  }

  content() {
    const { payload } = this
    this.run = payload.runs[0]
    this.state = payload.state
    this.row = this.run.steps - 1
    const [forgetting, vanishing, accuracy, gradient] = this.figures()
    this.triangles = [forgetting, vanishing].map((figure) => new Triangle(figure, this.run, this))
    this.lines = [accuracy, gradient].map((figure) => new ByDistance(figure, this.run, this))
    this.choices = element("div", { class: "rx-views rx-memory-choices" })
    this.about = element("p", { class: "rx-memory-about" })
    this.notices = element("div", {})
    this.asks = this.whichState()
    this.saids = [0, 1].map(() => element("p", { class: "rx-said", role: "status" }))
    this.found = element("div", { class: "rx-memory-found" })
    this.node.addEventListener("keydown", (event) => this.key(event))
    this.hops = this.hung()
    this.tell()
    const [left, right] = this.triangles.map((chart, n) => element("div", {}, chart.node, this.saids[n]))
    return [
      element("div", { class: "rx-memory-head" }, this.choices, this.asks), this.about, this.notices,
      element("div", { class: "rx-memory-pair" }, left, right),
      this.found,
      element("div", { class: "rx-memory-pair" }, ...this.lines.map((chart) => chart.node)),
      element("p", { class: "rx-memory-caution" }, typeset(payload.strings.caution)),
    ]
  }

  // The four figures of the chosen state.
  figures() {
    const at = 2 * this.payload.states.indexOf(this.state)
    return [...this.run.heatmaps.slice(at, at + 2), ...this.run.lines.slice(at, at + 2)]
  }

  // Under each token of the strip: what is read there.
  hung() {
    return this.strip.chips.map((chip) => chip.appendChild(element("span", { class: "rx-memory-read" })))
  }

  // The state that is asked: one up, one down.
  whichState() {
    const { strings } = this.payload
    const button = (text, label, by) =>
      element("button", { class: "rx-button", type: "button", text, "aria-label": label, title: label, onclick: () => this.ask(this.row + by) })
    this.rowLabel = element("output", { class: "rx-where" })
    return element("div", { class: "rx-memory-row" },
      button("▲", strings.row_up, -1), button("▼", strings.row_down, 1), this.rowLabel)
  }

  // What is said of the network as a whole, and what there is to choose.
  tell() {
    const { payload, run } = this
    const { strings } = payload
    const tab = (text, chosen, onclick) =>
      element("button", { class: "rx-tab", type: "button", "aria-pressed": String(chosen), text, onclick })
    const kinds = payload.runs.length > 1
      ? payload.runs.map((one) => tab(strings[`kind_${one.kind}`], one === run, () => this.choose(one, this.state)))
      : []
    const states = payload.states.length > 1
      ? payload.states.map((state) => tab(strings[`state_${state}`], state === this.state, () => this.choose(run, state)))
      : []
    const focused = [...this.choices.children].indexOf(document.activeElement)
    this.choices.replaceChildren(
      ...(kinds.length ? [element("span", { class: "rx-memory-of", text: strings.kinds }), ...kinds] : []),
      ...(states.length ? [element("span", { class: "rx-memory-of", text: strings.states }), ...states] : []))
    this.choices.hidden = !kinds.length && !states.length
    if (focused >= 0) /** @type {HTMLElement | undefined} */ (this.choices.children[focused])?.focus()
    this.about.textContent = [run.about, payload.bare ? strings.bare : ""].join(" ")
    this.notices.replaceChildren(...[run.notice].filter(Boolean).map((text) => element("p", { class: "rx-notice", role: "status", text })))
    const [numbers, meaning] = run.said[this.state]
    this.found.replaceChildren(
      element("span", { text: numbers }), " ", element("b", { text: meaning ?? "" }))
  }

  // Another kind of sequence, or another state: the same charts with other numbers.
  async choose(run, state) {
    const other = run !== this.run
    if (state !== this.state) this.act({ shade: state, step: String(this.step + 1) })
    Object.assign(this, { run, state })
    if (other) this.rethread()
    await this.redraw()
  }

  // The strip of another sequence.
  rethread() {
    const { node } = this.strip
    this.transport.payload = { ...this.payload, runs: [this.run] }
    this.strip = new Strip(this.transport.payload, (k) => this.transport.jump(k))
    this.hops = this.hung()
    node.replaceWith(this.strip.node)
    this.strip.measure()
  }

  async redraw() {
    this.tell()
    const figures = this.figures()
    await Promise.all(this.charts().map((chart, n) => chart.take(figures[n], this.run)))
    this.update()
  }

  // The same sequences with another network or another state.
  async take(payload) {
    const same = (of) => JSON.stringify([of.lang, of.runs.map((run) => [run.kind, run.tokens])])
    if (!this.node.dataset.ready || same(payload) !== same(this.payload)) return false
    const run = payload.runs.find((one) => one.kind === this.run.kind)
    Object.assign(this, { payload, run, state: payload.state })
    this.transport.payload = { ...payload, runs: [run] }
    await this.redraw()
    this.node.dataset.ready = payload.id
    return true
  }

  charts() {
    return [...this.triangles, ...this.lines]
  }

  get chosenRow() {
    return this.row
  }

  // A click on a triangle chooses both the token and the state.
  go(step, row) {
    if (row !== undefined) this.row = row
    this.step = Math.max(0, Math.min(this.run.steps - 1, step))
    this.update()
    this.rest()
  }

  ask(row) {
    this.row = Math.max(0, Math.min(this.run.steps - 1, row))
    this.update()
  }

  key(event) {
    if (event.defaultPrevented || !(event.key in UP_DOWN) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    if (event.target.closest("input, select")) return
    event.preventDefault()
    this.ask(this.row + UP_DOWN[event.key])
  }

  update() {
    const { step, row, run, state } = this
    const { strings } = this.payload
    this.strip.show(step)
    this.transport.show(step)
    for (const chart of this.charts()) chart.place(step)
    this.rowLabel.replaceChildren(typeset(strings.row, { s: state, t: row + 1, total: run.steps }))
    this.showRead()
    this.sayPair()
    this.node.dataset.step = String(step + 1)
    this.node.dataset.unit = String(this.unit + 1)
    this.node.dataset.row = String(row + 1)
  }

  // What the probe reads from the chosen state, under every token so far.
  showRead() {
    const { ids } = this.run.arrays
    const guess = this.run.arrays[`guess.${this.state}`]
    this.hops.forEach((hop, k) => {
      const id = k <= this.row ? guess.at(this.row, k) : -1
      const right = id >= 0 && id === ids.at(k)
      hop.textContent = id < 0 ? "" : `${right ? "✓" : "✗"} ${this.run.names[id]}`
      hop.classList.toggle("rx-memory-right", right)
    })
  }

  sayPair() {
    const { run, step, row, state, payload: { strings } } = this
    const values = { k: step + 1, t: row + 1, s: state, n: run.tested, token: run.tokens[step].label }
    if (step > row) {
      this.saids[0].replaceChildren(typeset(strings.ahead, values))
      this.saids[1].textContent = fill(strings.ahead_back, values)
      return
    }
    const { ids, baseline, [`guess.${state}`]: guess, [`accuracy.${state}`]: accuracy, [`norm.${state}`]: norm } = run.arrays
    const [low, high] = between(accuracy.at(row, step), { trials: run.tested }) ?? ["NaN", "NaN"]
    const id = guess.at(row, step)
    this.saids[0].replaceChildren(id < 0 ? typeset(strings.unread, values) : typeset(strings.pair, {
      ...values,
      read: run.names[id],
      verdict: id === ids.at(step) ? strings.right : strings.wrong,
      low,
      high,
      share: share(accuracy.at(row, step)),
      guess: share(baseline.at(step)),
    }))
    this.saids[1].replaceChildren(typeset(strings.pair_back, { ...values, value: number(norm.at(row, step)) }))
  }
}

function share(value) {
  return Number.isFinite(value) ? percent(value).replaceAll(" ", "\u00a0") : "NaN" // no break before the sign
}
