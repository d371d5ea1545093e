// A run's equations at one step: evaluated for a unit, and split into what each input contributes.
// Expressions are those of explorer/cells/equations.py. Steps and units count from 0 here.

/** @import { Expression, WalkRun } from "../types.js" */

/**
 * What one input, hidden unit, bias or peephole adds to a pre-activation.
 * @typedef {{ kind: "x" | "h" | "c" | "b", index: number, value: number }} Contribution
 */

/** @type {Record<string, (a: number) => number>} */
const UNARY = {
  sigmoid: (a) => 0.5 * (1 + Math.tanh(0.5 * a)),
  tanh: Math.tanh,
  relu: (a) => Math.max(a, 0),
  exp: Math.exp,
  log: Math.log,
  abs: Math.abs,
  neg: (a) => -a,
  log_sigmoid: (a) => Math.min(a, 0) - Math.log1p(Math.exp(-Math.abs(a))),
  clip: (a) => Math.min(Math.max(a, 0), 1),
}

/** @typedef {Pick<WalkRun, "arrays" | "units" | "inputs" | "blocks" | "recurrentBlocks" | "peepholeBlocks">} Cell */

export class Evaluator {
  /** @param {Cell} run */
  constructor(run) {
    this.run = run
    this.H = run.units
    this.D = run.inputs
  }

  /** The value of a symbol for unit j at step t: of a state, `s_prev` is the one before. @param {string} name @param {number} j @param {number} t */
  symbol(name, j, t) {
    const { arrays } = this.run
    if (name.endsWith("_prev")) return arrays[name.slice(0, -5)].at(t, j)
    if (name.startsWith("pre_")) return arrays[`pre.${name.slice(4)}`].at(t, j)
    return arrays[`gate.${name}`]?.at(t, j) ?? arrays[name].at(t + 1, j)
  }

  /** @param {Expression} expression @param {number} j @param {number} t @returns {number} */
  value(expression, j, t) {
    if (typeof expression === "number") return expression
    if (typeof expression === "string") return this.symbol(expression, j, t)
    const [head, ...rest] = /** @type {[string, ...any]} */ (expression)
    if (head === "in") return this.inputPart(rest[0], j, t) + this.bias("bias_ih", rest[0], j)
    if (head === "rec") return this.statePart(rest[0], rest[1], j, t) + this.bias("bias_hh", rest[0], j)
    if (head === "peep") return this.peephole(rest[0], j) * this.value(rest[1], j, t)
    if (head === "unit") return this.peephole(rest[0], j)
    const parts = rest.map((part) => this.value(part, j, t))
    if (head in UNARY) return UNARY[head](parts[0])
    if (head === "add") return parts.reduce((a, b) => a + b)
    if (head === "sub") return parts[0] - parts[1]
    if (head === "div") return parts[0] / parts[1]
    if (head === "max") return Math.max(...parts)
    return parts.reduce((a, b) => a * b)
  }

  /** @param {string} block @param {number} j */
  row(block, j) {
    return this.run.blocks.indexOf(block) * this.H + j
  }

  /** The row of a block in weight_hh and bias_hh: not every block need see the state. @param {string} block @param {number} j */
  stateRow(block, j) {
    return this.run.recurrentBlocks.indexOf(block) * this.H + j
  }

  /** @param {"bias_ih" | "bias_hh"} name @param {string} block @param {number} j */
  bias(name, block, j) {
    return this.run.arrays[name]?.at(name === "bias_hh" ? this.stateRow(block, j) : this.row(block, j)) ?? 0
  }

  /** @param {string} block @param {number} j */
  peephole(block, j) {
    return this.run.arrays.peephole.at(this.run.peepholeBlocks.indexOf(block) * this.H + j)
  }

  /** W x of a block, without its bias. @param {string} block @param {number} j @param {number} t */
  inputPart(block, j, t) {
    return dot(this.run.arrays.weight_ih.row(this.row(block, j)), (d) => this.run.arrays.x.at(t, d))
  }

  /** U h_prev of a block, or U e for another source e. @param {string} block @param {Expression | undefined} source @param {number} j @param {number} t */
  statePart(block, source, j, t) {
    return dot(this.run.arrays.weight_hh.row(this.stateRow(block, j)), (k) => this.value(source ?? "h_prev", k, t))
  }

  /** What adds up to a pre-activation of unit j at step t. @param {Expression} expression @param {number} j @param {number} t @returns {Contribution[]} */
  contributions(expression, j, t, factor = 1) {
    const [head, ...rest] = /** @type {[string, ...any]} */ (expression)
    if (head === "add") return rest.flatMap((part) => this.contributions(part, j, t, factor))
    if (head === "mul") {
      const inner = rest[rest.length - 1]
      const scale = rest.slice(0, -1).reduce((a, part) => a * this.value(part, j, t), factor)
      return this.contributions(inner, j, t, scale)
    }
    if (head === "in") {
      const w = this.run.arrays.weight_ih.row(this.row(rest[0], j))
      const terms = Array.from(w, (v, d) => ({ kind: /** @type {const} */ ("x"), index: d, value: factor * v * this.run.arrays.x.at(t, d) }))
      return [...terms, { kind: "b", index: 0, value: factor * this.bias("bias_ih", rest[0], j) }]
    }
    if (head === "rec") {
      const w = this.run.arrays.weight_hh.row(this.stateRow(rest[0], j))
      const source = rest[1] ?? "h_prev"
      const terms = Array.from(w, (v, k) => ({ kind: /** @type {const} */ ("h"), index: k, value: factor * v * this.value(source, k, t) }))
      return [...terms, { kind: "b", index: 1, value: factor * this.bias("bias_hh", rest[0], j) }]
    }
    return [{ kind: "c", index: j, value: factor * this.value(expression, j, t) }]
  }
}

/** @param {Float64Array} weights @param {(k: number) => number} source */
function dot(weights, source) {
  let sum = 0
  for (let k = 0; k < weights.length; k++) sum += weights[k] * source(k)
  return sum
}
