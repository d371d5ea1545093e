// Where a number comes from, in place: the trail of crumbs, a sentence, and the vectors and matrices that made it.

/** @import { PlotlyModule, PlotNode } from "../browser.js" */
/** @import { Expression, WalkRun } from "../types.js" */
/** @import { Part } from "./grid.js" */
/** @import { Source } from "./sources.js" */
/** @import { WalkStage } from "./walk.js" */

import { CONFIG } from "../core/chart.js"
import { element } from "../core/dom.js"
import { loadPlotly } from "../core/load.js"
import { typeset } from "../core/maths.js"
import { fill, number } from "../core/numbers.js"
import { ofSignal } from "../core/payload.js"
import { Evaluator } from "./expression.js"
import { grid } from "./grid.js"
import { Trail, stateSource } from "./sources.js"

const HIGH = 22 // of the figure, in letters

export class Origins {
  /** @param {WalkStage<any>} stage */
  constructor(stage) {
    this.stage = stage
    this.trail = new Trail()
    /** @type {Source | null} */
    this.here = null
    const { strings } = stage.payload
    this.crumbs = element("nav", { class: "rx-crumbs", "aria-label": strings.crumbs })
    this.said = element("p", { class: "rx-origin-said", role: "status" })
    this.plot = /** @type {PlotNode} */ (element("div", { class: "rx-plot rx-origin-plot", hidden: "" }))
    const close = element("button", { class: "rx-tab", type: "button", text: "×", title: strings.close, "aria-label": strings.close, onclick: () => this.close() })
    this.node = element("section", { class: "rx-origins", "aria-label": strings.whence, hidden: "" },
      element("div", { class: "rx-origin-head" }, this.crumbs, close), this.said, this.plot)
  }

  /** Leads from a place to another, shown below an element. @param {Source} source @param {Source} from @param {WalkRun} run @param {Element} host */
  lead(source, from, run, host) {
    if (this.run !== run) this.trail = new Trail()
    this.run = run
    this.evaluator = new Evaluator(run)
    if (this.node.previousElementSibling !== host) host.after(this.node)
    this.trail.leave(from)
    this.stand(source)
  }

  /** Leads on from what is shown. @param {Source} source */
  follow(source) {
    if (!this.here) return
    this.trail.leave(this.here)
    this.stand(source)
  }

  /** @param {Source} source */
  stand(source) {
    this.here = source
    this.node.hidden = false
    if (source.kind !== "start") this.stage.go(source.step, source.unit)
    else this.show()
    for (const arithmetic of this.stage.arithmetics) arithmetic.focus(arithmetic.run === this.run ? source : null)
    this.showCrumbs()
  }

  /** @param {number} k */
  back(k) {
    this.stand(this.trail.back(k))
  }

  close() {
    this.node.hidden = true
    this.here = null
    this.trail = new Trail()
    for (const arithmetic of this.stage.arithmetics) arithmetic.focus(null)
  }

  showCrumbs() {
    const links = this.trail.places.map((place, k) => element("button", { class: "rx-crumb", type: "button", onclick: () => this.back(k) }, typeset(this.name(place))))
    const parts = links.flatMap((link) => [link, element("span", { text: "›", "aria-hidden": "true" })])
    this.crumbs.replaceChildren(...parts, element("b", { "aria-current": "location" }, typeset(this.name(this.here))))
  }

  /** A place in a few signs: c₃ at t = 2, a row or a number of a matrix. @param {Source} place */
  name(place) {
    const { firstStep, strings } = this.stage.payload
    const at = place.step + firstStep
    const unit = place.unit + 1
    if (place.kind === "matrix") {
      const letter = `${{ x: "W", h: "U", b: biasOf(place), c: "p" }[place.part]}<sub>${place.block}</sub>`
      return `${letter}[${unit}${place.column === null || place.part === "b" ? "" : `, ${place.column + 1}`}] · t = ${at}`
    }
    if (place.kind === "input") return `x · t = ${at}`
    if (place.kind === "readout") return `y · t = ${at}`
    if (place.kind === "vector") return `${place.symbol} · t = ${at}`
    return fill(strings.number_at, { symbol: place.symbol, unit, step: at })
  }

  // The place follows the user, who goes on stepping while it is open.
  show() {
    if (!this.here || this.node.hidden) return
    if (this.here.kind !== "start") {
      const { step, unit } = this.stage
      const moved = step !== this.here.step || unit !== this.here.unit
      this.here = { ...this.here, step, unit: Math.min(unit, this.run.units - 1) }
      if (moved) this.showCrumbs()
    }
    this.said.replaceChildren(...this.sentence(this.here))
    this.draw()
  }

  /** A number that leads on. @param {string} text @param {Source} source */
  button(text, source) {
    return element("button", { class: "rx-from", type: "button", text, onclick: () => this.follow(source) })
  }

