// The keys of a lecture, its clock, what the next key does before it goes on, and what is kept of a guess.

import assert from "node:assert/strict"
import { beforeEach, test } from "node:test"

import { rulesOf, stateOf } from "../../explorer/stage/js/course/guess.js"
import { began, clock, meant } from "../../explorer/stage/js/course/lecture.js"
import { offer, offered, takeTurn, withdraw } from "../../explorer/stage/js/course/turns.js"

function storage() {
  const held = new Map()
  return { getItem: (name) => held.get(name) ?? null, setItem: (name, value) => held.set(name, value) }
}

beforeEach(() => {
  globalThis.localStorage = storage()
  globalThis.sessionStorage = storage()
})

const pressed = (key, rest = {}) => meant({ key, target: null, ...rest })

test("a clicker's keys go back and on, Escape leaves, b and the full stop darken", () => {
  assert.deepEqual(["PageUp", "PageDown", "Escape", "b", "."].map((key) => pressed(key)), ["back", "on", "leave", "dark", "dark"])
  assert.equal(pressed("ArrowRight"), undefined)
  assert.equal(pressed("PageDown", { ctrlKey: true }), undefined)
})

test("who types darkens and leaves nothing, and still turns the page", () => {
  const target = { closest: (selector) => (selector.includes("textarea") ? {} : null) }
  assert.equal(pressed("b", { target }), undefined)
  assert.equal(pressed("Escape", { target }), undefined)
  assert.equal(pressed("PageDown", { target }), "on")
})

test("the clock counts from when the lecture was first opened in this window", () => {
  assert.deepEqual([0, 59_999, 60_000, 3_599_000, 6_000_000, -5].map(clock), ["0:00", "0:59", "1:00", "59:59", "100:00", "0:00"])
  assert.equal(began("a", 1000), 1000)
  assert.equal(began("a", 5000), 1000)
  assert.equal(began("b", 5000), 5000)
  sessionStorage.setItem("rx-lecture", "{\"a\": 9e12, \"c\": \"x\"}") // a clock set back, and not ours
  assert.equal(began("a", 7000), 7000)
  assert.equal(began("c", 7000), 7000)
})

test("turns that are due are taken one at a time, in their order, then there is none", () => {
  const taken = []
  const once = (name, order) => {
    const turn = { order, due: () => !taken.includes(name), take: () => taken.push(name) }
    offer(name, turn)
    return turn
  }
  once("answer", 3)
  const old = once("guess", 1)
  assert.deepEqual([takeTurn(), takeTurn(), takeTurn()], [true, true, false])
  assert.deepEqual(taken, ["guess", "answer"])
  taken.length = 0
  const next = once("guess", 1) // the next question, before the one before is gone
  withdraw("guess", old)
  assert.equal(offered("guess"), true)
  withdraw("guess", next)
  takeTurn()
  assert.deepEqual(taken, ["answer"])
})

const DATA = { key: "step_forget", choices: ["a", "b"], right: 1, cover: "covered_step_forget", reveal: "answer_step_forget", lecture: "", strings: {} }

test("a guess is kept for good, in a lecture for its window; what is not ours is no guess", () => {
  assert.deepEqual(stateOf(DATA), { choice: undefined, open: false, answered: false })
  localStorage.setItem("rx-guesses", JSON.stringify({ step_forget: { choice: 1 } }))
  assert.deepEqual(stateOf(DATA), { choice: 1, open: true, answered: false })
  assert.equal(stateOf({ ...DATA, lecture: "fifty" }).open, false)
  sessionStorage.setItem("rx-guesses", JSON.stringify({ "fifty step_forget": { open: true, answered: true } }))
  assert.deepEqual(stateOf({ ...DATA, lecture: "fifty" }), { choice: undefined, open: true, answered: true })
  for (const bad of ["{", "[1]", "null", JSON.stringify({ step_forget: { choice: 7, open: "yes" } })]) {
    localStorage.setItem("rx-guesses", bad)
    assert.deepEqual(stateOf(DATA), { choice: undefined, open: false, answered: false })
  }
})

test("rules show what is open and nothing else", () => {
  assert.equal(rulesOf(DATA, {}), "")
  assert.match(rulesOf(DATA, { open: true }), /covered_step_forget .st-key-covered > \*/)
  assert.doesNotMatch(rulesOf(DATA, { open: true }), /answer_/)
  assert.match(rulesOf(DATA, { open: true, answered: true }), /answer_step_forget/)
  assert.equal(rulesOf({ ...DATA, cover: "" }, { open: true }), "")
})
