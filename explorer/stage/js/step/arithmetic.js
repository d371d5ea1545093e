// One unit at one step: its equations with symbols and with numbers, and who pushed each gate.

/** @import { WalkRun } from "../types.js" */
/** @import { Source } from "./sources.js" */
/** @import { WalkStage } from "./walk.js" */

import { element, math, pressable } from "../core/dom.js"
import { fill, number } from "../core/numbers.js"
import { Evaluator } from "./expression.js"
import { sourceOf } from "./sources.js"

const ACTIVATIONS = { sigmoid: "σ", tanh: "tanh", relu: "relu", exp: "exp", log: "log", log_sigmoid: "log σ", clip: "clip" }
const OPEN = ["add", "sub", "mul", "neg", "in", "rec", "peep"]

export class Arithmetic {
  /** @param {WalkRun} run @param {WalkStage<any>} stage */
  constructor(run, stage) {
    this.run = run
    this.stage = stage
    this.evaluator = new Evaluator(run)
    this.numbers = []
    this.held = []
    this.lines = {}
    this.symbolOf = "" // the equation that is being drawn
    this.hue = Object.fromEntries(run.signals.map((s) => [s.symbol, s.hue]))
    this.pre = Object.fromEntries(run.equations.filter(([s]) => s.startsWith("pre_")).map(([s, e]) => [s.slice(4), e]))
    this.table = element("div", { class: "rx-equations" })
    for (const [symbol, expression] of run.equations) {
      if (!symbol.startsWith("pre_")) this.table.append(this.equation(symbol, expression))
    }
    if (run.notation) this.table.append(element("p", { class: "rx-notation", text: run.notation }))
    this.node = element("div", { class: "rx-arithmetic" }, this.table, this.pushes())
  }

  equation(symbol, expression) {
    this.symbolOf = symbol
    const unfolded = this.unfold(expression)
    const colour = this.colour(symbol)
    const numeric = [this.draw(unfolded, true)]
    if (Array.isArray(expression) && expression[0] in ACTIVATIONS) numeric.push(this.draw(expression, true))
    numeric.push(math("mrow", { class: "rx-result" }, this.result(symbol, expression, colour)))
    const held = element("span", { class: "rx-held", hidden: "" }, formula(op("→"), this.leaf(symbol, colour)), ` ${this.stage.payload.strings.held}`)
    this.held.push({ node: held, symbol, expression })
    return this.lines[symbol] = element("div", { class: "rx-equation" },
      formula(this.symbol(symbol), op("="), this.draw(unfolded, false)),
      element("div", { class: "rx-numeric" }, ...numeric.map((part) => formula(op("="), part)), held))
  }

  // What the equation gives: the trace's own number, unless a change to the run has put another there.
  result(symbol, expression, colour) {
    return this.slot(colour, (j, t) => (this.isHeld(symbol, expression, j, t) ?
      this.evaluator.value(expression, j, t) : this.evaluator.value(symbol, j, t)))
  }

  isHeld(symbol, expression, j, t) {
    if (this.stage.payload.mode === "one") return false
    const [given, kept] = [this.evaluator.value(expression, j, t), this.evaluator.value(symbol, j, t)]
    return Math.abs(given - kept) > this.run.rounding * Math.max(1, Math.abs(given))
  }

  // Writes a pre-activation out where an equation names it.
  unfold(expression) {
    if (typeof expression === "string" && expression.startsWith("pre_")) return this.pre[expression.slice(4)]
    return Array.isArray(expression) ? expression.map((part, k) => (k ? this.unfold(part) : part)) : expression
  }

  draw(expression, numeric) {
    if (typeof expression === "number") return math("mn", { text: String(expression) })
    if (typeof expression === "string") return numeric ? this.leaf(expression, this.colour(expression)) : this.symbol(expression)
    const [head, ...rest] = expression
    if (head === "in" || head === "rec") return numeric ? this.affineNumbers(expression) : this.affine(expression)
    if (head === "peep") return numeric ? this.leaf(expression, this.theme("c")) :
      math("mrow", {}, indexed("p", rest[0], this.theme("c")), op("⊙"), this.draw(rest[1], false))
    if (head in ACTIVATIONS) return math("mrow", {}, math("mi", { text: ACTIVATIONS[head] }), ...bracket(this.draw(rest[0], numeric)))
    if (head === "unit") return numeric ? this.leaf(expression, this.theme("c")) : indexed("p", rest[0], this.theme("c"))
    if (head === "neg") return math("mrow", {}, op("−"), this.within(rest[0], numeric))
    if (head === "abs") return math("mrow", {}, op("|"), this.draw(rest[0], numeric), op("|"))
    if (head === "div") return math("mfrac", {}, ...rest.map((part) => this.draw(part, numeric)))
    if (head === "max") return math("mrow", {}, math("mi", { text: "max" }), op("("), this.draw(rest[0], numeric), op(","), this.draw(rest[1], numeric), op(")"))
    const sign = { add: "+", sub: "−", mul: numeric || typeof rest[0] === "number" ? "·" : "⊙" }[head]
    const parts = rest.map((part, k) => (head === "mul" || (head === "sub" && k) ? this.within(part, numeric) : this.draw(part, numeric)))
    return math("mrow", {}, ...parts.flatMap((part, k) => (k ? [op(sign), part] : [part])))
  }

