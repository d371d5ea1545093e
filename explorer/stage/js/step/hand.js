// Be the gate: f, i and o of one unit are drawn over time, and what it then holds and says is counted at once.
// Nothing of it goes to the server.

/** @import { PlotlyModule, PlotNode } from "../browser.js" */
/** @import { HandData } from "../types.js" */
/** @import { Gates } from "./unit.js" */

import { element } from "../core/dom.js"
import { loadPlotly, loadStyle } from "../core/load.js"
import { fill, minus, number } from "../core/numbers.js"
import { tableButton } from "../core/table.js"
import { clipped, held, stroke } from "./unit.js"

const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, scrollZoom: false }
const NAMES = /** @type {const} */ (["f", "i", "o"])
const START = 0.5
const LEARNED = [4, 5, 6, 7] // the traces of what was learned

/** @typedef {HTMLElement & { rxHand?: Hand }} Place */

/** What was drawn in this window, by the numbers that were read. @type {Map<string, Gates>} */
const kept = new Map()

class Hand {
  /** @param {HandData} data @param {PlotlyModule} Plotly */
  constructor(data, Plotly) {
    this.data = data
    this.Plotly = Plotly
    this.at = { row: 1, step: 0 }
    /** @type {{ row: number, step: number, value: number } | null} */
    this.last = null
    this.shown = false
    this.plot = /** @type {PlotNode} */ (element("div", { class: "rx-hand-plot", "aria-hidden": "true" }))
    this.spoken = element("div", { class: "rx-hand-said", role: "status" })
    this.scores = element("div", { class: "rx-hand-scores" })
    const { strings } = data
    this.reveal = element("button", { type: "button", text: strings.reveal, "aria-pressed": "false", onclick: () => this.show(!this.shown) })
    const again = element("button", { type: "button", text: strings.again, onclick: () => this.clear() })
    this.canvas = element("div", {
      class: "rx-hand-canvas", tabindex: 0, role: "application", "aria-label": strings.keys,
      onkeydown: (event) => this.key(event), onpointerdown: (event) => this.press(event),
      onpointermove: (event) => this.draw(event), onpointerup: () => (this.last = null), onpointercancel: () => (this.last = null),
    }, this.plot)
    this.node = element("figure", { class: "rx-hand" }, this.canvas, tableButton(() => this.plot, () => strings.title, /** @type {any} */ (strings)),
      this.spoken, element("div", { class: "rx-hand-buttons" }, this.reveal, again), this.scores)
    this.gates = kept.get(data.numbers.join()) ?? this.fresh()
  }

  /** @returns {Gates} */
  fresh() {
    const flat = () => this.data.numbers.map(() => START)
    return { f: flat(), i: flat(), o: flat() }
  }

  async open() {
    const { data, layout } = this.data.figure
    await this.Plotly.newPlot(this.plot, data, layout, CONFIG)
    this.update()
  }

  clear() {
    this.gates = this.fresh()
    this.update()
  }

  /** @param {boolean} shown */
  show(shown) {
    this.shown = shown
    this.reveal.setAttribute("aria-pressed", String(shown))
    this.reveal.textContent = shown ? this.data.strings.cover : this.data.strings.reveal
    this.Plotly.restyle(this.plot, { visible: shown }, LEARNED)
    this.score()
  }

  /** The gate, step and value under the pointer; null beside the rows of gates. @param {PointerEvent} event @param {number} [row] */
  under(event, row) {
    const layout = this.plot._fullLayout
    if (!layout) return null
    const box = this.plot.getBoundingClientRect()
    const { _offset: left, _length: width } = layout.xaxis
    const step = Math.floor(((event.clientX - box.left - left) / width) * this.data.numbers.length)
    const y = event.clientY - box.top
    const axes = [layout.yaxis, layout.yaxis2, layout.yaxis3]
    const found = row ?? axes.findIndex(({ _offset, _length }) => y >= _offset - 6 && y <= _offset + _length + 6)
    if (found < 0 || step < 0 || step >= this.data.numbers.length) return null
    return { row: found, step, value: clipped(1 - (y - axes[found]._offset) / axes[found]._length) }
  }

