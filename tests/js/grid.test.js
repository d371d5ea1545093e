// A vector, a matrix and the products of one row, as one figure.

import assert from "node:assert/strict"
import { test } from "node:test"

import { domains, grid, largest, products } from "../../explorer/stage/js/step/grid.js"

const X = { letter: "W", vector: [1, -2], over: "x", matrix: [[3, 4], [5, -6]], names: ["x1", "x2"], hue: "x" }
const B = { letter: "b", vector: null, over: "", matrix: [[0.5], [7]], names: ["b"], hue: "ink" }
const HUES = { x: "#111", ink: "#222" }

test("a product is a weight times its number, a bias is itself", () => {
  assert.deepEqual(products(X, 1), [5, 12])
  assert.deepEqual(products(B, 0), [0.5])
  assert.equal(largest([1, -3, NaN, Infinity]), 3)
  assert.equal(largest([]), 1)
})

test("parts stand side by side, as wide as they have columns", () => {
  const [[a, b], [c, d]] = domains([{ ...X, matrix: [Array(12).fill(0)] }, B])
  assert.equal(a, 0)
  assert.ok(c > b && d <= 1 && d > 0.999)
  assert.ok(Math.abs((b - a) / (d - c) - 4) < 1e-9) // one column is as wide as three
})

test("all matrices share one scale, all vectors one, all products one axis; the chosen row is marked", () => {
  const { data, layout } = grid([X, B], 1, ["1", "2"], [[0, "#000"], [1, "#fff"]], HUES)
  assert.deepEqual(data.filter(({ meta }) => meta.what === "matrix").map(({ zmin, zmax }) => [zmin, zmax]), [[-7, 7], [-7, 7]])
  assert.deepEqual(data.filter(({ meta }) => meta.what === "vector").map(({ z }) => z), [[[1, -2]]])
  assert.deepEqual(data.filter(({ meta }) => meta.what === "products").map(({ y }) => y), [[5, 12], [7]])
  assert.ok(layout.yaxis3.range[1] > 12)
  assert.deepEqual(layout.shapes.map(({ y0, y1 }) => [y0, y1]), [[0.5, 1.5], [0.5, 1.5]])
  assert.equal(data[0].customdata[1][0], "W[2, x1]")
})
