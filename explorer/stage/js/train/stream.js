// A race as it comes from the server. It belongs to the window: it goes on while another page of the app is
// shown, and a window follows one race at a time.

/** @import { RaceEvent } from "../types.js" */

import { RaceLog } from "./log.js"

const SPAN_MS = 10_000 // how far back the pace is measured
const RETRIES_MS = [1000, 2000, 4000, 8000]

let streams = 0

/** @typedef {{ state: string, place: number, watchers: number }} State what the server says of a race, or this side of the server */

/**
 * Returns the stream of a race, opening it if this window does not follow it yet; without a key, one that
 * stays silent. mean: steps over which means run.
 * @type {(key: string, attempt: number, mean: number) => RaceStream}
 */
export function follow(key, attempt, mean) {
  if (!key) return new RaceStream(key, attempt, mean)
  /** @type {Map<string, RaceStream>} */
  const races = (/** @type {any} */ (globalThis).rxRaces ??= new Map())
  const known = races.get(key)
  if (known?.attempt === attempt) return known
  for (const other of races.values()) other.close()
  races.clear()
  const stream = new RaceStream(key, attempt, mean)
  races.set(key, stream)
  stream.open()
  return stream
}

/** A race of which all is told: it stays as its events left it. @type {(events: RaceEvent[], mean: number) => RaceStream} */
export function heard(events, mean) {
  const stream = new RaceStream("", 0, mean)
  for (const event of events) stream.log.add(event)
  const done = stream.log.end?.kind === "done"
  stream.state = { state: done ? "over" : events.length ? "so_far" : "unrun", place: 0, watchers: 0 }
  return stream
}

/** The server did not take a command. */
export class RefusedError extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`refused: ${status}`)
    this.status = status
  }
}

export class RaceStream {
  /** @param {string} key @param {number} attempt @param {number} mean */
  constructor(key, attempt, mean) {
    this.key = key
    this.attempt = attempt
    this.number = ++streams
    this.seen = 0 // the last event that was heard
    this.retries = 0
    this.told = false // that the race is over
    this.log = new RaceLog(mean)
    /** @type {State} */
    this.state = { state: key ? "connecting" : "idle", place: 0, watchers: 0 }
    /** @type {Set<(what: string) => void>} */
    this.listeners = new Set()
    /** @type {{ at: number, seconds: number }[]} */
    this.pace = [] // {at, seconds}: the clock on the wall, and CPU seconds spent by then
  }

  get url() {
    return `/train/${encodeURIComponent(this.key)}`
  }

  open() {
    this.source = new EventSource(`${this.url}/events?from=${this.seen}`)
    this.source.onmessage = (message) => this.hear(message)
    this.source.addEventListener("state", (message) => this.stand(JSON.parse(message.data)))
    this.source.onerror = () => this.broke()
  }

  /** @param {MessageEvent} message */
  hear(message) {
    this.retries = 0
    this.seen = Number(message.lastEventId) || this.seen
    for (const event of JSON.parse(message.data)) this.log.add(event)
    const now = performance.now()
    this.pace = this.pace.filter(({ at }) => now - at < SPAN_MS)
    this.pace.push({ at: now, seconds: this.log.seconds })
    this.tell("events")
  }

  /** @param {State} state */
  stand(state) {
    this.retries = 0
    if (state.state !== "running") this.pace = []
    this.state = state
    if (state.state === "over") this.close()
    this.tell("state")
  }

  // The browser connects again by itself, unless the server answered with an error.
  broke() {
    const again = this.source?.readyState !== EventSource.CLOSED
    const wait = RETRIES_MS[this.retries]
    this.pace = []
    this.state = { ...this.state, state: again || wait ? "reconnecting" : "lost" }
    if (!again && wait) {
      this.retries += 1
      this.retry = setTimeout(() => this.open(), wait)
    }
    this.tell("state")
  }

  /** @param {string} what `state` or `events` */
  tell(what) {
    for (const listener of this.listeners) listener(what)
  }

  /** Returns null where the command was taken, else how many people watch the race. @param {string} command @returns {Promise<number | null>} */
  async command(command) {
    const answer = await fetch(`${this.url}/${command}`, { method: "POST" })
    if (answer.status === 409) return (await answer.json()).shared
    if (!answer.ok) throw new RefusedError(answer.status)
    return null
  }

  // Seconds until every budget is spent at the pace of late, or null while that is unknown.
  get left() {
    if (this.state.state !== "running" || this.pace.length < 2) return null
    const [first, last] = [this.pace[0], this.pace[this.pace.length - 1]]
    const [wall, cpu] = [(last.at - first.at) / 1000, last.seconds - first.seconds]
    const running = this.log.courses.filter((course) => course.status === "running")
    const costs = running.map((course) => course.cost)
    if (wall < 1.5 || cpu <= 0 || costs.includes(null)) return null
    const rest = running.reduce((sum, course, k) => sum + (course.budget - course.step) * Number(costs[k]), 0)
    return Math.max(0, (rest * wall) / cpu)
  }

  close() {
    clearTimeout(this.retry)
    this.source?.close()
  }
}