  // A part of a product or what is taken away: in brackets where it is a sum or a product itself.
  within(expression, numeric) {
    const drawn = this.draw(expression, numeric)
    return Array.isArray(expression) && OPEN.includes(expression[0]) ? math("mrow", {}, ...bracket(drawn)) : drawn
  }

  affine([head, block, source]) {
    const input = head === "in"
    const state = input ? this.symbol("x") : source === undefined ? this.symbol("h_prev") : math("mrow", {}, ...bracket(this.draw(source, false)))
    const weight = indexed(input ? "W" : "U", block, this.theme(input ? "x" : "h"))
    const bias = indexed(input ? "b" : "b′", block, this.theme("x"))
    return math("mrow", {}, weight, state, op("+"), bias)
  }

  affineNumbers([head, block, source]) {
    const input = head === "in"
    const product = this.slot(this.theme(input ? "x" : "h"), (j, t) =>
      input ? this.evaluator.inputPart(block, j, t) : this.evaluator.statePart(block, source, j, t), (j, t) => sourceOf([head, block], j, t))
    const bias = this.slot(this.theme("x"), (j) => this.evaluator.bias(input ? "bias_ih" : "bias_hh", block, j),
      (unit, step) => ({ kind: "matrix", block, step, unit, column: input ? 0 : Number(Boolean(this.run.arrays.bias_ih)), part: "b" }))
    return math("mrow", {}, product, op("+"), bias)
  }

  leaf(expression, colour) {
    return this.slot(colour, (j, t) => this.evaluator.value(expression, j, t), (j, t) => sourceOf(expression, j, t))
  }

  /** A number of now; where it has an origin, pressing it leads there. @param {string} colour @param {(j: number, t: number) => number} value @param {((j: number, t: number) => Source | null)?} origin */
  slot(colour, value, origin = null) {
    const symbol = this.symbolOf
    const lead = origin && { class: "rx-from", ...pressable((event) => this.press(origin, symbol, event)) }
    const node = math("mn", { style: `color:${colour}`, ...lead })
    this.numbers.push({ node, value, text: "" })
    return node
  }

  press(origin, symbol, event) {
    event.preventDefault()
    event.stopPropagation()
    const { step, unit } = this.stage.placeIn(this.run)
    const source = origin(unit, step)
    if (source) this.stage.origins.lead(source, { kind: "equation", symbol, step, unit }, this.run, this.node.parentElement)
  }

  /** Marks the equation that a place is about, and opens what pushed it. @param {Source?} place */
  focus(place) {
    const symbol = place?.kind === "equation" ? place.symbol : place?.kind === "matrix" ? place.block : null
    for (const [name, line] of Object.entries(this.lines)) line.classList.toggle("rx-focus", name === symbol)
    if (symbol === null || !this.pre[symbol] || this.chosen === symbol) return
    this.chosen = symbol
    this.refresh()
  }

  theme(hue) {
    return this.stage.theme.hues[hue]
  }

  colour(symbol) {
    const name = symbol.replace("_prev", "").replace("pre_", "")
    return this.theme(this.hue[name] ?? (name === "x" ? "x" : "ink"))
  }

  symbol(name) {
    const [letter, time] = name.endsWith("_prev") ? [name.slice(0, -5), "t−1"] : [name.replace("pre_", ""), "t"]
    return indexed(letter, time, this.colour(name))
  }

