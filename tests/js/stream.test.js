// A race as it comes from the server: one connection a window, taken up where it broke.

import assert from "node:assert/strict"
import { afterEach, beforeEach, mock, test } from "node:test"

import { RaceStream, follow, heard as toldOf } from "../../explorer/stage/js/train/stream.js"
import { Source as Shared } from "./source.js"

const BEGUN = { kind: "racer", racer: 0, name: "rnn", cell: "rnn", parameters: 7, step: 0, budget: 100, tokens: 4 }
const steps = (from, count, seconds) => ({ kind: "steps", racer: 0, from, loss: Array(count).fill(1), norm: Array(count).fill(1), seconds })

class Source extends Shared {
  say(id, ...events) {
    this.onmessage({ lastEventId: String(id), data: JSON.stringify(events) })
  }

  stand(state, more = {}) {
    this.listeners.state({ data: JSON.stringify({ state, place: 0, watchers: 1, ...more }) })
  }
}

beforeEach(() => {
  globalThis.EventSource = Source
  Source.opened = []
  mock.timers.enable({ apis: ["setTimeout"] })
})

afterEach(() => {
  for (const stream of globalThis.rxRaces?.values() ?? []) stream.close()
  delete globalThis.rxRaces
  mock.timers.reset()
  mock.restoreAll()
})

test("before its start a race asks nothing of the server", () => {
  assert.equal(follow("", 0, 25).state.state, "idle")
  assert.deepEqual(Source.opened, [])
})

test("a race that is told at once asks nothing of the server, and is over only where it came to its end", () => {
  assert.equal(toldOf([], 25).state.state, "unrun")
  assert.equal(toldOf([BEGUN, steps(1, 10, 1)], 25).state.state, "so_far")
  assert.equal(toldOf([BEGUN, { kind: "stopped" }], 25).state.state, "so_far")
  const done = toldOf([BEGUN, steps(1, 10, 1), { kind: "done" }], 25)
  assert.equal(done.state.state, "over")
  assert.equal(done.log.racers[0].step, 10)
  assert.deepEqual(Source.opened, [])
})

test("a window follows one race: the same again is the same stream, another closes it, a new attempt begins anew", () => {
  const first = follow("a b", 0, 25)
  assert.equal(follow("a b", 0, 25), first)
  assert.deepEqual(Source.opened.map(({ url }) => url), ["/train/a%20b/events?from=0"])
  const second = follow("other", 0, 25)
  assert.equal(first.source.readyState, Source.CLOSED)
  assert.notEqual(follow("other", 1, 25), second)
  assert.equal(second.source.readyState, Source.CLOSED)
  assert.equal(globalThis.rxRaces.size, 1)
})

test("events go into the log, and whoever listens hears of them", () => {
  const stream = follow("a", 0, 25)
  const heard = []
  stream.listeners.add((what) => heard.push(what))
  stream.source.stand("running")
  stream.source.say(2, BEGUN, steps(1, 10, 1))
  assert.deepEqual(heard, ["state", "events"])
  assert.equal(stream.log.racers[0].step, 10)
})

test("the browser connects again by itself; where the server refused it, the stream does, from the last event on", () => {
  const stream = follow("a", 0, 25)
  stream.source.say(7, BEGUN)
  stream.source.onerror()
  assert.equal(stream.state.state, "reconnecting")
  mock.timers.tick(60_000)
  assert.equal(Source.opened.length, 1)
  stream.source.readyState = Source.CLOSED
  stream.source.onerror()
  mock.timers.tick(999)
  assert.equal(Source.opened.length, 1)
  mock.timers.tick(1)
  assert.equal(Source.opened[1].url, "/train/a/events?from=7")
})

test("a server that is gone is asked four times, ever later, then given up; a word from it begins the count anew", () => {
  const stream = follow("a", 0, 25)
  const refuse = () => {
    stream.source.readyState = Source.CLOSED
    stream.source.onerror()
    return stream.state.state
  }
  const waits = [1000, 2000, 4000, 8000]
  for (const wait of waits) {
    assert.equal(refuse(), "reconnecting")
    mock.timers.tick(wait)
  }
  stream.source.stand("running")
  for (const wait of waits) {
    assert.equal(refuse(), "reconnecting")
    mock.timers.tick(wait)
  }
  assert.equal(refuse(), "lost")
  mock.timers.tick(60_000)
  assert.equal(Source.opened.length, 9)
})

test("a race that is over is asked no more", () => {
  const stream = follow("a", 0, 25)
  stream.source.stand("over")
  assert.equal(stream.source.readyState, Source.CLOSED)
})

test("the time left is what the budget still costs at the pace of late, and unknown before there is one", () => {
  let now = 0
  mock.method(performance, "now", () => now)
  const stream = new RaceStream("a", 0, 25)
  stream.open()
  stream.source.stand("running")
  stream.source.say(1, BEGUN, steps(1, 10, 1))
  assert.equal(stream.left, null)
  now = 1400
  stream.source.say(2, steps(11, 5, 1.5))
  assert.equal(stream.left, null) // too soon to tell
  now = 2000
  stream.source.say(3, steps(11, 10, 2)) // a CPU second in two on the wall, a tenth of one a step
  assert.ok(Math.abs(stream.left - 80 * 0.1 * 2) < 1e-9)
  now = 4000
  stream.source.say(4, { ...BEGUN, racer: 1 })
  assert.equal(stream.left, null) // what a step of the other one costs is unknown
  stream.source.stand("paused")
  assert.equal(stream.left, null)
})

test("a command is taken, shared with others, or refused", async () => {
  const stream = new RaceStream("a", 0, 25)
  const answers = [{ status: 204, ok: true }, { status: 409, ok: false, json: async () => ({ shared: 3 }) }, { status: 500, ok: false }]
  const asked = []
  globalThis.fetch = async (url, { method }) => {
    asked.push(`${method} ${url}`)
    return answers.shift()
  }
  assert.equal(await stream.command("pause"), null)
  assert.equal(await stream.command("stop"), 3)
  await assert.rejects(stream.command("go"), /refused: 500/)
  assert.deepEqual(asked, ["POST /train/a/pause", "POST /train/a/stop", "POST /train/a/go"])
})
