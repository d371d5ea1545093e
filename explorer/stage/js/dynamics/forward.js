// The network's own step in the browser, for pushes by hand: its equations, its weights, a constant input.
// Expressions are those of explorer/cells/equations.py.

import { Evaluator } from "../step/expression.js"

export class Forward extends Evaluator {
  constructor(run) {
    super(run)
    this.table = Object.fromEntries(run.equations)
  }

  // The state after a step: states one after the other, as in the rows of `states`.
  step(state) {
    this.before = state
    this.memo = {}
    const { states, units } = this.run
    return Float64Array.from({ length: states.length * units }, (_, k) => this.symbol(states[Math.floor(k / units)], k % units))
  }

  symbol(name, j) {
    const { states, units } = this.run
    const at = states.findIndex((state) => name === `${state}_prev`)
    if (at >= 0) return this.before[at * units + j]
    const known = (this.memo[name] ??= new Map())
    if (!known.has(j)) known.set(j, this.value(this.table[name], j, 0))
    return known.get(j)
  }

  inputPart(block, j) {
    const { weight_ih: weight, held } = this.run.arrays
    return weight.row(this.row(block, j)).reduce((sum, w, d) => sum + w * held.at(0, d), 0)
  }
}