  // Which inputs and which hidden units pushed a pre-activation up or down.
  pushes() {
    const { strings } = this.stage.payload
    const symbols = Object.keys(this.pre)
    this.chosen = symbols[0]
    this.tabs = symbols.map((symbol) => element("button", {
      type: "button", class: "rx-tab", "aria-pressed": "false", text: symbol, style: `--hue:${this.colour(symbol)}`,
      onclick: () => { this.chosen = symbol; this.refresh() },
    }))
    const terms = this.evaluator.contributions(this.pre[this.chosen], 0, 0).length
    this.bars = element("div", { class: "rx-pushes", role: "group", "aria-label": strings.pushed })
    this.columns = []
    this.makeColumns(terms)
    this.summary = element("div", { class: "rx-push-sum" })
    return element("div", { class: "rx-push-panel" },
      element("div", { class: "rx-title" }, element("span", { class: "rx-name", text: strings.pushed }), ...(symbols.length > 1 ? this.tabs : [])),
      this.bars, this.summary)
  }

  makeColumns(count) {
    this.columns = Array.from({ length: count }, (_, at) => {
      const bar = element("span", { class: "rx-push" })
      const name = element("span", { class: "rx-push-name" })
      const column = element("button", { class: "rx-push-column", type: "button", tabindex: at ? -1 : 0, onclick: () => this.pressColumn(at), onkeydown: (event) => this.keyColumn(event, at) }, bar, name)
      return { column, bar, name, kind: "x", index: 0 }
    })
    this.bars.replaceChildren(...this.columns.map(({ column }) => column))
  }

  // A weight and what it was multiplied by: it stands in its matrix.
  pressColumn(at) {
    const { kind: part, index: column } = this.columns[at]
    const { step, unit } = this.stage.placeIn(this.run)
    this.stage.origins.lead({ kind: "matrix", block: this.chosen, step, unit, column: part === "c" ? 0 : column, part }, { kind: "equation", symbol: this.chosen, step, unit }, this.run, this.node.parentElement)
  }

  keyColumn(event, at) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    const next = way && this.columns[at + way]
    if (!way) return
    event.preventDefault()
    event.stopPropagation()
    if (!next) return
    this.columns[at].column.tabIndex = -1
    next.column.tabIndex = 0
    next.column.focus()
  }

  refresh() {
    this.show(this.stage.step, this.stage.unit)
  }

  show(t, j) {
    const unit = Math.min(j, this.run.units - 1)
    for (const slot of this.numbers) {
      const text = number(slot.value(unit, t))
      if (text !== slot.text) slot.node.textContent = slot.text = text
    }
    for (const { node, symbol, expression } of this.held) node.hidden = !this.isHeld(symbol, expression, unit, t)
    this.showPushes(t, unit)
  }

  showPushes(t, j) {
    const terms = this.evaluator.contributions(this.pre[this.chosen], j, t)
    if (terms.length !== this.columns.length) this.makeColumns(terms.length)
    this.tabs.forEach((tab) => tab.setAttribute("aria-pressed", String(tab.textContent === this.chosen)))
    const largest = terms.reduce((m, term) => Math.max(m, Math.abs(term.value)), 1e-12)
    const { hues } = this.stage.theme
    const every = Math.ceil(terms.length / 24)
    terms.forEach(({ kind, index, value }, k) => {
      const { column, bar, name } = Object.assign(this.columns[k], { kind, index })
      const label = kind === "b" ? (index ? "b′" : "b") : `${kind}${index + 1}`
      bar.style.transform = `scaleY(${(-value / largest).toFixed(4)})`
      bar.style.background = hues[kind === "b" ? "ink" : kind]
      column.title = `${label}: ${number(value)}`
      column.setAttribute("aria-label", column.title)
      const shown = kind === "b" || index % every === 0 ? label : ""
      if (name.textContent !== shown) name.textContent = shown
    })
    const total = terms.reduce((sum, term) => sum + term.value, 0)
    const best = terms.reduce((a, b) => (Math.abs(b.value) > Math.abs(a.value) ? b : a))
    const { strings } = this.stage.payload
    const bestName = best.kind === "b" ? "b" : `${best.kind}${best.index + 1}`
    this.summary.textContent = fill(strings.push_sum, { symbol: this.chosen, total: number(total), best: bestName, value: number(best.value) })
  }
}

function indexed(letter, below, colour) {
  return math("msub", { style: `color:${colour}` }, math("mi", { text: letter }), math("mi", { class: "rx-index", text: below }))
}

function op(text) {
  return math("mo", { text })
}

function bracket(inner) {
  return [op("("), inner, op(")")]
}

function formula(...parts) {
  return math("math", { role: "group" }, math("mrow", {}, ...parts))
}
