// The cell as textbooks draw it, its wires and nodes carrying the values of the current step and unit.

/** @import { WalkRun } from "../types.js" */
/** @import { Source } from "./sources.js" */
/** @import { WalkStage } from "./walk.js" */

import { along, ramp } from "../core/colours.js"
import { pressable, svg } from "../core/dom.js"
import { fill, number, percent, short } from "../core/numbers.js"
import { ofSignal } from "../core/payload.js"
import { Evaluator } from "./expression.js"
import { largest } from "./grid.js"

const SCALE = 6
const LONGEST = 12 // signs of a token beside x or y

export class Drawing {
  /** @param {WalkRun} run @param {WalkStage<any>} stage */
  constructor(run, stage) {
    this.run = run
    this.stage = stage
    this.evaluator = new Evaluator(run)
    const height = Math.max(59, ...run.diagram.nodes.map(({ y }) => y)) + 5
    this.node = svg("svg", { class: "rx-drawing", viewBox: `${-SCALE} 0 ${103 * SCALE} ${height * SCALE}`, preserveAspectRatio: "xMaxYMid meet", role: "group",
      "aria-label": stage.payload.strings.drawing })
    const { hues, ground } = stage.theme
    this.ramps = Object.fromEntries(run.signals.map((s) =>
      [s.symbol, ramp(s.role === "gate" ? stage.theme.gates[s.hue] : stage.theme.signed)]))
    this.ranges = Object.fromEntries(run.heatmaps.map((f) => [f.data[0].meta.signal, f.layout.meta.range]))
    /** The units that its strips have cells of, as the heatmaps have rows. @type {number[] | null} */
    this.units = run.heatmaps[0]?.layout.meta.units ?? null
    this.moving = []
    this.strips = []
    this.node.append(svg("rect", { class: "rx-cell-ground", x: 9.5 * SCALE, y: 4 * SCALE, width: 82 * SCALE, height: (height - 13) * SCALE, rx: 14 }))
    for (const wire of run.diagram.wires) this.wire(wire, hues)
    for (const node of run.diagram.nodes) this.place(node, hues, ground)
    this.faces(run, hues, ground)
  }

  // Where x_t comes from: its numbers and its token; and where h_t goes: the prediction.
  faces(run, hues, ground) {
    const x = run.diagram.nodes.find(({ key }) => key === "x")
    const h = run.diagram.nodes.find(({ key }) => key === "h")
    if (!x || !h) return
    const left = { x: (x.x + 18) * SCALE, fill: hues.x }
    this.token = svg("text", { class: "rx-face", y: (x.y + 0.4) * SCALE, ...left })
    this.row = svg("text", { class: "rx-face", y: (x.y + 3.5) * SCALE, ...left })
    const width = (11 * SCALE) / run.inputs
    const table = ramp(this.stage.theme.signed)
    const cells = Array.from({ length: run.inputs }, (_, d) => svg("rect", { x: (x.x + 6) * SCALE + d * width, y: (x.y + 0.4) * SCALE, width: width + 0.3, height: 11 }))
    this.input = { cells, table, size: largest(run.arrays.x.values) }
    this.node.append(...cells, this.token, this.row)
    if (!run.readout && !run.arrays.value) return
    const [at, y] = [84, x.y]
    this.wire({ points: [[h.x + 4.5, h.y + 2], [101.2, h.y + 2], [101.2, y], [at + 4.5, y]], value: null, hue: "h", arrow: true }, hues)
    this.place({ key: "y", kind: "end", x: at, y, text: "y", value: null, hue: "h", label: "left" }, hues, ground)
    this.said = svg("text", { class: "rx-face", x: (at - 5.6) * SCALE, y: (y + 1) * SCALE, "text-anchor": "end", fill: hues.h })
    this.node.append(this.said)
  }

  /** What a node leads to. @param {string} key @param {string} kind @returns {Source | null} */
  sourceOf(key, kind) {
    const { step, unit } = this.stage.placeIn(this.run)
    if (key === "x") return { kind: "input", step, unit }
    if (key === "y") return { kind: "readout", step, unit }
    if (kind === "gate" && this.run.blocks.includes(key)) return { kind: "matrix", block: key, step, unit, column: null, part: "x" }
    if (key === "phi") return { kind: "matrix", block: this.run.blocks[0], step, unit, column: null, part: "x" }
    const symbol = key.replace("_prev", "")
    if (!this.run.arrays[symbol]) return null
    if (key === symbol) return { kind: "vector", symbol, step, unit }
    return step > 0 ? { kind: "vector", symbol, step: step - 1, unit } : { kind: "start", symbol, step: -1, unit }
  }

  /** @param {string} key @param {string} kind @param {Event} event */
  press(key, kind, event) {
    event.preventDefault()
    event.stopPropagation()
    const source = this.sourceOf(key, kind)
    const here = { kind: /** @type {const} */ ("equation"), symbol: this.run.signals.at(-1).symbol, ...this.stage.placeIn(this.run) }
    if (source) this.stage.origins.lead(source, here, this.run, this.node.closest(".rx-side") ?? this.node)
  }

  wire({ points, value, hue, arrow }, hues) {
    const path = `M${points.map(([x, y]) => `${x * SCALE} ${y * SCALE}`).join("L")}`
    const line = svg("path", { d: path, fill: "none", stroke: hues[hue], "stroke-width": 2, "stroke-linejoin": "round" })
    this.node.append(line)
    if (arrow) this.node.append(head(points, hues[hue]))
    if (value !== null) this.moving.push({ line, value })
  }