  /** @param {PointerEvent} event */
  press(event) {
    const at = this.under(event)
    if (!at) return
    this.canvas.setPointerCapture(event.pointerId)
    this.last = at
    this.set(at, at)
  }

  /** @param {PointerEvent} event */
  draw(event) {
    if (!this.last) return
    const at = this.under(event, this.last.row)
    if (!at) return
    this.set(this.last, at)
    this.last = at
  }

  /** @param {{ row: number, step: number, value: number }} from @param {{ row: number, step: number, value: number }} to */
  set(from, to) {
    const name = NAMES[to.row]
    this.gates[name] = stroke(this.gates[name], from, to)
    this.at = { row: to.row, step: to.step }
    this.later()
  }

  // A fast pointer draws once a frame.
  later() {
    this.drawing ||= requestAnimationFrame(() => {
      this.drawing = 0
      if (this.plot.isConnected) this.update()
    })
  }

  /** Left and right choose the step, up and down the value, f, i and o the gate. @param {KeyboardEvent} event */
  key(event) {
    const row = NAMES.indexOf(/** @type {any} */ (event.key.toLowerCase()))
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0
    const by = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key] ?? 0
    if ((row < 0 && !step && !by) || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    event.stopPropagation()
    if (row >= 0) this.at.row = row
    this.at.step = Math.max(0, Math.min(this.data.numbers.length - 1, this.at.step + step))
    const name = NAMES[this.at.row]
    const value = clipped(this.gates[name][this.at.step] + by)
    if (by) this.gates[name] = this.gates[name].map((before, t) => (t === this.at.step ? value : before))
    this.update()
  }

  update() {
    kept.set(this.data.numbers.join(), this.gates)
    const { c } = held(this.gates, this.data.numbers)
    const { row, step } = this.at
    const widths = NAMES.map((_, k) => this.data.numbers.map((__, t) => (k === row && t === step ? 3 : 0)))
    const bars = { y: [...NAMES.map((name) => this.gates[name]), c], "marker.line.width": [...widths, 0], "marker.line.color": this.data.figure.layout.font.color }
    const top = Math.max(1.3 * this.data.target, 1.1 * Math.max(...c)) // c stays in sight, whatever is drawn
    this.Plotly.update(this.plot, bars, { "yaxis4.range": [0, top] }, [0, 1, 2, 3])
    const name = NAMES[row]
    this.spoken.textContent = fill(this.data.strings.here, { gate: name, t: step + 1, x: number(this.data.numbers[step], 2), value: number(this.gates[name][step], 2) })
    this.score()
  }

  score() {
    const { strings, target, said: learned, answer, guess, numbers, unit } = this.data
    const { h } = held(this.gates, numbers)
    const rows = [[strings.you, h[h.length - 1]]]
    if (this.shown) rows.push([fill(strings.learned, { unit }), learned], [strings.network, answer], [strings.guess, guess])
    this.scores.replaceChildren(element("table", {}, element("thead", {}, line("th", ["", strings.says, strings.off])),
      element("tbody", {}, ...rows.map(([who, value]) => line("td", [String(who), said(Number(value)), said(Math.abs(Number(value) - target))])))),
    element("p", { text: fill(strings.sum, { target: number(target, 2) }) }))
  }

  close() {
    this.Plotly.purge(this.plot)
  }
}

/** Two digits behind the point, however small. @param {number} value */
function said(value) {
  return minus(value.toFixed(2))
}

/** @param {"th" | "td"} tag @param {string[]} cells */
function line(tag, cells) {
  return element("tr", {}, ...cells.map((text) => element(tag, { text })))
}

/** @type {(root: Place, data: HandData) => Promise<void>} */
export async function mountHand(root, data) {
  const [Plotly] = await Promise.all([loadPlotly(), loadStyle(), loadStyle("step/hand.css")])
  const hand = new Hand(data, Plotly)
  root.rxHand?.close()
  root.rxHand = hand
  root.replaceChildren(hand.node)
  await hand.open()
}

/** @type {(root: Place) => void} */
export function unmountHand(root) {
  root.rxHand?.close()
  delete root.rxHand
}
