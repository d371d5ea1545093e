// The charts of a race: skeletons from Python (see explorer/figures/race.py), filled from the race's log.

/** @import { PlotlyModule, PlotNode } from "../browser.js" */
/** @import { Figure, RaceData, RaceTheme, Trace } from "../types.js" */
/** @import { Course } from "./log.js" */
/** @import { RaceView } from "./race.js" */

import { rgb } from "../core/colours.js"
import { element, svg } from "../core/dom.js"
import { bracketed } from "../core/exact.js"
import { typeset } from "../core/maths.js"
import { exact, fill, number, tenTo } from "../core/numbers.js"
import { tableButton } from "../core/table.js"
import { middle, outlined, roomFor, thinned, ticks, uncovered } from "./axes.js"
import { said } from "./metric.js"

const CONFIG = { displayModeBar: false, responsive: false, doubleClick: false, scrollZoom: false }
const MOST_POINTS = 1500
const COLUMNS = 120
const ROWS = 140
const MOST_HOLES = 600
const FEW = 16 // checks up to which each has its marker
const LETTER = { family: '"STIX Two Math", "Cambria Math", Georgia, serif', style: "italic", weight: 700 }
const NOUGHT = -330 // a power of ten under every float64: it stands for 0
const DASHES = { solid: null, dash: "9 6", dot: "2.5 5", dashdot: "9 5 2.5 5", longdash: "15 6", longdashdot: "15 5 2.5 5" }

// A short stroke of a racer's line, as a key to the curves.
function stroke(dash, colour) {
  return svg("svg", { class: "rx-stroke", viewBox: "0 0 44 8", "aria-hidden": "true" },
    svg("line", { x1: 1, y1: 4, x2: 43, y2: 4, stroke: colour, "stroke-width": 4, "stroke-dasharray": DASHES[dash] }))
}

export class RaceChart {
  /** @param {Figure} figure @param {RaceView} view @param {string} kind */
  constructor(figure, view, kind) {
    this.figure = figure
    this.view = view
    this.seen = true
    this.often = 0 // milliseconds from one drawing to the next, at least
    this.at = -Infinity
    this.byX = false // its axis is that of the training, and its racers are told apart by colour
    this.plot = /** @type {PlotNode} */ (element("div", { class: "rx-plot" }))
    this.line = element("div", { class: "rx-race-cursor", hidden: "" })
    this.title = element("figcaption", { class: "rx-title" })
    this.node = element("figure", { class: `rx-chart rx-race-${kind}` }, this.title, element("div", {
      class: "rx-canvas",
      onpointermove: (event) => this.hover(event),
      onpointerleave: () => this.leave(),
    }, this.plot, this.line), tableButton(() => this.plot, () => this.title.textContent ?? "", /** @type {any} */ (view.payload.strings)))
  }

  /** @param {PlotlyModule} Plotly */
  async draw(Plotly) {
    this.Plotly = Plotly
    this.dress()
    this.drawn = this.version()
    await Plotly.newPlot(this.plot, this.data(), this.layout(), CONFIG)
  }

  /** What is drawn. @returns {Trace[]} */
  data() {
    return []
  }

  // What a drawing depends on; the same text, the same drawing.
  version() {
    return ""
  }

  /** What the pointer reads at a place. @param {{ x: number, y: number }} _at @returns {(string | Node)[] | null} */
  lines(_at) {
    return null
  }

  /** Whether there is something new to draw, and it is time to. @param {number} now */
  due(now) {
    return now - this.at >= this.often && this.version() !== this.drawn
  }

  paint(now = performance.now()) {
    this.at = now
    this.drawn = this.version()
    return this.Plotly.react(this.plot, this.data(), this.layout(), CONFIG)
  }

  dress() {
    this.title.replaceChildren(element("span", { class: "rx-name" }, typeset(this.figure.layout.meta.title)))
  }

  /** A curve has its racer's colour, anything else that of its hue. @param {Trace} trace */
  colour({ meta }) {
    const { hues, racers } = this.view.theme
    return this.byX ? racers[meta.racer] : hues[meta.hue]
  }

