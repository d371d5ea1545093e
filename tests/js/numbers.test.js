// Numbers, scales and colours as they are shown.

import assert from "node:assert/strict"
import { test } from "node:test"

import { along, contrast, inkOn, ramp, rgb } from "../../explorer/stage/js/core/colours.js"
import { exact, fill, number, percent, powers, short, significant, tenTo } from "../../explorer/stage/js/core/numbers.js"

const said = (of, table) => assert.deepEqual(Object.fromEntries(table.map(([value]) => [value, of(value)])), Object.fromEntries(table))

test("a number has four decimals, a true minus, and a power of ten where four decimals say nothing", () => {
  said(number, [[0, "0.0000"], [0.5, "0.5000"], [-1.23456, "−1.2346"], [0.00005, "0.0001"], [0.00004, "4.00 × 10⁻⁵"], [-3e-9, "−3.00 × 10⁻⁹"],
    [99999.9, "99999.9000"], [100000, "1.00 × 10⁵"], [123456, "1.23 × 10⁵"], [NaN, "NaN"], [Infinity, "∞"], [-Infinity, "−∞"]])
  assert.equal(number(2.345, 1), "2.3")
  assert.equal(number(12, 0), "12")
})

test("a short number has two decimals or is about nothing", () => {
  said(short, [[0, "0.00"], [0.005, "0.01"], [-0.0049, "~0"], [8e-4, "~0"], [-0.714, "−0.71"], [12.3456, "12.35"]])
})

test("an exact number has all its digits", () => {
  said(exact, [[0.1, "0.1"], [-0.30000000000000004, "−0.30000000000000004"], [1e-7, "1 × 10⁻⁷"], [NaN, "NaN"], [-Infinity, "−∞"]])
  assert.equal(Number(exact(1 / 3)), 1 / 3)
})

test("a percentage has a decimal under a tenth, and what is not nothing is not said to be", () => {
  said(percent, [[0, "0.0\u00a0%"], [0.0004, "< 0.1\u00a0%"], [0.0005, "0.1\u00a0%"], [0.05, "5.0\u00a0%"], [0.0994, "9.9\u00a0%"], [0.0996, "10\u00a0%"], [0.999, "100\u00a0%"], [1, "100\u00a0%"]])
})

test("significant digits are written out where four decimals suffice", () => {
  said((v) => significant(v, 3), [[0, "0"], [0.16667, "0.167"], [0.1, "0.1"], [12.345, "12.3"], [-2, "−2"]])
})

test("powers of ten are read as such", () => {
  assert.equal(powers([-12, 0]), "10⁻¹² … 10⁰")
  said(tenTo, [[0, "1.0 × 10⁰"], [-2, "1.0 × 10⁻²"], [2.5, "3.2 × 10²"], [-0.30103, "5.0 × 10⁻¹"]])
})

test("a template is filled with what there is", () => {
  assert.equal(fill("{a} of {b}, {a}{c}", { a: 1, b: "<b>" }), "1 of <b>, 1")
  assert.equal(fill("{n}", { n: 0 }), "0")
})

test("a colour is read in every way that it is written", () => {
  for (const text of ["#0a14ff", "rgb(10, 20, 255)", "rgba(10,20,255,0.5)"]) assert.deepEqual(rgb(text), [10, 20, 255])
  assert.deepEqual(rgb("#fa0"), [255, 170, 0])
  assert.deepEqual(rgb("transparent"), [255, 255, 255])
})

test("a ramp goes from its first colour through each stop to its last", () => {
  const table = ramp([[0, "#000000"], [0.5, "#ff0000"], [1, "#ffffff"]])
  assert.equal(table.length, 64)
  assert.equal(table[0], "rgb(0,0,0)")
  assert.equal(table[63], "rgb(255,255,255)")
  const reds = table.map((colour) => rgb(colour)[0])
  assert.deepEqual(reds, reds.toSorted((a, b) => a - b))
  assert.deepEqual(rgb(table[31]).slice(1), [0, 0])
})

test("a value outside its scale has the colour of the end, one that is no number that of none", () => {
  const table = ramp([[0, "#000000"], [1, "#ffffff"]])
  assert.deepEqual([-9, 0, 1, 9].map((v) => along(table, v, 0, 1)), [table[0], table[0], table[63], table[63]])
  assert.equal(along(table, 0, -1, 1), table[32])
  assert.deepEqual([NaN, Infinity].map((v) => along(table, v, 0, 1)), ["#888", "#888"])
})

test("text on a colour has whichever of ink and ground is read more easily", () => {
  const theme = { hues: { ink: "#111111" }, ground: "#fefefe" }
  assert.equal(inkOn("#ffee00", theme), "#111111")
  assert.equal(inkOn("#202060", theme), "#fefefe")
  const dark = { hues: { ink: "#e8ecf1" }, ground: "#12161c" }
  assert.equal(inkOn("rgb(44, 153, 142)", dark), dark.ground) // 5.3 against 2.9, though it looks no darker than grey
  assert.ok(Math.abs(contrast("#000000", "#ffffff") - 21) < 1e-9 && Math.abs(contrast("#777777", "#ffffff") - 4.48) < 0.005)
})
