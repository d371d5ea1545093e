// The numbers of a chart as a table.

import assert from "node:assert/strict"
import { test } from "node:test"

import { tableOf } from "../../explorer/stage/js/core/table.js"

test("a heatmap has a row for every step and a column for every unit", () => {
  const heat = { type: "heatmap", z: [Float64Array.of(0.5, -1), Float64Array.of(2, NaN)] }
  const axis = { tickvals: [0, 1], ticktext: ["the <i>cat</i>", "sat"] }
  assert.deepEqual(tableOf([heat], { xaxis: axis }), { head: ["", "0", "1"], rows: [["the cat", "0.5", "2"], ["sat", "−1", "NaN"]] })
})

test("lines over the same places share their rows, and a gap is empty", () => {
  const traces = [{ x: [1, 2], y: [3, 4], name: "<i>h</i>" }, { x: [2, 5], y: [6, 7] }, { x: [1], y: [9], visible: false }, { x: [1], y: [9], hoverinfo: "skip" }]
  assert.deepEqual(tableOf(traces), { head: ["", "h", "2"], rows: [["1", "3", ""], ["2", "4", "6"], ["5", "", "7"]] })
})

test("bars that lie are read by their names", () => {
  assert.deepEqual(tableOf([{ type: "bar", orientation: "h", x: [0.25], y: ["a<br>b"] }]), { head: ["", "1"], rows: [["a b", "0.25"]] })
})

test("points in space have three coordinates", () => {
  assert.deepEqual(tableOf([{ type: "scatter3d", x: [1], y: [2], z: [3], name: "stable" }]).rows, [["stable", "1", "2", "3"]])
})

test("the numbers of a figure from Python, which are text, are read", () => {
  const packed = (array, shape) => ({ dtype: "f8", bdata: Buffer.from(array.buffer).toString("base64"), ...(shape ? { shape } : {}) })
  const line = { x: packed(Float64Array.of(1, 2)), y: packed(Float64Array.of(0.5, -3)), name: "h" }
  assert.deepEqual(tableOf([line]), { head: ["", "h"], rows: [["1", "0.5"], ["2", "−3"]] })
  const bars = { type: "bar", orientation: "h", x: packed(Float64Array.of(7)), y: ["LSTM"] }
  assert.deepEqual(tableOf([bars]).rows, [["LSTM", "7"]])
  const field = { type: "contour", z: packed(Float64Array.of(1, 2, 3, 4, 5, 6), "2, 3") }
  assert.deepEqual(tableOf([field]), { head: ["", "0", "1"], rows: [["0", "1", "4"], ["1", "2", "5"], ["2", "3", "6"]] })
})