  /** @param {Source} place @returns {(Node | string)[]} */
  sentence(place) {
    const { strings, firstStep } = this.stage.payload
    const { run, evaluator } = this
    if (place.kind === "start") return [fill(firstStep === 1 ? strings.from_start : strings.from_before, { symbol: place.symbol, value: number(run.arrays[place.symbol].at(0, place.unit)) })]
    const { step, unit } = place
    if (place.kind === "equation") return [typeset(`${this.name(place)} = ${number(evaluator.value(place.symbol, unit, step))}`)]
    if (place.kind === "input") {
      const token = run.tokens[step].label
      return [run.rows ? fill(strings.from_embedding, { row: run.rows[step] + 1, token, n: run.inputs }) : fill(strings.from_numbers, { token, n: run.inputs })]
    }
    if (place.kind === "vector") return [fill(strings.from_vector, { symbol: place.symbol, step: step + firstStep, n: run.units })]
    if (place.kind === "readout") return [fill(strings.from_readout, { n: run.units })]
    return this.product(place)
  }

  /** Weight times number, each of which leads on; or what the whole row comes to. @param {import("./sources.js").MatrixSource} place */
  product(place) {
    const { step, unit, block, column, part } = place
    const found = this.parts(place)
    const one = found.find(({ key }) => key === part)
    if (column === null || !one || column >= one.names.length) {
      const sum = found.reduce((all, { matrix, vector }) => all + matrix[unit].reduce((add, w, k) => add + (vector ? w * vector[k] : w), 0), 0)
      return [fill(this.stage.payload.strings.from_row, { unit: unit + 1, block, value: number(sum) })]
    }
    const weight = one.matrix[unit][column]
    const where = one.vector ? `${unit + 1}, ${column + 1}` : unit + 1
    const letter = part === "b" ? `${biasOf(place)}_${block}` : one.letter
    const name = typeset(`${letter.replace(/_(.+)/, "<sub>$1</sub>")}[${where}] = ${number(weight)}`)
    if (!one.vector) return [name]
    const value = `${one.names[column]} = ${number(one.vector[column])}`
    const next = part === "x" ? /** @type {Source} */ ({ kind: "input", step, unit }) : part === "h" ? stateSource("h", column, step - 1) : null
    return [name, " × ", next ? this.button(value, next) : value, ` → ${number(weight * one.vector[column])}`]
  }

  /** What adds up in a block, or what else is opened. @param {Source} place @returns {(Part & { key: string })[]} */
  parts(place) {
    const { run } = this
    if (place.kind === "matrix") return blockParts(run, this.evaluator, place.block, place.step)
    if (place.kind === "input") return [{ key: "x", letter: run.rows ? "E" : "x", vector: null, over: "", matrix: rowsOf(run.arrays.x, 0, run.steps), names: numbered("x", run.inputs), hue: "x" }]
    if (place.kind === "vector") {
      const of = ofSignal(run, place.symbol)
      const values = Array.from({ length: run.units }, (_, j) => of(place.step, j))
      return [{ key: "h", letter: place.symbol, vector: null, over: "", matrix: [values], names: numbered(place.symbol, run.units), hue: place.symbol }]
    }
    if (place.kind === "readout" && run.arrays["readout.weight"]) {
      const weight = run.arrays["readout.weight"]
      const h = Array.from({ length: run.units }, (_, j) => run.arrays.h.at(place.step + 1, j))
      const bias = run.arrays["readout.bias"]
      return [
        { key: "h", letter: "V", vector: h, over: "h", matrix: rowsOf(weight, 0, weight.shape[0]), names: numbered("h", run.units), hue: "h" },
        { key: "b", letter: "b", vector: null, over: "", matrix: Array.from({ length: weight.shape[0] }, (_, k) => [bias.at(k)]), names: ["b"], hue: "ink" },
      ]
    }
    return []
  }

  /** The row that is marked, and what the rows are called. @param {Source} place @returns {{ row: number, rows: string[] }} */
  rows(place) {
    const { run } = this
    if (place.kind === "input") return { row: place.step, rows: run.tokens.map(({ label }) => label) }
    if (place.kind === "vector") return { row: 0, rows: [place.symbol] }
    if (place.kind === "readout") {
      const best = run.readout?.top[place.step][0]
      return { row: Math.max(0, run.outputs.indexOf(best)), rows: run.outputs.length ? run.outputs : ["y"] }
    }
    return { row: place.unit, rows: Array.from({ length: run.units }, (_, j) => String(j + 1)) }
  }

