// Where a number comes from, the way back, and what becomes of what was written.

import assert from "node:assert/strict"
import { test } from "node:test"

import { Matrix } from "../../explorer/stage/js/core/payload.js"
import { Evaluator } from "../../explorer/stage/js/step/expression.js"
import { Trail, shares, sourceOf, stateSource, thread } from "../../explorer/stage/js/step/sources.js"

test("a gate leads to its equation, a state before to its equation a step earlier", () => {
  assert.deepEqual(sourceOf("f", 2, 3), { kind: "equation", symbol: "f", step: 3, unit: 2 })
  assert.deepEqual(sourceOf("c_prev", 2, 3), { kind: "equation", symbol: "c", step: 2, unit: 2 })
  assert.deepEqual(sourceOf("c_prev", 2, 0), { kind: "start", symbol: "c", step: -1, unit: 2 })
  assert.deepEqual(stateSource("h", 1, 0), { kind: "equation", symbol: "h", step: 0, unit: 1 })
})

test("a sum leads into the matrix that made it, a number to nothing", () => {
  const parts = [["in", "f"], ["rec", "f"], ["peep", "f", "c_prev"], "pre_f"].map((part) => sourceOf(part, 1, 0))
  assert.deepEqual(parts.map(({ kind, block, part }) => [kind, block, part]), [["matrix", "f", "x"], ["matrix", "f", "h"], ["matrix", "f", "c"], ["matrix", "f", "x"]])
  assert.equal(sourceOf(1, 0, 0), null)
  assert.equal(sourceOf(["mul", "f", "c_prev"], 0, 0), null)
})

test("a trail leads back to any place, and forgets what came after", () => {
  const trail = new Trail()
  const [a, b, c] = [0, 1, 2].map((step) => ({ kind: "equation", symbol: "c", step, unit: 0 }))
  for (const place of [a, b, b, c]) trail.leave(place)
  assert.deepEqual(trail.places, [a, b, c])
  assert.deepEqual(trail.back(1), b)
  assert.deepEqual(trail.places, [a])
})

const column = (values) => new Matrix(Float64Array.from(values), { at: 0, shape: [values.length, 1] })
const RUN = {
  units: 1, inputs: 1, rounding: 1e-9, blocks: [], recurrentBlocks: [], peepholeBlocks: [],
  arrays: { c: column([2, 1.5, 1.75]), "gate.f": column([0.5, 0.5]), "gate.i": column([0.5, 1]), "gate.g": column([1, 1]) },
  equations: [["c", ["add", ["mul", "f", "c_prev"], ["mul", "i", "g"]]], ["h", ["tanh", "pre_h"]]],
}

test("what was written and what is left of the start add up to the memory", () => {
  const found = shares(RUN, new Evaluator(RUN), "c", 0, 1)
  assert.deepEqual(found, { given: [0.5, 1], factor: [0.5, 0.5], written: [0.25, 1], kept: [0.5, 1], start: 0.5 })
  assert.equal(found.written.reduce((a, b) => a + b) + found.start, 1.75)
})

test("a state that goes in through weights alone has no direct way", () => {
  assert.equal(shares(RUN, new Evaluator(RUN), "h", 0, 1), null)
})

test("a thread runs from the step that gave the most, as thick as what is kept; a changed state cuts it", () => {
  const evaluator = new Evaluator(RUN)
  assert.deepEqual(thread(RUN, evaluator, "c", 0, 1), { from: 1, given: 1, amount: 1, left: [1] })
  const long = { ...RUN, arrays: { c: column([0, 1, 0.5, 0.35]), "gate.f": column([0.5, 0.5, 0.5]), "gate.i": column([1, 0, 1]), "gate.g": column([1, 1, 0.1]) } }
  const found = thread(long, new Evaluator(long), "c", 0, 2)
  assert.deepEqual([found.from, found.given, found.amount, found.left], [0, 1, 0.25, [1, 0.5, 0.25]])
  const cut = { ...long, arrays: { ...long.arrays, c: column([0, 1, 9, 0.35]) } }
  assert.equal(thread(cut, new Evaluator(cut), "c", 0, 1), null)
  assert.equal(thread(RUN, evaluator, "h", 0, 1), null)
  const single = { ...long, arrays: { ...long.arrays, c: column([0, 1, 0.5 + 1e-7, 0.35]) } }
  assert.equal(thread(single, new Evaluator(single), "c", 0, 1), null)
  assert.equal(thread({ ...single, rounding: 1e-5 }, new Evaluator(single), "c", 0, 1)?.from, 0)
})
