// A unit whose gates are given, and strokes of a hand.

import assert from "node:assert/strict"
import { test } from "node:test"

import { clipped, held, stroke } from "../../explorer/stage/js/step/unit.js"

test("a unit holds what was written times what was kept of it, and says what o lets through", () => {
  const { c, h } = held({ f: [0.5, 0.5, 0.25], i: [1, 0, 0.5], o: [0, 1, 0.5] }, [2, 9, 4])
  assert.deepEqual(c, [2, 1, 2.25])
  assert.deepEqual(h, [0, 1, 1.125])
})

test("with f at 1 and i at the marks it says their sum exactly", () => {
  const { h } = held({ f: [1, 1, 1, 1], i: [0, 1, 0, 1], o: [0, 0, 0, 1] }, [0.9, 0.25, 0.7, 0.5])
  assert.equal(h[3], 0.75)
})

test("a stroke is a straight line between two steps, either way, and one step alone", () => {
  const flat = [0.5, 0.5, 0.5, 0.5]
  assert.deepEqual(stroke(flat, { step: 0, value: 0.2 }, { step: 2, value: 0.6 }), [0.2, 0.4, 0.6, 0.5])
  assert.deepEqual(stroke(flat, { step: 3, value: 1 }, { step: 2, value: 0 }), [0.5, 0.5, 0, 1])
  assert.deepEqual(stroke(flat, { step: 1, value: 0.3 }, { step: 1, value: 0.7 }), [0.5, 0.7, 0.5, 0.5])
})

test("near an end a gate is open or shut for good", () => {
  assert.deepEqual([-1, 0.03, 0.123, 0.97, 7].map(clipped), [0, 0, 0.12, 1, 1])
})
