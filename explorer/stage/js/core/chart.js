// Plotly charts drawn once, with a cursor laid over them: moving it costs one transform a chart.

/** @import { PlotlyModule, PlotNode } from "../browser.js" */
/** @import { Figure, Run, Strings, Trace } from "../types.js" */
/** @import { Stage } from "./base.js" */

import { element } from "./dom.js"
import { typeset } from "./maths.js"
import { ends, exact, fill } from "./numbers.js"
import { ofSignal } from "./payload.js"
import { tableButton } from "./table.js"

export const CONFIG = { displayModeBar: false, responsive: false, doubleClick: false, scrollZoom: false }

// One chart in a card with a title, a cursor over the current step and, on heatmaps, one over the unit.
/** @template {Run & { signals?: { symbol: string; name: string }[] }} [R=Run] @template {Stage<any>} [S=Stage<any>] */
export class Chart {
  /** @param {Figure} figure @param {R} run @param {S} stage */
  constructor(figure, run, stage) {
    this.figure = figure
    this.run = run
    this.stage = stage
    this.columns = figure.layout.meta.columns ?? run.steps
    this.offset = this.columns - run.steps // columns before the first step, e.g. for the initial state
    this.heat = figure.data.find((trace) => trace.type === "heatmap")
    /** The units that its rows stand for, from the top; null where all do, in their order. @type {number[] | null} */
    this.units = figure.layout.meta.units ?? null
    this.waits = false // whether it is drawn only once it is in sight
    this.cursor = element("div", { class: "rx-cursor" })
    /** Whether it is small, beside one that leads. */
    this.quiet = false
    this.rowCursor = this.heat ? element("div", { class: "rx-row-cursor" }) : null
    this.plot = /** @type {PlotNode} */ (element("div", { class: "rx-plot", "aria-hidden": "true" }))
    this.title = element("figcaption", { class: "rx-title" })
    this.node = element(
      "figure", { class: this.heat ? "rx-chart rx-heat" : "rx-chart rx-line" },
      this.title, this.canvas(),
      tableButton(() => this.plot, () => this.title.textContent ?? "", stage.payload.strings),
    )
  }

  canvas() {
    return element("div", {
      class: "rx-canvas",
      ...(this.heat ? { tabindex: 0, role: "group", "aria-label": this.stage.payload.strings.heatmap_keys, onkeydown: (event) => this.key(event) } : {}),
      onpointermove: (event) => this.hover(event),
      onpointerleave: () => this.stage.tip(null),
      onclick: (event) => this.click(event),
    }, this.plot, this.cursor, this.rowCursor)
  }