  /** A trace in the colours of the theme, with what it is to show. @param {Trace} trace @param {object} more @returns {Trace} */
  dressed(trace, more) {
    const colour = this.colour(trace)
    const { line, marker } = trace
    const worn = /** @type {Trace} */ ({ ...trace, ...more })
    if (line) worn.line = { ...line, color: colour }
    if (marker) worn.marker = { ...marker, color: colour }
    if (marker?.line) worn.marker.line = { ...marker.line, color: colour }
    return worn
  }

  layout() {
    const { theme, fontSize } = this.view
    const { layout } = this.figure
    const { width, height } = this.plot.getBoundingClientRect()
    const axis = { gridcolor: theme.grid, linecolor: theme.grid }
    const { x, y } = this.axes()
    return {
      ...layout, width: Math.floor(width), height: Math.floor(height),
      margin: { ...layout.margin, t: Math.round(0.75 * fontSize), r: Math.round(1.4 * fontSize), b: Math.round(1.6 * fontSize) },
      font: { color: theme.hues.ink, size: fontSize, family: this.view.font },
      xaxis: { ...layout.xaxis, ...axis, ...x },
      yaxis: { ...layout.yaxis, ...axis, ...y },
      shapes: layout.shapes?.map((shape) => ({ ...shape, line: { ...shape.line, color: theme.hues[shape.name] } })),
      annotations: this.notes().map((note) => ({ ...note, bgcolor: `${theme.ground}a0`, font: { color: theme.hues[note.name], size: fontSize, ...note.font } })),
    }
  }

  /** Words in the plot, each named after its hue. @returns {any[]} */
  notes() {
    return this.figure.layout.annotations?.map((note) => ({ ...note, font: undefined })) ?? []
  }

  /** What the axes are told besides. @returns {{ x: object, y: object }} */
  axes() {
    return { x: {}, y: {} }
  }

  /** What the pointer is over, in the numbers of the axes; null beside the plot. @param {PointerEvent} event */
  under(event) {
    const full = this.plot._fullLayout
    if (!full) return null
    const box = this.plot.getBoundingClientRect()
    const at = (axis, pixel) => axis.range[0] + ((axis.range[1] - axis.range[0]) * (pixel - axis._offset)) / axis._length
    const [left, top] = [event.clientX - box.left, event.clientY - box.top]
    const { xaxis, yaxis } = full
    if (left < xaxis._offset || left > xaxis._offset + xaxis._length) return null
    if (top < yaxis._offset || top > yaxis._offset + yaxis._length) return null
    return { x: at(xaxis, left), y: yaxis.range[1] + yaxis.range[0] - at(yaxis, top) }
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const at = this.under(event)
    const lines = at && this.lines(at)
    this.view.tip(lines, event)
    if (lines) this.view.point(this, at.x)
    else this.view.point(null)
  }

  leave() {
    this.view.tip(null)
    this.view.point(null)
  }

  /** Draws the line of the pointer at x, or takes it away. @param {number | null} x */
  mark(x) {
    const axis = this.plot._fullLayout?.xaxis
    const inside = axis && x !== null && x >= axis.range[0] && x <= axis.range[1]
    this.line.hidden = !inside
    if (!inside) return
    const { _offset, _length } = this.plot._fullLayout.yaxis
    const left = axis._offset + (axis._length * (x - axis.range[0])) / (axis.range[1] - axis.range[0])
    this.line.style.cssText = `top:${_offset}px;height:${_length}px;transform:translateX(${left}px)`
  }

  close() {
    if (this.Plotly) this.Plotly.purge(this.plot)
  }
}

// Loss, metric or gradient norm of all racers, by step or by CPU second.
export class Curves extends RaceChart {
  /** @param {Figure} figure @param {RaceView} view @param {"loss" | "metric" | "norm"} kind */
  constructor(figure, view, kind) {
    super(figure, view, "curves")
    this.kind = kind
    this.byX = true
    this.log = figure.layout.yaxis.type === "log"
    /** @type {[low: number, high: number] | undefined} powers of ten that its own curves need */
    this.own = undefined
    this.node.classList.add(`rx-race-${kind}`)
  }

  dress() {
    super.dress()
    const { strings, mean } = this.view.payload
    if (this.kind === "loss") this.title.append(element("span", { class: "rx-race-aside", text: fill(strings.mean_note, { n: mean }) }))
    this.bands = this.figure.layout.meta.bands ? element("span", { class: "rx-race-aside", text: strings.bands }) : null
    if (this.bands) this.title.append(this.bands)
  }

