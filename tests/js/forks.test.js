// How said tokens came there, and how a reader chooses others.

import assert from "node:assert/strict"
import { test } from "node:test"

import { forkedAt, isForced, stateOf, windowOf } from "../../explorer/stage/js/language/forks.js"

// Two typed tokens and three said ones, the second of them chosen.
const PAYLOAD = { firstStep: 1, prompt: 2, text: Array(5), forced: { 2: 7 }, ended: false, ahead: [{}, {}, {}, {}, {}] }

test("a token was typed, drawn or chosen, and after the last there is none", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map((step) => stateOf(PAYLOAD, step)), ["given", "drawn", "forced", "drawn", "over"])
  assert.equal(stateOf({ ...PAYLOAD, ended: true }, 4), "ended")
  assert.equal(stateOf({ ...PAYLOAD, ahead: [null] }, 0), "nothing")
})

test("in a later window steps count from its first", () => {
  const later = { ...PAYLOAD, firstStep: 3 }
  assert.deepEqual([0, 1, 2].map((step) => stateOf(later, step)), ["forced", "drawn", "over"])
})

test("a choice is at a said token, never in the prompt", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map((token) => isForced(PAYLOAD, token)), [false, false, false, true, false])
})

test("a fork keeps the choices before it and drops those after it", () => {
  const forced = { 2: 7, 5: 1, 10: 3 }
  assert.equal(forkedAt(forced, 5, 0), "2:7;5:0")
  assert.equal(forkedAt(forced, 10), "2:7;5:1")
  assert.equal(forkedAt(forced, 1), "")
  assert.equal(forkedAt({}, 3, 4), "3:4")
})

test("a long text is cut into windows of the same length", () => {
  assert.deepEqual([1, 40, 41, 80, 81].map((step) => windowOf(step, 40)), [1, 1, 41, 41, 81])
})
