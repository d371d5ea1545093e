// Units ranked, ranges searched, and what is said of them.

import assert from "node:assert/strict"
import { test } from "node:test"

import { Matrix } from "../../explorer/stage/js/core/payload.js"
import { elsewhere, unitsOn } from "../../explorer/stage/js/language/units/ranges.js"
import { byFeature, foremost, leading, lossShare, memoryShare, ranked, shown } from "../../explorer/stage/js/language/units/ranking.js"
import { about, cause, meaning, short, signed, written } from "../../explorer/stage/js/language/units/words.js"

const matrix = (rows) => new Matrix(Float64Array.from(rows.flat()), { at: 0, shape: [rows.length, ...(Array.isArray(rows[0]) ? [rows[0].length] : [])] })

// One string a unit: + and − where it is on, . where it is off, at each step.
function states(units, { starts = [0], threshold = 0.3 } = {}) {
  const steps = units[0].length
  const size = { "+": 0.5, "−": -0.5, ".": 0.1 }
  const values = matrix(Array.from({ length: steps }, (_, k) => units.map((unit) => size[[...unit][k]])))
  return { values, steps, units: units.length, starts, threshold }
}

test("the largest comes first, equals keep their order, and what has no number comes last", () => {
  const measures = [0.2, NaN, 0.5, -1, 0.5, -Infinity]
  assert.deepEqual(ranked(6, (j) => measures[j]), [2, 4, 0, 3, 1, 5])
})

test("the leading units have the current one among them", () => {
  assert.deepEqual(leading([4, 2, 0, 1], 2, 2), [4, 2])
  assert.deepEqual(leading([4, 2, 0, 1], 2, 1), [4, 1])
  assert.deepEqual(leading([0], 5, 0), [0])
})

test("a feature that the text has not gives way to the first that it has", () => {
  const features = [{ kind: "a", there: false }, { kind: "b", there: true }, { kind: "c", there: true }]
  assert.deepEqual(["a", "b", "c"].map((kind) => shown(features, kind)?.kind), ["b", "b", "c"])
  assert.equal(shown([features[0]], "a"), null)
})

test("units are ranked by how closely they follow the feature, on either side, else by what is lost without them", () => {
  const run = { units: 3, arrays: { "r.c.line": matrix([0.1, -0.9, 0.5]), without: matrix([3, 1, 2]) } }
  assert.deepEqual(byFeature(run, { kind: "line" }, "c"), [1, 2, 0])
  assert.deepEqual(byFeature(run, null, "c"), [0, 2, 1])
})

test("of the units that follow the feature beyond chance, the one that is missed most comes to the front", () => {
  const arrays = { "r.c.line": matrix([0.9, -0.8, 0.7, 0.1]), "chance.c.line": matrix([0.2]), "mean.line": matrix([[0.1, 0], [3, 0], [NaN, 0], [9, 0]]) }
  const run = { units: 4, arrays }
  assert.equal(foremost(run, { kind: "line" }, "c", [0, 1, 2, 3]), 1)
  assert.equal(foremost(run, null, "c", [2, 0, 1, 3]), 2)
  const nobody = { units: 4, arrays: { ...arrays, "chance.c.line": matrix([0.95]) } }
  assert.equal(foremost(nobody, { kind: "line" }, "c", [0, 1, 2, 3]), 0)
})

test("bars are shares of the largest loss, in nats; of a thousand steps, by the logarithm", () => {
  const run = { arrays: { perplexity: matrix([2]), without: matrix([8, 4, 2, 1, 0.01]) } }
  const share = lossShare(run, 0)
  assert.deepEqual([0, 1, 2, 3, 4].map((j) => Number(share(j).toFixed(3))), [1, 0.5, 0, -0.5, -1])
  assert.equal(lossShare({ arrays: { perplexity: matrix([2]), without: matrix([2]) } }, 0)(0), 0)
  assert.deepEqual([0, 999, 1e6, Infinity].map(memoryShare), [0, 1, 1, 1])
})

test("units are on throughout a range with one sign, and off just before and after", () => {
  assert.deepEqual(unitsOn(states([".++.", "++++", ".+−.", ".−−."]), [1, 2]), { units: [{ j: 0, sign: 1 }, { j: 3, sign: -1 }], off: true })
})

test("a unit is on from the threshold on", () => {
  const on = (threshold) => unitsOn(states(["+"], { threshold }), [0, 0]).units.length
  assert.deepEqual([0.5, 0.51].map(on), [1, 0])
})

test("where all that are on go on beside it, those are given", () => {
  assert.deepEqual(unitsOn(states(["++++", ".+.."]), [1, 2]), { units: [{ j: 0, sign: 1 }], off: false })
  assert.deepEqual(unitsOn(states(["...."]), [1, 2]), { units: [], off: false })
})