  data() {
    const { bySecond } = this.view
    if (this.bands) {
      this.bands.hidden = bySecond || !this.view.furthest
      this.bands.textContent = this.view.payload.strings[this.view.finished ? "bands" : "bands_so_far"]
    }
    this.low = Infinity
    this.high = -Infinity
    return this.figure.data.map((trace) => {
      const { racer, role } = trace.meta
      const course = this.view.log.racers[racer]
      if (role.startsWith("band")) return this.band(trace, bySecond)
      if (!course) return this.dressed(trace, {})
      if (role === "broken") return this.dressed(trace, this.broken(course))
      if (role === "metric") return this.dressed(trace, this.checks(course, trace))
      return this.dressed(trace, this.steps(course, role))
    })
  }

  version() {
    const { log, end, bySecond } = this.view
    const { finished } = this.view
    const sizes = log.courses.map((course) => (this.kind === "metric" ? course.checks.length : course.version))
    return [this.view.stream.number, end, bySecond, finished, ...sizes, ...this.shared()].join()
  }

  // Loss and error on held-out data are one quantity where they are: the two axes then run alike.
  shared() {
    if (this.kind === "norm" || this.view.payload.facts.metric !== "error") return this.own ?? []
    const found = this.view.lines.map((chart) => chart.own).filter((own, n) => own && n < 2)
    return found.length ? [Math.min(...found.map(([low]) => low)), Math.max(...found.map(([, high]) => high))] : []
  }

  /** A column of a course that this chart draws: every step's values, or their means. @param {Course} course @param {string} [role] @returns {(number | null)[]} */
  column(course, role = "raw") {
    const kind = this.kind === "norm" ? "norm" : "loss"
    return role === "mean" ? course.means[kind] : course[kind]
  }

  // Up to where the racer is; whole once the race is over.
  band(trace, bySecond) {
    const { end, finished, log } = this.view
    const last = finished ? Infinity : (log.racers[trace.meta.racer]?.step ?? 0)
    const y = uncovered(trace.x, trace.y, last).map((value) => (value !== null && (value > 0 || !this.log) ? value : null))
    const [r, g, b] = rgb(this.colour(trace))
    trace.x.forEach((x, k) => x <= end && this.span(y[k]))
    return this.dressed(trace, { y, visible: !bySecond, fillcolor: `rgba(${r},${g},${b},0.16)` })
  }

  /** @param {Course} course @param {Trace} trace */
  checks(course, trace) {
    const { bySecond } = this.view
    const y = course.checks.map((check) => this.shown(check.value))
    y.forEach((value) => this.span(value))
    return {
      x: course.checks.map((check) => (bySecond ? check.seconds : check.step)), y,
      mode: this.view.log.courses.some((one) => one.checks.length > FEW) ? "lines" : trace.mode,
    }
  }

  /** Past MOST_POINTS a thick line takes one of some neighbours, a thin one their lowest and highest. @param {Course} course @param {string} role */
  steps(course, role) {
    const values = this.column(course, role)
    const at = role === "mean" ? (k) => middle(k, course.window) : (k) => k
    const place = this.view.bySecond ? (k) => course.seconds[Math.round(at(k))] : (k) => at(k) + 1
    const shown = role === "mean" ? thinned(values, MOST_POINTS) : outlined(values, MOST_POINTS)
    const y = shown.map((k) => this.shown(values[k]))
    y.forEach((value) => this.span(value))
    return { x: shown.map(place), y }
  }

  shown(value) {
    return value === null || (this.log && value <= 0) ? null : value
  }

  span(value) {
    if (value === null || value === undefined) return
    this.low = Math.min(this.low, value)
    this.high = Math.max(this.high, value)
  }

  /** A cross where a curve's numbers ceased to be finite, at the height of the last that was. @param {Course} course */
  broken(course) {
    const k = this.column(course).indexOf(null)
    if (k < 0) return { x: [], y: [] }
    const last = k > 0 ? this.column(course, "mean")[k - 1] : 1
    return { x: [this.view.bySecond ? course.seconds[k] : k + 1], y: [last > 0 || !this.log ? last : 1] }
  }