  place({ key, kind, x, y, text, value, hue, label: side }, hues, ground) {
    const opens = this.sourceOf(key, kind) && pressable((event) => this.press(key, kind, event))
    const group = svg("g", { transform: `translate(${x * SCALE} ${y * SCALE})`, class: `rx-node rx-${kind}${opens ? " rx-opens" : ""}`, ...opens })
    const [w, h] = kind === "gate" ? [11, 9.5] : kind === "end" ? [9, 7.5] : [text.length > 1 ? 9 : 6.6, 6.4]
    const box = svg("rect", { x: (-w / 2) * SCALE, y: (-h / 2) * SCALE, width: w * SCALE, height: h * SCALE,
      rx: kind === "op" ? (h / 2) * SCALE : 6, fill: ground, stroke: hues[hue], "stroke-width": kind === "gate" ? 2.5 : 1.5 })
    group.append(box)
    const letter = svg("text", { class: "rx-symbol", "text-anchor": "middle", y: kind === "gate" ? -4 : 6, fill: hues[hue] })
    if (kind === "end") {
      const [name, before] = text.split("_")
      letter.append(name, svg("tspan", { class: "rx-sub", dy: 4, text: before ? "t−1" : "t" }))
    } else letter.textContent = text
    group.append(letter)
    if (value !== null) {
      const [anchor, dx, dy] = spot(kind, side, w * SCALE * 0.5, h * SCALE * 0.5)
      const label = svg("text", { class: "rx-value", "text-anchor": anchor, x: dx, y: dy, fill: hues[hue] })
      group.append(label)
      this.moving.push({ label, value })
    }
    this.node.append(group)
    if (kind === "gate") this.strip(key, x, y + h / 2 + 0.6)
    else if (kind === "end" && x > 50) this.strip(key, 94.3, y - h / 2 - 1.9)
  }

  /** @param {number} t */
  showFaces(t) {
    const { run } = this
    if (!this.input) return
    const { cells, table, size } = this.input
    cells.forEach((cell, d) => cell.setAttribute("fill", along(table, run.arrays.x.at(t, d), -size, size)))
    this.token.textContent = cut(run.tokens[t].label)
    this.row.textContent = run.rows ? fill(this.stage.payload.strings.row_of, { row: run.rows[t] + 1 }) : ""
    if (!this.said) return
    this.said.textContent = run.readout ? `${cut(run.readout.top[t][0])} ${percent(run.arrays.top_probabilities.at(t, 0))}` : number(run.arrays.value.at(t), 2)
  }

  // All units of a signal at this step as a row of cells: one unit is not the vector.
  strip(symbol, x, y) {
    const name = symbol === "phi" ? "h" : symbol
    if (!this.ramps[name]) return
    const units = this.units ?? Array.from({ length: this.run.units }, (_, j) => j)
    const width = (11 * SCALE) / units.length
    const cells = units.map((_, j) =>
      svg("rect", { x: (x - 5.5) * SCALE + j * width, y: y * SCALE, width: width + 0.3, height: 9 }))
    const mark = svg("rect", { class: "rx-strip-mark", y: y * SCALE - 1.5, width: Math.max(width, 2), height: 12, fill: "none", stroke: this.stage.theme.hues.ink, "stroke-width": 1.5 })
    this.node.append(...cells, mark)
    this.strips.push({ cells, mark, units, left: (x - 5.5) * SCALE, width, of: ofSignal(this.run, name), table: this.ramps[name], range: this.ranges[name] })
  }

  show(t, j) {
    this.showFaces(t)
    for (const { line, label, value } of this.moving) {
      const now = this.evaluator.value(value, j, t)
      if (label) label.textContent = short(now)
      else {
        const size = Math.min(1, Math.abs(now)) || 0
        line.style.strokeWidth = `${1.2 + 5 * size}px`
        line.style.opacity = 0.3 + 0.7 * size
      }
    }
    for (const { cells, mark, units, left, width, of, table, range } of this.strips) {
      cells.forEach((cell, k) => {
        const colour = along(table, of(t, units[k]), range[0], range[1])
        if (cell.shown !== colour) cell.setAttribute("fill", (cell.shown = colour))
      })
      const at = units.indexOf(j)
      mark.style.display = at < 0 ? "none" : ""
      mark.style.transform = `translateX(${left + at * width}px)`
    }
  }
}

/** A token short enough for the drawing. @param {string} token */
function cut(token) {
  const signs = [...token]
  return signs.length > LONGEST ? `${signs.slice(0, LONGEST - 1).join("")}…` : token
}

// Where a node's value stands, given half its width and height.
function spot(kind, side, w, h) {
  if (kind === "gate") return ["middle", 0, 19]
  if (kind === "end") return ["middle", 0, h + 17]
  return { above: ["middle", 0, -h - 7], left: ["end", -w - 6, 7], right: ["start", w + 6, 7] }[side]
}

function head(points, colour) {
  const [[x0, y0], [x1, y1]] = points.slice(-2)
  const angle = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI
  return svg("path", { d: "M0 0L-8 -4.5L-8 4.5Z", fill: colour, transform: `translate(${x1 * SCALE} ${y1 * SCALE}) rotate(${angle})` })
}