test("the other side of 0 is not on beside it, and neither is another line", () => {
  assert.equal(unitsOn(states(["−++−"]), [1, 2]).off, true)
  assert.equal(unitsOn(states(["++++"], { starts: [0, 1, 3] }), [1, 2]).off, true)
  assert.equal(unitsOn(states(["++"]), [0, 1]).off, true) // nothing stands beside it
})

test("the same units are looked for elsewhere, the likest in length first, none across the end of a line", () => {
  const text = states(["++.+.++.++++", "++.+.++.++++"])
  const { units } = unitsOn(text, [0, 1])
  assert.deepEqual(elsewhere(text, [0, 1], units), { places: [[5, 6], [3, 3], [8, 11]], least: 2 })
  const lines = states(["++.++"], { starts: [0, 4] })
  assert.deepEqual(elsewhere(lines, [0, 1], [{ j: 0, sign: 1 }]).places, [[3, 3], [4, 4]])
})

test("where they are not all on anywhere, as many as there are do, but no fewer than half", () => {
  const text = states(["+.+.", "+.+.", "+...", "+..."])
  const { units } = unitsOn(text, [0, 0])
  assert.deepEqual(elsewhere(text, [0, 0], units), { places: [[2, 2]], least: 2 })
  const few = states(["+.+", "+..", "+.."])
  assert.deepEqual(elsewhere(few, [0, 0], unitsOn(few, [0, 0]).units), { places: [], least: 0 })
})

test("a stretch that lies over the range is no other place", () => {
  const text = states(["++++"])
  assert.deepEqual(elsewhere(text, [1, 2], [{ j: 0, sign: 1 }]).places, [])
})

test("a change has its sign, and none where it rounds to nothing", () => {
  assert.deepEqual([0.004, -0.004, 0.005, -0.005, 1.239].map(signed), ["0.00", "0.00", "+0.01", "−0.01", "+1.24"])
  assert.equal(short(0.00001), "0.00")
})

test("a feature is a number, one of two sides, or one of its categories", () => {
  assert.equal(meaning({ names: [] }, Float64Array.of(7)), "7")
  assert.deepEqual([1, -1, 0].map((v) => meaning({ names: ["open", "shut"] }, Float64Array.of(v))), ["open", "shut", "–"])
  assert.equal(meaning({ names: ["a", "b", "c"] }, Float64Array.of(0, 1, 0)), "b")
  assert.equal(meaning({ names: ["a", "b", "c"] }, Float64Array.of(0, 0, 0)), "–")
})

const PAYLOAD = {
  states: ["h"],
  strings: { surprise: "{nats} {change} unit {unit}", cause: "{unit}: {with} to {without}", cause_line: "{decided} and {others}", cause_mean: "at its mean {decided} and {others}", too_short: "short", not_finite: "NaN" },
  runs: [{
    steps: 2, tokens: [{ label: "a", original: "a", known: true }, { label: "?", original: "z", known: false }],
    arrays: {
      h: matrix([[0.5, 1], [0.25, 2]]), "value.line": matrix([[1], [-1]]), nats: matrix([NaN, 2]), lost: matrix([[0, 0], [0.5, -1]]),
      perplexity: matrix([4]), without: matrix([5, 6]), "mean.line": matrix([[NaN, NaN], [1.5, -0.5]]), "averaged.line": matrix([[NaN, NaN], [0.5, 0.25]]),
    },
  }],
}
const LINE = { kind: "line", name: "Line", names: ["yes", "no"], there: true }

test("a token's number, states and feature are said, and its surprise where something stands before it", () => {
  assert.deepEqual(about(PAYLOAD, LINE, 0, 1), ["t = 1  a", "h = 1.0000", "Line: yes"])
  assert.deepEqual(about(PAYLOAD, null, 1, 1), ["t = 2  ? (z)", "h = 2.0000", "2.00 −1.00 unit 2"])
})

test("what is lost without a unit is said of the text, and of the feature where it is decided", () => {
  assert.equal(cause(PAYLOAD, LINE, 0), "1: 4.00 to 5.00")
  assert.equal(cause(PAYLOAD, LINE, 1), "2: 4.00 to 6.00 +1.50 and −0.50 at its mean +0.50 and +0.25")
  assert.equal(cause(PAYLOAD, null, 1), "2: 4.00 to 6.00")
  const [run] = PAYLOAD.runs
  const exploded = (steps) => ({ ...PAYLOAD, runs: [{ ...run, steps, arrays: { ...run.arrays, perplexity: matrix([NaN]) } }] })
  assert.deepEqual([cause(exploded(2), LINE, 1), cause(exploded(1), LINE, 1)], ["NaN", "short"])
})

test("tokens are written as they are read, as far as there are any", () => {
  const tokens = ["a", "␣", "b"].map((label) => ({ label }))
  assert.equal(written(tokens, "char", -5, 2), "a ")
  assert.equal(written([tokens[0], tokens[2]], "word", 0, 9), "a b")
})
