// A cell's equations: their values for a unit, and what adds up to a pre-activation.

import assert from "node:assert/strict"
import { test } from "node:test"

import { Matrix } from "../../explorer/stage/js/core/payload.js"
import { Evaluator } from "../../explorer/stage/js/step/expression.js"

const matrix = (rows) => new Matrix(Float64Array.from(rows.flat()), { at: 0, shape: [rows.length, rows[0].length ?? 1] })

// Two blocks, a and b, of two units that read two inputs: rows a1, a2, b1, b2. One step.
const RUN = {
  units: 2, inputs: 2, blocks: ["a", "b"], recurrentBlocks: ["a", "b"], peepholeBlocks: ["b"],
  arrays: {
    x: matrix([[1, 2]]), h: matrix([[3, 4], [0.5, -0.5]]), c: matrix([[5, 6], [7, 8]]), "gate.g": matrix([[0.25, 0.75]]), "pre.a": matrix([[9, 10]]),
    weight_ih: matrix([[1, 0], [0, 1], [2, 0], [0, 2]]), weight_hh: matrix([[0, 1], [1, 0], [0, 10], [10, 0]]),
    bias_ih: matrix([[0.1], [0.2], [0.3], [0.4]]), bias_hh: matrix([[1], [2], [3], [4]]), peephole: matrix([[100], [200]]),
  },
}
const evaluator = new Evaluator(RUN)
const values = (expression) => [0, 1].map((j) => evaluator.value(expression, j, 0))

test("a symbol is a gate, a pre-activation, or a state after the step or before it", () => {
  assert.deepEqual(["g", "pre_a", "h", "h_prev", "c", "c_prev"].map(values), [[0.25, 0.75], [9, 10], [0.5, -0.5], [3, 4], [7, 8], [5, 6]])
})

test("operators are elementwise, over as many parts as there are", () => {
  assert.deepEqual(values(["add", "h", 1, "g"]), [1.75, 1.25])
  assert.deepEqual(values(["sub", 1, "g"]), [0.75, 0.25])
  assert.deepEqual(values(["mul", "g", "c", 2]), [3.5, 12])
  assert.deepEqual(values(["relu", "h"]), [0.5, 0])
  assert.deepEqual(values(["clip", ["mul", 3, "h"]]), [1, 0])
  assert.deepEqual(values(["clip", "g"]), [0.25, 0.75])
  assert.deepEqual(values(["tanh", "h"]), [Math.tanh(0.5), Math.tanh(-0.5)])
  assert.ok(Math.abs(values(["sigmoid", "h"])[0] - 1 / (1 + Math.exp(-0.5))) < 1e-15)
  assert.deepEqual(values(["sigmoid", 1000]), [1, 1])
})

test("a block's share of the inputs is W x + b, of the state U h + b'", () => {
  assert.deepEqual(values(["in", "a"]), [1.1, 2.2])
  assert.deepEqual(values(["in", "b"]), [2.3, 4.4])
  assert.deepEqual(values(["rec", "b"]), [43, 34])
  assert.deepEqual(values(["rec", "b", ["mul", "g", "h_prev"]]), [33, 11.5])
  assert.deepEqual(values(["peep", "b", "c_prev"]), [500, 1200])
})

test("a layer without bias adds none", () => {
  const bare = new Evaluator({ ...RUN, arrays: { ...RUN.arrays, bias_ih: undefined, bias_hh: undefined } })
  assert.equal(bare.value(["add", ["in", "b"], ["rec", "b"]], 0, 0), 42)
})

test("what adds up to a pre-activation is named and sums to it", () => {
  const expression = ["add", ["in", "b"], ["mul", "g", ["rec", "b"]], ["peep", "b", "c_prev"]]
  const parts = evaluator.contributions(expression, 0, 0)
  assert.deepEqual(parts, [
    { kind: "x", index: 0, value: 2 }, { kind: "x", index: 1, value: 0 }, { kind: "b", index: 0, value: 0.3 },
    { kind: "h", index: 0, value: 0 }, { kind: "h", index: 1, value: 10 }, { kind: "b", index: 1, value: 0.75 },
    { kind: "c", index: 0, value: 500 },
  ])
  assert.equal(parts.reduce((sum, part) => sum + part.value, 0), evaluator.value(expression, 0, 0))
})
