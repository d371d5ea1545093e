// The axes of a race's charts, and the points that stand for many.

import assert from "node:assert/strict"
import { test } from "node:test"

import { extremes, middle, outlined, roomFor, thinned, ticks, uncovered } from "../../explorer/stage/js/train/axes.js"

test("an axis ends at a round number with its values on it, and never before its least", () => {
  assert.deepEqual([1, 61, 100, 101, 151, 799, 801, 12345].map((value) => roomFor(value, 50)), [60, 80, 100, 150, 200, 800, 1000, 15000])
  for (let value = 1; value < 3000; value += 7) assert.ok(roomFor(value, 1) >= value && roomFor(value, 1) <= 1.7 * value)
})

test("of some neighbours the lowest and the highest are drawn, in the order in which they stand", () => {
  assert.deepEqual(extremes([5, 1, 3, 9, 2], 0, 5), [1, 3])
  assert.deepEqual(extremes([5, 9, 3, 1], 0, 4), [1, 3])
  assert.deepEqual(extremes([5, 9, 3, 1], 2, 9), [2, 3])
  assert.deepEqual(extremes([4, 4], 0, 2), [0])
})

test("where a number is not finite, that alone is drawn", () => {
  assert.deepEqual(extremes([5, null, 3], 0, 3), [1])
})

test("a log axis has parts of powers of ten where few are in sight, and no more powers than asked for", () => {
  assert.deepEqual(ticks(0, 1, 7), { tickvals: [1, 2, 3, 5, 10], ticktext: ["1", "2", "3", "5", "10"] })
  assert.deepEqual(ticks(-1, 1, 7).ticktext, ["0.1", "0.3", "1", "3", "10"])
  assert.deepEqual(ticks(-12, 0, 4).ticktext, ["10<sup>−12</sup>", "10<sup>−9</sup>", "10<sup>−6</sup>", "0.001", "1"])
  assert.deepEqual(ticks(2, 4, 7).ticktext, ["100", "300", "1000", "3000", "10<sup>4</sup>"])
  assert.deepEqual(ticks(4, 4.5, 4).ticktext, ["10<sup>4</sup>", "2·10<sup>4</sup>", "3·10<sup>4</sup>"])
})

test("few points are all drawn, many are thinned to their last or to their outline", () => {
  assert.deepEqual([thinned([5, 6, 7], 10), outlined([5, 6, 7], 10), thinned([], 10), outlined([], 10)], [[0, 1, 2], [0, 1, 2], [], []])
  const many = Array.from({ length: 1000 }, (_, k) => (k === 501 ? 99 : k === 502 ? -99 : Math.sin(k)))
  assert.deepEqual(thinned(many, 4), [249, 499, 749, 999])
  const drawn = outlined(many, 100)
  assert.ok(drawn.length <= 100 && drawn.includes(501) && drawn.includes(502))
  assert.deepEqual(drawn, drawn.toSorted((a, b) => a - b))
  many[700] = null
  assert.ok(outlined(many, 100).includes(700))
})

test("a mean is drawn in the middle of the steps it is over", () => {
  assert.deepEqual([0, 1, 24, 25, 99].map((k) => middle(k, 25)), [0, 0.5, 12, 13, 87])
})

test("a band is uncovered up to the step that its racer has made", () => {
  const shown = (last) => uncovered([25, 50, 75], [0.3, null, 0.1], last)
  assert.deepEqual([shown(0), shown(25), shown(74), shown(75)], [[null, null, null], [0.3, null, null], [0.3, null, null], [0.3, null, 0.1]])
})