  /** Draws at once what is in sight and what may not wait; the rest once it comes into sight. @param {PlotlyModule} Plotly */
  async draw(Plotly) {
    this.Plotly = Plotly
    this.dress()
    if (!this.waits || inSight(this.plot.getBoundingClientRect(), innerHeight)) return this.plotted()
    this.sight = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.plotted())
    this.sight.observe(this.plot)
  }

  /** Draws it, if it waits: whoever prints or takes a picture sees all of it. */
  async whole() {
    if (this.Plotly && !this.there) await this.plotted()
  }

  /** Whether Plotly has drawn it. */
  get there() {
    return Boolean(this.plot._fullLayout)
  }

  async plotted() {
    this.sight?.disconnect()
    await this.Plotly.newPlot(this.plot, this.data(), this.layout(), CONFIG)
    this.plot.on("plotly_afterplot", () => this.measure())
    this.measure()
  }

  /** The same axes with other numbers: cheaper than a new plot. @param {Figure} figure @param {R} run */
  async take(figure, run) {
    Object.assign(this, { figure, run })
    this.heat = figure.data.find((trace) => trace.type === "heatmap")
    this.units = figure.layout.meta.units ?? null
    if (!this.Plotly) return // not drawn
    this.dress()
    if (!this.there) return
    await this.Plotly.react(this.plot, this.data(), this.layout(), CONFIG)
    this.measure()
  }

  dress() {
    const { hues } = this.stage.theme
    const { meta } = this.figure.layout
    this.title.replaceChildren()
    if (this.heat) {
      const { signal, hue } = this.heat.meta
      const name = this.run.signals.find((s) => s.symbol === signal).name
      this.title.append(
        element("span", { class: "rx-letter", text: signal, style: `background:${hues[hue]};color:${this.stage.theme.ground}` }),
        element("span", { class: "rx-name", text: name }),
        ...(this.units ? [element("span", { class: "rx-range", text: fill(this.stage.payload.strings.units_drawn, { n: this.units.length, all: this.run.units }) })] : []),
        element("span", { class: "rx-range", text: ends(meta.range) }),
      )
      return
    }
    this.title.append(element("span", { class: "rx-name" }, typeset(meta.title)))
    for (const trace of this.figure.data) {
      if (!trace.meta?.hue || !trace.name || trace.opacity) continue
      const mark = element("span", { class: `rx-key${trace.line.dash === "dot" ? " rx-dot" : ""}`, style: `color:${hues[trace.meta.hue]}` }, typeset(trace.name))
      this.title.append(mark)
    }
    if (this.figure.data.some((trace) => trace.opacity)) this.title.append(element("span", { class: "rx-range", text: this.stage.payload.strings.pale }))
  }

  /** @returns {Trace[]} */
  data() {
    const { theme } = this.stage
    return this.figure.data.map((trace) => {
      if (trace.type === "heatmap") {
        const { z, colorscale, zmin, zmax } = this.coloured()
        return { ...trace, z, colorscale, ...(this.shown ? { zmin, zmax } : {}) }
      }
      const colour = theme.hues[trace.meta?.hue ?? "ink"]
      return { ...trace, line: { ...trace.line, color: colour }, marker: { ...trace.marker, color: colour } }
    })
  }

  /** @returns {Record<string, any>} */
  layout() {
    const { theme, fontSize } = this.stage
    const { width, height } = this.plot.getBoundingClientRect()
    const axis = { gridcolor: theme.grid, linecolor: theme.grid }
    const { layout } = this.figure
    const { size, color, below, steps } = this.quiet ? this.small() : { size: fontSize, color: theme.hues.ink, below: Math.round(1.55 * fontSize), steps: {} }
    return {
      ...layout, width: Math.floor(width), height: Math.floor(height),
      margin: { ...layout.margin, b: below },
      font: { color, size, family: getComputedStyle(this.stage.node).fontFamily },
      xaxis: { ...layout.xaxis, ...axis, ...steps }, yaxis: { ...layout.yaxis, ...axis },
    }
  }

  /** Beside one that leads: its steps are numbered as in the strip, and thinned out where they are many. */
  small() {
    const size = Math.max(11, Math.round(0.8 * this.stage.fontSize))
    return { size, color: this.stage.theme.hues.x, below: size + 5, steps: { ticktext: this.figure.layout.xaxis.tickvals } }
  }

  /** The heatmap's rows (units) of a run; of the difference to another run where one is given. @param {R} run @param {R?} [other] */
  rows(run, other = null) {
    const take = (/** @type {R} */ of) => ofSignal(of, this.heat.meta.signal)
    const [a, b] = [take(run), other && take(other)]
    return Array.from({ length: this.units?.length ?? run.units }, (_, row) => {
      const j = this.units ? this.units[row] : row
      return Float64Array.from({ length: run.steps }, (__, t) => a(t, j) - (b ? b(t, j) : 0))
    })
  }

  /** How many rows it draws. */
  get height() {
    return this.units?.length ?? this.run.units
  }

  /** The row of a unit; −1 where it is not drawn. @param {number} unit */
  rowWith(unit) {
    return this.units ? this.units.indexOf(unit) : unit < this.run.units ? unit : -1
  }

  /** A heatmap's values and their colours: of its own run, or of what it was last asked to show. */
  coloured() {
    const { run, other } = this.shown ?? { run: this.run, other: null }
    const z = this.rows(run, other)
    const { theme } = this.stage
    if (other) {
      const most = Math.max(...z.map((row) => row.reduce((m, v) => Math.max(m, Math.abs(v)), 0))) || 1
      return { z, zmin: -most, zmax: most, colorscale: theme.signed }
    }
    const [zmin, zmax] = this.figure.layout.meta.range ?? []
    return { z, zmin, zmax, colorscale: this.heat.meta.role === "gate" ? theme.gates[this.heat.meta.hue] : theme.signed }
  }

  /** Shows another run's values, or the difference to one on a signed scale. @param {R} run @param {R?} [other] */
  async paint(run, other = null) {
    if (!this.Plotly) return // not drawn
    this.shown = { run, other }
    const { z, zmin, zmax, colorscale } = this.coloured()
    this.title.querySelector(".rx-range").textContent = ends([zmin, zmax])
    if (this.there) await this.Plotly.restyle(this.plot, { z: [z], zmin, zmax, colorscale: [colorscale] }, [0])
  }

  measure() {
    const layout = this.plot._fullLayout
    if (!layout) return
    const { xaxis, yaxis } = layout
    this.left = xaxis._offset
    this.width = xaxis._length / this.columns
    this.cursor.style.width = `${this.width}px`
    this.cursor.style.top = `${yaxis._offset}px`
    this.cursor.style.height = `${yaxis._length}px`
    if (this.rowCursor) {
      this.rowHeight = yaxis._length / this.height
      this.top = yaxis._offset
      this.rowCursor.style.left = `${xaxis._offset}px`
      this.rowCursor.style.width = `${xaxis._length}px`
      this.rowCursor.style.height = `${this.rowHeight}px`
    }
    this.place(this.stage.step, this.stage.chosenRow)
  }

  /** @param {number} step @param {number} [unit] */
  place(step, unit) {
    if (this.width === undefined) return
    this.cursor.style.transform = `translateX(${this.left + (step + this.offset) * this.width}px)`
    if (!this.rowCursor || unit === undefined || unit >= this.run.units) return
    const row = this.rowWith(unit)
    this.rowCursor.hidden = row < 0
    this.rowCursor.style.transform = `translateY(${this.top + row * this.rowHeight}px)`
  }

  /** The step and unit under the pointer, or null beside the plot. @param {PointerEvent | MouseEvent} event @returns {{ step: number, unit?: number } | null} */
  under(event) {
    const box = this.plot.getBoundingClientRect()
    const step = Math.floor((event.clientX - box.left - this.left) / this.width) - this.offset
    if (!(step >= -this.offset && step < this.run.steps)) return null
    if (!this.heat) return { step }
    const row = Math.floor((event.clientY - box.top - this.top) / this.rowHeight)
    return row >= 0 && row < this.height ? { step, unit: this.units ? this.units[row] : row } : null
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const at = this.under(event)
    if (!at) return this.stage.tip(null)
    const { strings, firstStep } = this.stage.payload
    const head = `t = ${at.step + firstStep}  ${this.run.tokens[at.step]?.label ?? ""}`
    this.stage.tip([head, ...this.lines(at, strings)], event)
  }

  /** What is said of a place. @param {{ step: number, unit?: number }} at @param {Strings} strings @returns {(string | Node)[]} */
  lines({ step, unit }, strings) {
    if (!this.heat) {
      const own = this.figure.data.filter((trace) => trace.name && !trace.opacity)
      return own.map((trace) => typeset(`${trace.name} = ${exact(trace.y[step + this.offset])}`))
    }
    const { signal } = this.heat.meta
    const { run, other } = this.shown ?? { run: this.run, other: null }
    const value = ofSignal(run, signal)(step, unit) - (other ? ofSignal(other, signal)(step, unit) : 0)
    return [`${fill(strings.unit_n, { n: unit + 1 })}  ${other ? "Δ" : ""}${signal} = ${exact(value)}`]
  }

  /** Up and down move the row; left and right, as everywhere, the step. @param {KeyboardEvent} event */
  key(event) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (!by) return
    event.preventDefault()
    const row = Math.max(0, Math.min(this.height - 1, this.rowWith(this.stage.chosenRow) + by))
    this.stage.go(this.stage.step, this.units ? this.units[row] : row)
  }

  /** What is read out of a place. @param {{ step: number, unit: number }} at @returns {string[]} */
  said(at) {
    if (!this.heat || at.unit >= this.run.units) return []
    return this.lines(at, this.stage.payload.strings).map((line) => (typeof line === "string" ? line : line.textContent ?? ""))
  }

  /** @param {MouseEvent} event */
  click(event) {
    const at = this.under(event)
    if (at) this.stage.go(at.step, at.unit)
  }

  close() {
    this.sight?.disconnect()
    this.Plotly?.purge(this.plot)
  }
}

/** Whether a part of the window shows some of what stands there. @type {(at: Pick<DOMRect, "top" | "bottom">, height: number) => boolean} */
function inSight({ top, bottom }, height) {
  return top < height && bottom > 0
}