  axes() {
    const x = { range: [0, this.view.end], nticks: 6, tickformat: this.view.bySecond ? "" : ",d" }
    if (!this.log) return { x, y: {} }
    if (this.low > this.high) [this.low, this.high] = [0.1, 1]
    let low = Math.floor(Math.log10(this.low) * 4 - 0.3) / 4
    let high = Math.ceil(Math.log10(this.high) * 4 + 0.3) / 4
    const label = Math.min(0.4, (1.5 * this.view.fontSize) / (this.plot.clientHeight - 2.2 * this.view.fontSize))
    for (const { y, yanchor } of this.figure.layout.annotations ?? []) {
      if (yanchor === "bottom") high = Math.max(high, (y - label * low) / (1 - label))
      else low = Math.min(low, (y - label * high) / (1 - label))
    }
    this.own = [low, high]
    const [least, most] = this.shared()
    return { x, y: { range: [least, most], ...ticks(least, most, 6) } }
  }

  /** @param {{ x: number, y: number }} at */
  lines({ x }) {
    const { bySecond, payload, log } = this.view
    const { strings, racers } = payload
    const head = bySecond ? fill(strings.at_second, { n: x.toFixed(2) }) : fill(strings.at_step, { n: this.view.count(Math.round(x)) })
    const found = racers.map((racer) => {
      const course = log.racers[racer.index]
      const at = bySecond ? x : Math.round(x)
      const k = course ? course.indexAt(at, bySecond) : -1
      if (k < 0 || at > (bySecond ? course.spent : course.step)) return null
      const text = this.value(course, k)
      return text && `${racer.label}  ${text}`
    })
    return [head, ...found.filter(Boolean)]
  }

  /** @param {Course} course @param {number} k */
  value(course, k) {
    const whole = (value) => (value === null ? "NaN" : exact(value))
    if (this.kind === "metric") {
      const check = course.checks.findLast((one) => one.step <= k + 1)
      if (!check || this.log) return check && whole(check.value)
      const { facts } = this.view.payload
      return `${said(check.value, 4, facts)} ${bracketed(check.value, facts)}`.trim()
    }
    const means = this.column(course, "mean")
    const mean = means[Math.min(means.length - 1, k + (course.window >> 1))] // as it is drawn: around the step
    return `${whole(this.column(course)[k])}  (${mean === null ? "NaN" : number(mean)})`
  }
}

// How far back the gradient reaches in one racer: columns training steps, rows source steps k.
export class PowerMap extends RaceChart {
  /** @param {Figure} figure @param {RaceView} view */
  constructor(figure, view) {
    super(figure, view, "power")
    this.racer = figure.layout.meta.racer
    this.often = 500
    this.T = figure.layout.meta.steps
  }

  dress() {} // it stands in its racer's lane

  get course() {
    return this.view.log.racers[this.racer]
  }

  // All maps of a race end alike: with room to run while it does, then where the furthest racer ended.
  get end() {
    const { furthest, over, payload } = this.view
    const room = over ? furthest : roomFor(1.03 * furthest, 50)
    return Math.max(1, Math.min(room, Math.max(...payload.racers.map((racer) => racer.budget))))
  }

  data() {
    const [heat, holes] = this.figure.data
    const every = Math.ceil((this.T + 1) / ROWS)
    const rows = Array.from({ length: Math.ceil((this.T + 1) / every) }, (_, r) => r * every)
    const wide = this.end / COLUMNS
    const looks = Array.from({ length: COLUMNS }, (_, c) => this.lookIn((c + 1) * wide, wide))
    const z = rows.map((k) => looks.map((look) => look?.power[k] ?? null))
    return [
      { ...heat, z, x0: wide / 2, dx: wide, y0: (every - 1) / 2, dy: every, colorscale: this.view.theme.magnitude },
      this.dressed(holes, this.holes(looks, wide, every)),
    ]
  }

  version() {
    return [this.view.stream.number, this.end, this.course?.looks.length, this.course?.looks.at(-1)?.step].join()
  }

  // The look that a column shows: the latest one that was made before the column ends.
  lookIn(end, wide) {
    const { course } = this
    return course && end - wide <= Math.max(course.step, 0.5) ? course.lookAt(end) : undefined
  }

