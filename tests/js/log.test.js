// A race's log: what its events come to, and what is read out of it.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { suite, test } from "node:test"

import { RaceLog, leftPlateau, stillAt } from "../../explorer/stage/js/train/log.js"

const HISTORIES = JSON.parse(readFileSync(new URL("courses.json", import.meta.url), "utf-8"))

const begun = { kind: "racer", racer: 0, name: "rnn", cell: "rnn", parameters: 7, step: 0, budget: 8, tokens: 4 }
const steps = (from, loss, seconds, more = {}) => ({ kind: "steps", racer: 0, from, loss, norm: loss, seconds, ...more })
const look = (step) => ({ kind: "look", racer: 0, step, power: [step], gates: {} })

function logged(events, window = 2) {
  const log = new RaceLog(window)
  for (const event of events) log.add(event)
  return log
}

function course(...events) {
  return logged([begun, ...events]).racers[0]
}

suite("the law that the server's reading of the same events shares", () => {
  for (const { about, events, over, courses } of HISTORIES) {
    test(about, () => {
      const log = logged(events)
      assert.equal(log.end?.kind ?? "", over)
      const found = log.racers.map(({ status, parameters, loss, norm, checks }) => (
        { status, parameters, loss, norm, checks: checks.map(({ step, value, seconds }) => [step, value, seconds]) }))
      assert.deepEqual(found, courses)
    })
  }
})

test("a mean runs over the last steps that are finite, and there is none where the last is not", () => {
  assert.deepEqual(course(steps(1, [4, 2, null, 6, 1], 1)).means.loss, [4, 3, null, 6, 3.5])
})

test("seconds run evenly between two reports, and stand still over steps that were not reported", () => {
  assert.deepEqual(course(steps(1, [1, 1], 1), steps(3, [1, 1], 4)).seconds, [0.5, 1, 2.5, 4])
  assert.deepEqual(course(steps(1, [1], 1), steps(3, [1], 4)).seconds, [1, 1, 4])
})

test("a step is found by its number or by the second in which it was made", () => {
  const found = course(steps(1, [1, 1], 1), steps(3, [1, 1], 4))
  assert.deepEqual([0, 1, 1.9, 4, 9].map((x) => found.indexAt(x, false)), [-1, 0, 0, 3, 3])
  assert.deepEqual([0.4, 0.5, 0.99, 1, 4, 9].map((x) => found.indexAt(x, true)), [-1, 0, 0, 1, 3, 3])
})

test("the look at a step is the latest one made by then; one made again takes its place and that of all after it", () => {
  const found = course(look(2), look(4), look(6))
  assert.deepEqual([1, 2, 3, 4, 5.5, 100].map((step) => found.lookAt(step)?.step), [undefined, 2, 2, 4, 4, 6])
  assert.deepEqual(course(look(2), look(4), look(6), look(4)).looks.map((one) => one.step), [2, 4])
})

test("what came after a step is forgotten in every column where a racer goes on from it", () => {
  const found = logged([begun, steps(1, [1, 2, 3], 3, { metric: 0.5 }), look(1), look(3), { ...begun, step: 1 }]).racers[0]
  assert.deepEqual([found.loss, found.norm, found.means.norm, found.seconds, found.checks], [[1], [1], [1], [1], []])
  assert.deepEqual(found.looks.map((one) => one.step), [1])
})

test("the metric is that of the last check, and there is none before the first", () => {
  assert.equal(course(steps(1, [1], 1)).metric, undefined)
  assert.equal(course(steps(1, [1], 1, { metric: 0.5 }), steps(2, [1], 2, { metric: 0.25 }), steps(3, [1], 3)).metric, 0.25)
})

test("a racer has its whole share behind it once it has ended by itself, and not where it was stopped", () => {
  const half = [steps(1, [1, 1, 1, 1], 1)]
  const ended = (status) => course(...half, { kind: "end", racer: 0, status, step: 4 }).share
  assert.equal(course(...half).share, 0.5)
  assert.deepEqual(["stopped", "passed", "spent", "diverged"].map(ended), [0.5, 1, 1, 1])
})

test("a step costs what those of late did, and nothing is known of it before the second", () => {
  assert.equal(course(steps(1, [1], 1)).cost, null)
  assert.equal(course(steps(1, [1, 1], 1)).cost, 0.5)
  const slow = Array(300).fill(1)
  assert.equal(course(steps(1, slow, 300), steps(301, slow, 900)).cost, 2)
})

test("a race has spent what its racers have, and is kept up to the furthest weights of any", () => {
  const log = logged([begun, { ...begun, racer: 2 }, steps(1, [1], 1), { ...steps(1, [1], 2), racer: 2 }, { kind: "kept", racer: 2, step: 1 }])
  assert.equal(log.courses.length, 2)
  assert.equal(log.seconds, 3)
  assert.equal(log.kept, 1)
})

test("events of a racer that has not begun change nothing", () => {
  assert.deepEqual(logged([steps(1, [1], 1)]).racers, [])
})

test("a metric is still at chance on its side of it, and one without a number is not", () => {
  assert.deepEqual([0.2, 0.15, 0.1].map((v) => stillAt(v, { metric: "error", left: 0.15 })), [true, true, false])
  assert.deepEqual([0.5, 0.55, 0.6].map((v) => stillAt(v, { metric: "accuracy", left: 0.55 })), [true, true, false])
  assert.deepEqual([null, undefined, NaN].map((v) => stillAt(v, { metric: "accuracy", left: 0.55 })), [false, false, false])
})

test("a plateau is left at the first of the last checks past it: two in a row, or one that passes", () => {
  const error = { metric: "error", left: 0.15 }
  const left = (values, status = "running", facts = error) => leftPlateau({ status, checks: values.map((value, k) => ({ step: 25 * (k + 1), seconds: k, value })) }, facts)
  assert.equal(left([]), null)
  assert.equal(left([0.17, 0.16]), null)
  assert.equal(left([0.17, 0.14]), null) // may be luck
  assert.equal(left([0.17, 0.14, 0.1]), 50)
  assert.equal(left([0.14, 0.13, 0.16, 0.1, 0.05]), 100) // it had come back
  assert.equal(left([0.17, 0.009], "passed"), 50)
  assert.equal(left([0.14, 0.13, null]), null)
  assert.equal(left([0.25, 0.3, 0.4], "running", { metric: "accuracy", left: 0.275 }), 50)
})
