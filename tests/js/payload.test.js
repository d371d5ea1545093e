// The payload: what Python packs is what the stage reads.

import assert from "node:assert/strict"
import { test } from "node:test"

import { Matrix, decode } from "../../explorer/stage/js/core/payload.js"

// As explorer/stage/payload.py packs it; `before` bytes stand in front, as a view into a larger message may.
function packed(header, numbers, before = 0) {
  const text = new TextEncoder().encode(JSON.stringify(header))
  const start = Math.ceil((4 + text.length) / 8) * 8
  const bytes = new Uint8Array(before + start + 8 * numbers.length)
  const view = new DataView(bytes.buffer, before)
  view.setUint32(0, text.length, true)
  bytes.set(text, before + 4)
  bytes.fill(32, before + 4 + text.length, before + start)
  numbers.forEach((value, k) => view.setFloat64(start + 8 * k, value, true))
  return bytes.subarray(before)
}

const HEADER = {
  kind: "walk", id: "", strings: { name: "은닉 상태" },
  runs: [{
    arrays: { h: { at: 0, shape: [2, 3] }, bias: { at: 6, shape: [2] } },
    lines: [{ data: [{ type: "scatter", y: { array: { at: 6, shape: [2] } } }, { type: "scatter", y: [7] }, { type: "scatter" }] }],
  }],
}
const NUMBERS = [0.1, -2, NaN, Infinity, 1e-300, 5, 6, 7]

for (const before of [0, 3, 8]) {
  test(`numbers are those that were sent, to the bit, ${before} bytes into a buffer`, () => {
    const [run] = decode(packed(HEADER, NUMBERS, before)).runs
    assert.deepEqual([...run.arrays.h.row(0), ...run.arrays.h.row(1)], NUMBERS.slice(0, 6))
    assert.equal(run.arrays.h.at(1, 1), 1e-300)
    assert.equal(run.arrays.bias.at(1), 7)
  })
}

test("text of any length and script leaves the numbers where they are", () => {
  for (let length = 0; length < 9; length++) {
    const header = { ...HEADER, id: "가".repeat(length) }
    const payload = decode(packed(header, NUMBERS))
    assert.equal(payload.id, header.id)
    assert.equal(payload.runs[0].arrays.h.at(0, 0), 0.1)
  }
})

test("a line that leaves its numbers to the block gets them as a list, others keep their own", () => {
  const [{ data }] = decode(packed(HEADER, NUMBERS)).runs[0].lines
  assert.deepEqual(data.map((trace) => trace.y), [[6, 7], [7], undefined])
})

test("a matrix of more axes has rows as long as its last", () => {
  const cube = new Matrix(Float64Array.from({ length: 12 }, (_, k) => k), { at: 0, shape: [2, 2, 3] })
  assert.deepEqual([...cube.row(3)], [9, 10, 11])
  assert.equal(cube.at(2, 1), 7)
})
