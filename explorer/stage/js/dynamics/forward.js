// The network's own step in the browser, for pushes by hand: its equations, its weights, a constant input.
// Expressions are those of explorer/cells/equations.py.

/** @import { Cell } from "../step/expression.js" */
/** @import { Expression, SpaceRun } from "../types.js" */

import { Evaluator } from "../step/expression.js"

export class Forward extends Evaluator {
  /** @param {SpaceRun} run */
  constructor(run) {
    super(/** @type {Cell} */ (/** @type {unknown} */ (run)))
    this.names = run.states
    /** @type {Record<string, Expression>} */
    this.table = Object.fromEntries(run.equations)
    /** @type {ArrayLike<number>} */
    this.before = []
    /** @type {Record<string, Map<number, number>>} */
    this.known = {}
  }

  /** The state after a step: its parts one after the other, as in the rows of `states`. @param {ArrayLike<number>} state */
  step(state) {
    this.before = state
    this.known = {}
    return Float64Array.from({ length: this.names.length * this.H }, (_, k) => this.symbol(this.names[Math.floor(k / this.H)], k % this.H))
  }

  /** @param {string} name @param {number} j */
  symbol(name, j) {
    const at = this.names.findIndex((state) => name === `${state}_prev`)
    if (at >= 0) return this.before[at * this.H + j]
    const found = (this.known[name] ??= new Map())
    if (!found.has(j)) found.set(j, this.value(this.table[name], j, 0))
    return found.get(j)
  }
}
