// A race's metric in words: an error, or a share with its interval where it is an estimate.

import assert from "node:assert/strict"
import { test } from "node:test"

import { between, bracketed } from "../../explorer/stage/js/core/exact.js"
import { explained, said } from "../../explorer/stage/js/train/metric.js"

const accuracy = { metric: "accuracy", trials: 500, alone: true }

test("an accuracy is a percentage with the interval of so many answers", () => {
  assert.equal(said(0.434, 4, accuracy), "43.4\u00a0%")
  assert.deepEqual(between(0.434, accuracy), ["39", "48"])
  assert.equal(bracketed(1, accuracy), "[99.2, 100]")
})

test("what is no estimate has no interval", () => {
  for (const [value, facts] of [[0.5, { ...accuracy, trials: 0 }], [null, accuracy], [undefined, accuracy]]) {
    assert.equal(between(value, facts), null)
    assert.equal(bracketed(value, facts), "")
  }
  assert.equal(explained({ ...accuracy, trials: 0 }, {}), "")
})

test("an error keeps four decimals, or so many significant digits", () => {
  const error = { metric: "error", trials: 0, alone: false }
  assert.equal(said(0.16666, 4, error), "0.1667")
  assert.equal(said(0.0098, 3, error), "0.0098")
  assert.equal(said(null, 4, error), "NaN")
})

test("the brackets are explained by whether the answers hang on each other", () => {
  const strings = { between_alone: "{n} alone", between_together: "{n} together" }
  assert.equal(explained(accuracy, strings), "500 alone")
  assert.equal(explained({ ...accuracy, trials: 9984, alone: false }, strings), "9,984 together")
})
