// A window in a room: what a follower does by itself and what it asks of the page, and how it comes back.

import assert from "node:assert/strict"
import { afterEach, beforeEach, mock, test } from "node:test"

import { enter } from "../../explorer/stage/js/room/client.js"
import { experimentOf, wayTo } from "../../explorer/stage/js/room/follow.js"
import { answerSays, intervalSays, isToCome, raceSays, seedSays, seedState } from "../../explorer/stage/js/room/words.js"
import { Source } from "./source.js"

const view = (query = {}, page = "step") => ({ page, query })

const say = (source, name, data) => source.listeners[name]({ data: JSON.stringify(data) })

/** @type {{ url: string, asked: any }[]} */
let posts = []
let status = 200

beforeEach(() => {
  posts = []
  status = 200
  globalThis.EventSource = Source
  Source.opened = []
  globalThis.fetch = async (url, { body }) => {
    posts.push({ url, asked: JSON.parse(body) })
    return { ok: status === 200, status, json: async () => ({ lecturer: false, number: 3 }) }
  }
  mock.timers.enable({ apis: ["setTimeout"] })
})

afterEach(() => {
  globalThis.rxRoom?.close()
  delete globalThis.rxRoom
  mock.timers.reset()
})

const soon = async () => { for (let k = 0; k < 5; k++) await Promise.resolve() }

test("step, unit and card are set in the browser; anything else is the page's to compute", () => {
  const there = view({ cell: "gru", step: "4", unit: "2", card: "update" })
  assert.equal(wayTo(view({ cell: "gru" }), there), "stand")
  assert.equal(wayTo(view({ cell: "lstm" }), there), "go")
  assert.equal(wayTo(view({ cell: "gru" }, "gradients"), there), "go")
  assert.equal(wayTo(view({ cell: "lstm" }), view({}, "room")), "none")
})

test("what the page made of the class's view counts as that view", () => {
  const there = view({ cell: "gru", weights: "model" })
  const here = view({ cell: "gru", weights: "untrained" })
  const arrived = { from: experimentOf(there), as: experimentOf(here) }
  assert.equal(wayTo(here, there, arrived), "stand")
  assert.equal(wayTo(here, view({ cell: "rnn" }), arrived), "go")
})

test("the order of an address says nothing", () => {
  assert.equal(experimentOf(view({ a: "1", b: "2" })), experimentOf(view({ b: "2", step: "9", a: "1" })))
})

test("a window is in one room, joins it once, and knows who it is", async () => {
  const room = enter("BCDF")
  assert.equal(enter("BCDF"), room)
  await soon()
  assert.deepEqual(posts.map(({ url }) => url), ["/r/BCDF/join"])
  assert.equal(Source.opened[0].url, "/r/BCDF/events")
  say(Source.opened[0], "view", view({ cell: "gru" }))
  assert.equal(room.state, "in")
  assert.deepEqual(room.view, view({ cell: "gru" }))
  enter("GHJK")
  assert.equal(Source.opened[0].readyState, Source.CLOSED)
})

test("a room that there is not is said and not tried again; a server that is gone is", async () => {
  status = 404
  const room = enter("BCDF")
  await soon()
  assert.equal(room.state, "gone")
  mock.timers.tick(60_000)
  assert.equal(posts.length, 1)
  globalThis.fetch = async () => { throw new TypeError("nobody there") }
  const other = enter("GHJK")
  await soon()
  assert.equal(other.state, "lost")
  status = 200
  globalThis.fetch = async (url) => ({ ok: true, status, json: async () => ({ lecturer: true, number: 0, url }) })
  mock.timers.tick(1000)
  await soon()
  assert.equal(Source.opened.length, 1)
})

test("where too many join at once a window says so, and joins by itself a little later", async () => {
  status = 429
  const room = enter("BCDF")
  await soon()
  assert.equal(room.state, "slow")
  status = 200
  mock.timers.tick(1000)
  await soon()
  assert.deepEqual([posts.length, Source.opened.length], [2, 1])
})

test("of a lecturer's steps that come at once the last is told, and none twice", async () => {
  const room = enter("BCDF")
  await soon()
  posts = []
  for (const step of ["2", "3", "4"]) room.show(view({ step }))
  mock.timers.tick(100)
  room.show(view({ step: "4" }))
  mock.timers.tick(100)
  assert.deepEqual(posts.map(({ asked }) => asked), [view({ step: "4" })])
})

test("a device's curve grows by what is new, begins anew with another race, and is whole after a reload", async () => {
  const room = enter("BCDF")
  await soon()
  const [source] = Source.opened
  say(source, "curve", { race: 1, from: 0, points: [[25, 0.2]] })
  say(source, "curve", { race: 1, from: 1, points: [[50, null], [75, 1]] })
  assert.deepEqual(room.curve, { race: 1, points: [[25, 0.2], [50, null], [75, 1]] })
  say(source, "curve", { race: 1, from: 0, points: [[25, 0.2]] })
  assert.deepEqual(room.curve.points, [[25, 0.2]])
  say(source, "curve", { race: 2, from: 0, points: [] })
  assert.deepEqual(room.curve, { race: 2, points: [] })
})

test("a seed says how it does, the race how many have passed", () => {
  const strings = { your_seed: "seed {seed}.", seed_running: "at {step}", seed_passed: "passed in {step}", no_seed: "none", passed: "{k} of {n}", still: "{n} to come", unkept: "full" }
  const race = { offer: "", states: ["passed", "running", "waiting"], steps: [50, 25, 0], passed: 1, finished: 1, over: false }
  const room = /** @type {any} */ ({ race, you: { seed: 1 } })
  assert.equal(seedSays(room, strings), "seed 1. at 25")
  assert.equal(seedSays({ ...room, you: { seed: null } }, strings), "none")
  assert.deepEqual([seedState(room), seedState({ ...room, you: { seed: 7 } })], ["running", "waiting"]) // of 7 nothing was said yet
  assert.deepEqual(race.states.map(isToCome), [false, true, true])
  assert.equal(seedSays({ ...room, race: null }, strings), "")
  assert.equal(raceSays(room, strings), "1 of 1 · 2 to come")
  assert.equal(raceSays({ ...room, race: { ...race, states: ["passed", "failed", "failed"], unkept: true } }, strings), "1 of 1 · full")
})

test("once a race is over, the bounds of its share are said, rounded outwards", () => {
  const strings = { interval: "{low} to {high}" }
  const race = { offer: "", states: [], steps: [], passed: 8, finished: 10, over: true } // 44.4 % to 97.5 %
  const room = /** @type {any} */ ({ race })
  assert.equal(intervalSays(room, strings), "44 to 98")
  assert.equal(intervalSays({ ...room, race: { ...race, over: false } }, strings), "")
  assert.equal(intervalSays({ ...room, race: { ...race, finished: 0, passed: 0 } }, strings), "")
})

test("a guess in words: an answer in the reader's language, a number with a true minus", () => {
  const asked = /** @type {any} */ ({ answers: [{ en: "all", ko: "모두" }] })
  assert.equal(answerSays(asked, 0, "ko"), "모두")
  assert.equal(answerSays(/** @type {any} */ ({ low: -9, high: 1 }), -2.97456, "en"), "−2.975")
})