  holes(looks, wide, every) {
    const [x, y] = [[], []]
    looks.forEach((look, c) => {
      if (!look || c % 3 !== 1) return
      look.power.forEach((power, k) => {
        if (power !== null || k % (every * 4) !== 0) return
        x.push((c + 0.5) * wide)
        y.push(k)
      })
    })
    const thin = Math.ceil(x.length / MOST_HOLES)
    return { x: x.filter((_, n) => n % thin === 0), y: y.filter((_, n) => n % thin === 0) }
  }

  axes() {
    return { x: { range: [0, this.end], nticks: 4, tickformat: ",d" }, y: {} }
  }

  /** @param {{ x: number, y: number }} at */
  lines({ x, y }) {
    const { strings, facts } = this.view.payload
    const wide = this.end / COLUMNS
    const look = this.lookIn((Math.floor(x / wide) + 1) * wide, wide)
    const k = Math.max(0, Math.min(this.T, Math.round(y)))
    if (!look) return null
    const power = look.power[k]
    const size = power === null ? strings.power_hole : power <= NOUGHT ? "0" : tenTo(power)
    const label = k ? facts.labels[k - 1] : ""
    return [fill(strings.looked, { n: this.view.count(look.step) }), `k = ${k}  ${label}`, typeset(`‖d<i>L</i>/d<i>h</i><sub>k</sub>‖ = ${size}`)]
  }
}

// Each gate's mean over the units by time step, as the latest look found it.
export class Gates extends RaceChart {
  /** @param {Figure} figure @param {RaceView} view */
  constructor(figure, view) {
    super(figure, view, "gates")
    this.racer = figure.layout.meta.racer
    this.often = 500
  }

  dress() {
    this.title.replaceChildren(...nameplate(this.racer, this.view))
  }

  // Each gate's letter behind the end of its line, apart from the others.
  notes() {
    const ends = this.filled().map(({ name, meta, y }) => ({ name: meta.hue, text: name, y: y[y.length - 1] }))
    const shown = ends.filter((end) => end.y !== undefined).sort((a, b) => a.y - b.y)
    const gap = (1.05 * 1.08 * this.view.fontSize) / Math.max(40, this.plot.clientHeight - 2.4 * this.view.fontSize)
    shown.forEach((end, k) => {
      if (k) end.y = Math.max(end.y, shown[k - 1].y + gap)
    })
    const over = (shown.at(-1)?.y ?? 0) - 1.04
    if (over > 0) for (const end of shown) end.y -= over
    return shown.map((end) => ({ ...end, x: 1, xref: "paper", xanchor: "left", xshift: 3, yanchor: "middle", showarrow: false, font: LETTER }))
  }

  get look() {
    return this.view.log.racers[this.racer]?.looks.at(-1)
  }

  version() {
    return [this.view.stream.number, this.look?.step].join()
  }

  /** @returns {Trace[]} */
  filled() {
    const { look } = this
    return this.figure.data.map((trace) => {
      const mean = look?.gates[trace.meta.gate] ?? []
      const y = trace.meta.flip ? mean.map((value) => 1 - value) : mean
      return { ...trace, x: y.map((_, t) => t + 1), y }
    })
  }

  data() {
    return this.filled().map((trace) => this.dressed(trace, {}))
  }

  /** @param {{ x: number, y: number }} at */
  lines({ x }) {
    const { look } = this
    const t = Math.round(x)
    if (!look || t < 1 || t > this.figure.layout.meta.steps) return null
    const values = this.figure.data.map((trace) => {
      const value = look.gates[trace.meta.gate]?.[t - 1]
      return value === undefined ? null : `${trace.name} = ${exact(Number((trace.meta.flip ? 1 - value : value).toFixed(2)))}`
    })
    const { strings, facts } = this.view.payload
    return [fill(strings.looked, { n: this.view.count(look.step) }), `t = ${t}  ${facts.labels[t - 1] ?? ""}`, ...values.filter(Boolean)]
  }
}

/** A racer's stroke and label, in its colour. @type {(index: number, view: { payload: RaceData, theme: RaceTheme }) => Element[]} */
export function nameplate(index, { payload, theme }) {
  const { dash, label } = payload.racers[index]
  const colour = theme.racers[index]
  return [stroke(dash, colour), element("span", { class: "rx-name", style: `color:${colour}`, title: label, text: label })]
}