  async draw() {
    const place = this.here
    const found = place ? this.parts(place) : []
    this.plot.hidden = !found.length
    if (!found.length) return
    /** @type {PlotlyModule} */
    const Plotly = await loadPlotly()
    if (this.here !== place) return
    const { theme, fontSize } = this.stage
    const { row, rows } = this.rows(place)
    const { data, layout } = grid(found, row, rows, theme.signed, theme.hues)
    const size = { width: Math.floor(this.plot.getBoundingClientRect().width), height: Math.round(HIGH * fontSize) }
    this.plot.style.height = `${size.height}px`
    await Plotly.react(this.plot, data, {
      ...layout, ...size, margin: { l: 4, r: 4, t: Math.round(1.5 * fontSize), b: 4 },
      font: { color: theme.hues.ink, size: fontSize, family: getComputedStyle(this.stage.node).fontFamily },
    }, CONFIG)
    if (this.heard) return
    this.heard = true
    this.plot.on("plotly_click", ({ points: [point] }) => this.press(point))
  }

  /** What was pressed in the figure. @param {any} point */
  press({ data: { meta }, x, y }) {
    const { here } = this
    if (!here || here.kind === "start") return
    const { step, unit } = here
    if (here.kind === "input") return this.follow({ kind: "input", step: meta.what === "matrix" ? y : step, unit })
    if (here.kind === "vector") return this.follow({ kind: "equation", symbol: here.symbol, step, unit: x })
    const part = this.parts(here)[meta.part]
    if (here.kind === "readout") return part.key === "h" && this.follow({ kind: "equation", symbol: "h", step, unit: x })
    if (here.kind !== "matrix") return undefined
    if (meta.what === "vector") return this.follow(part.key === "x" ? { kind: "input", step, unit } : stateSource("h", x, step - 1))
    return this.follow({ ...here, part: /** @type {"x" | "h" | "b" | "c"} */ (part.key), unit: meta.what === "matrix" ? y : unit, column: x })
  }

  purge() {
    if (this.heard) loadPlotly().then((Plotly) => Plotly.purge(this.plot))
  }
}

/** W, U, p and b of a block with what goes through them at a step. @param {WalkRun} run @param {Evaluator} evaluator @param {string} block @param {number} step @returns {(Part & { key: string })[]} */
function blockParts(run, evaluator, block, step) {
  const { arrays, units } = run
  const [at, seen, peeps] = [run.blocks, run.recurrentBlocks, run.peepholeBlocks].map((blocks) => blocks.indexOf(block) * units)
  const found = []
  if (at >= 0) found.push({ key: "x", letter: `W_${block}`, vector: [...arrays.x.row(step)], over: "x", matrix: rowsOf(arrays.weight_ih, at, units), names: numbered("x", run.inputs), hue: "x" })
  if (seen >= 0) {
    const source = sourceIn(run.equations.map(([, expression]) => expression), block) ?? "h_prev"
    const vector = Array.from({ length: units }, (_, k) => evaluator.value(source, k, step))
    found.push({ key: "h", letter: `U_${block}`, vector, over: source === "h_prev" ? "h (t−1)" : "r ⊙ h (t−1)", matrix: rowsOf(arrays.weight_hh, seen, units), names: numbered("h", units), hue: "h" })
  }
  if (peeps >= 0) found.push({ key: "c", letter: `p_${block}`, vector: null, over: "", matrix: rowsOf(arrays.peephole, peeps, units), names: ["p"], hue: "c" })
  const biases = [...(arrays.bias_ih && at >= 0 ? [{ of: arrays.bias_ih, from: at, name: "b" }] : []), ...(arrays.bias_hh && seen >= 0 ? [{ of: arrays.bias_hh, from: seen, name: "b′" }] : [])]
  if (biases.length) {
    const matrix = Array.from({ length: units }, (_, j) => biases.map(({ of, from }) => of.at(from + j)))
    found.push({ key: "b", letter: `b_${block}`, vector: null, over: "", matrix, names: biases.map(({ name }) => name), hue: "ink" })
  }
  return found
}

/** What goes through U of a block, where it is not the state before. @param {(Expression | null)[]} expressions @param {string} block @returns {Expression | undefined} */
function sourceIn(expressions, block) {
  for (const expression of expressions) {
    if (!Array.isArray(expression)) continue
    if (expression[0] === "rec" && expression[1] === block) return expression[2] ?? undefined
    const found = sourceIn(expression.slice(1), block)
    if (found !== undefined) return found
  }
  return undefined
}

/** @param {import("../core/payload.js").Matrix} matrix @param {number} from @param {number} count */
function rowsOf(matrix, from, count) {
  return Array.from({ length: count }, (_, j) => [...matrix.row(from + j)])
}

/** The letter of a bias: the recurrent one is the second of two. @param {import("./sources.js").MatrixSource} place */
function biasOf(place) {
  return place.column === 1 ? "b′" : "b"
}

/** @param {string} letter @param {number} count */
function numbered(letter, count) {
  return Array.from({ length: count }, (_, k) => `${letter}${k + 1}`)
}
