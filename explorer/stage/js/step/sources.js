// Where a number of the arithmetic comes from, the way that was gone from number to number, and what became of
// what was written. Steps and units count from 0.

/** @import { Expression, WalkRun } from "../types.js" */
/** @import { Evaluator } from "./expression.js" */

/**
 * What a number leads to: the equation that made it, at a step and unit; a row of a matrix, and a column where it
 * is one weight; or nothing before it, a state that the run began with.
 * @typedef {{ kind: "equation", symbol: string, step: number, unit: number }} EquationSource
 * @typedef {{ kind: "matrix", block: string, step: number, unit: number, column: number | null, part: "x" | "h" | "b" | "c" }} MatrixSource
 * @typedef {{ kind: "start", symbol: string, step: number, unit: number }} StartSource
 * @typedef {{ kind: "input", step: number, unit: number }} InputSource
 * @typedef {{ kind: "vector", symbol: string, step: number, unit: number }} VectorSource
 * @typedef {{ kind: "readout", step: number, unit: number }} ReadoutSource
 * @typedef {EquationSource | MatrixSource | StartSource | InputSource | VectorSource | ReadoutSource} Source
 */

/** Where a part of an equation comes from; null where it stands for itself. @type {(expression: Expression, unit: number, step: number) => Source | null} */
export function sourceOf(expression, unit, step) {
  if (typeof expression === "number") return null
  if (typeof expression === "string") {
    if (expression.endsWith("_prev")) return stateSource(expression.slice(0, -5), unit, step - 1)
    if (expression.startsWith("pre_")) return { kind: "matrix", block: expression.slice(4), step, unit, column: null, part: "x" }
    return { kind: "equation", symbol: expression, step, unit }
  }
  const [head, block] = expression
  if (head === "in") return { kind: "matrix", block: String(block), step, unit, column: null, part: "x" }
  if (head === "rec") return { kind: "matrix", block: String(block), step, unit, column: null, part: "h" }
  if (head === "peep" || head === "unit") return { kind: "matrix", block: String(block), step, unit, column: null, part: "c" }
  return null
}

/** Where a state after a step comes from: its equation there, or the start of the run. @type {(symbol: string, unit: number, step: number) => Source} */
export function stateSource(symbol, unit, step) {
  return step < 0 ? { kind: "start", symbol, step: -1, unit } : { kind: "equation", symbol, step, unit }
}

/** The way from number to number: each place that was left, and back to any of them. */
export class Trail {
  constructor() {
    /** @type {Source[]} */
    this.places = []
  }

  /** Leaves a place for another; one that is the last already is not left twice. @param {Source} from */
  leave(from) {
    if (JSON.stringify(this.places.at(-1)) !== JSON.stringify(from)) this.places.push(from)
  }

  /** Goes back to a place: it and all that came after it are forgotten. @param {number} k @returns {Source} */
  back(k) {
    const place = this.places[k]
    this.places.length = k
    return place
  }
}

/**
 * What every step has given to a unit's memory after a step: what was written there (given), times all that was
 * kept since: written. factor is what a step keeps of the memory before it.
 * kept[k] is the product of the keeping factors of the steps after k, up to and with the last: the gradient on the
 * direct path from there back to k too. start is what is left of the first state. written and start add up to the
 * memory. Null where the state before goes in through weights alone.
 * @type {(run: Pick<WalkRun, "equations" | "arrays">, evaluator: Evaluator, symbol: string, unit: number, step: number) =>
 *   { given: number[], factor: number[], written: number[], kept: number[], start: number } | null}
 */
export function shares(run, evaluator, symbol, unit, step) {
  const equation = run.equations.find(([name]) => name === symbol)?.[1]
  const before = `${symbol}_prev`
  if (!equation || !names(equation, before)) return null
  const at = (/** @type {number} */ t, /** @type {number} */ value) => evaluator.value(replaced(equation, before, value), unit, t)
  const given = Array.from({ length: step + 1 }, (_, t) => at(t, 0))
  const factor = Array.from({ length: step + 1 }, (_, t) => at(t, 1) - at(t, 0))
  const kept = Array.from({ length: step + 1 }, () => 1)
  for (let k = step - 1; k >= 0; k--) kept[k] = kept[k + 1] * factor[k + 1]
  return { given, factor, written: given.map((value, k) => value * kept[k]), kept, start: run.arrays[symbol].at(0, unit) * kept[0] * factor[0] }
}

/**
 * The thread of a memory: from the step that gave the most of it to a step, and how much is left after each step on
 * the way, the product of what was kept. Null where there is no direct way, or a change of the run has cut it.
 * @type {(run: Pick<WalkRun, "equations" | "arrays" | "rounding">, evaluator: Evaluator, symbol: string, unit: number, step: number) =>
 *   { from: number, given: number, amount: number, left: number[] } | null}
 */
export function thread(run, evaluator, symbol, unit, step) {
  const found = shares(run, evaluator, symbol, unit, step)
  if (!found) return null
  const value = evaluator.value(symbol, unit, step)
  const sum = found.written.reduce((all, part) => all + part, found.start)
  if (!(Math.abs(sum - value) <= run.rounding * Math.max(1, Math.abs(value)))) return null
  const from = found.written.reduce((best, part, k) => (Math.abs(part) > Math.abs(found.written[best]) ? k : best), 0)
  const left = [1]
  for (let k = from + 1; k <= step; k++) left.push(left[left.length - 1] * found.factor[k])
  return { from, given: found.given[from], amount: found.written[from], left }
}

/** Whether an expression names a symbol outside of weights. @param {Expression} expression @param {string} symbol @returns {boolean} */
function names(expression, symbol) {
  if (!Array.isArray(expression)) return expression === symbol
  const [head, ...parts] = expression
  return head !== "in" && head !== "rec" && head !== "peep" && parts.some((part) => part !== null && names(part, symbol))
}

/** An expression with a number in the place of a symbol. @param {Expression} expression @param {string} symbol @param {number} value @returns {Expression} */
function replaced(expression, symbol, value) {
  if (!Array.isArray(expression)) return expression === symbol ? value : expression
  const [head, ...parts] = expression
  return [head, ...parts.map((part) => (part === null ? null : replaced(part, symbol, value)))]
}
