// A unit's values over time and the scale of a row.

import assert from "node:assert/strict"
import { test } from "node:test"

import { Matrix } from "../../explorer/stage/js/core/payload.js"
import { edged, series, span } from "../../explorer/stage/js/step/series.js"

const matrix = (rows) => new Matrix(Float64Array.from(rows.flat()), { at: 0, shape: [rows.length, rows[0].length] })
const RUN = { steps: 2, arrays: { c: matrix([[0, 0], [1, 2], [3, 4]]), "gate.f": matrix([[0.1, 0.2], [0.3, 0.4]]) } }

test("a gate has a value a step, a state those after each step", () => {
  assert.deepEqual([...series(RUN, "f", 1)], [0.2, 0.4])
  assert.deepEqual([...series(RUN, "c", 0)], [1, 3])
})

test("a value lasts for its step, the first and the last too", () => {
  assert.deepEqual(edged(series(RUN, "c", 1)), [2, 2, 4, 4])
})

test("a scale holds 0 and all finite values of all that share it", () => {
  const of = (...all) => span(all.map((values) => Float64Array.from(values)))
  assert.deepEqual(of([1, 2], [-3]), [-3, 2])
  assert.deepEqual(of([-1, -2]), [-2, 0])
  assert.deepEqual(of([NaN, 4, Infinity]), [0, 4])
  assert.deepEqual(of([0, 0]), [-1, 1])
})
