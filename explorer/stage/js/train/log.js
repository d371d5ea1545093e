// What has happened in a race so far, as columns: events go in (see explorer/training/run.py), numbers
// are read out. Knows no page and no server. explorer/training/results.py reads the same events once the race
// is over; tests/js/courses.json says what both must make of them.

/** @import { LookEvent, OverEvent, RaceEvent, RaceFacts, RacerEvent, RacerStatus, StepsEvent } from "../types.js" */

const ENDS = ["done", "stopped", "killed", "failed"]

export class RaceLog {
  /** @param {number} window steps over which means run */
  constructor(window) {
    this.window = window
    /** @type {Course[]} by racer; one that has not begun has no place yet */
    this.racers = []
    /** @type {OverEvent | null} */
    this.end = null // the event after which nothing follows, until the race is taken up again
  }

  /** @param {RaceEvent} event */
  add(event) {
    if (isOver(event)) this.end = event
    else if (event.kind === "racer") this.enter(event)
    else this.racers[event.racer]?.add(event)
  }

  /** A racer begins, or goes on from a step: the race is not over. @param {RacerEvent} event */
  enter(event) {
    this.end = null
    this.racers[event.racer] ??= new Course(this.window)
    this.racers[event.racer].enter(event)
  }

  get courses() {
    return this.racers.filter(Boolean)
  }

  // CPU seconds that all networks have learned for.
  get seconds() {
    return this.courses.reduce((sum, course) => sum + course.spent, 0)
  }

  // The step up to which something is kept, of the racer that has come furthest.
  get kept() {
    return Math.max(0, ...this.courses.map((course) => course.kept))
  }
}

// One racer's course. Step n stands at index n - 1 of loss, norm, their means and seconds; null is not finite.
export class Course {
  /** @param {number} window */
  constructor(window) {
    this.window = window
    /** @type {(number | null)[]} */
    this.loss = []
    /** @type {(number | null)[]} */
    this.norm = []
    /** @type {Record<"loss" | "norm", (number | null)[]>} */
    this.means = { loss: [], norm: [] }
    /** @type {number[]} */
    this.seconds = []
    /** @type {{ step: number, seconds: number, value: number | null }[]} */
    this.checks = []
    /** @type {Pick<LookEvent, "step" | "power" | "gates">[]} */
    this.looks = []
    this.budget = 0
    this.tokens = 0 // that a step reads
    this.parameters = 0
    this.kept = 0
    this.version = 0 // grows with every change of the columns
    /** @type {RacerStatus} */
    this.status = "running"
  }

  /** @param {RacerEvent} event */
  enter({ step, budget, tokens, parameters }) {
    this.budget = budget
    this.tokens = tokens
    this.parameters = parameters
    this.status = "running"
    this.cut(step)
  }

  /** Forgets what came after a step. @param {number} step */
  cut(step) {
    this.version += 1
    for (const column of [this.loss, this.norm, this.means.loss, this.means.norm, this.seconds]) column.length = Math.min(column.length, step)
    this.checks = this.checks.filter((check) => check.step <= step)
    this.looks = this.looks.filter((look) => look.step <= step)
  }

  /** @param {Exclude<RaceEvent, RacerEvent | OverEvent>} event */
  add(event) {
    if (event.kind === "steps") this.advance(event)
    else if (event.kind === "look") this.look(event)
    else if (event.kind === "kept") this.kept = event.step
    else if (event.kind === "end") this.status = event.status
  }

  /** Between two reports the seconds run evenly; steps that were not reported have no number. @param {StepsEvent} event */
  advance({ from, loss, norm, seconds, metric }) {
    this.cut(from - 1)
    while (this.loss.length < from - 1) this.push(null, null, this.spent)
    const before = this.spent
    loss.forEach((value, k) => this.push(value, norm[k], before + ((seconds - before) * (k + 1)) / loss.length))
    if (metric !== undefined) this.checks.push({ step: this.step, seconds, value: metric })
  }

  /** @param {number | null} loss @param {number | null} norm @param {number} seconds */
  push(loss, norm, seconds) {
    this.loss.push(loss)
    this.norm.push(norm)
    this.seconds.push(seconds)
    this.means.loss.push(mean(this.loss, this.window))
    this.means.norm.push(mean(this.norm, this.window))
  }

  /** @param {LookEvent} event */
  look({ step, power, gates }) {
    this.looks = this.looks.filter((one) => one.step < step)
    this.looks.push({ step, power, gates })
  }

  get step() {
    return this.loss.length
  }

  get spent() {
    return this.seconds.length ? this.seconds[this.seconds.length - 1] : 0
  }

  get metric() {
    return this.checks.length ? this.checks[this.checks.length - 1].value : undefined
  }

  // The share of its budget that is behind it; all of it once it has ended by itself.
  get share() {
    return ["running", "stopped"].includes(this.status) ? this.step / this.budget : 1
  }

  // CPU seconds a step, of late; null before the first.
  get cost() {
    const n = this.seconds.length
    const back = Math.min(n - 1, 200)
    return back > 0 ? (this.seconds[n - 1] - this.seconds[n - 1 - back]) / back : null
  }

  /** The latest look that is no later than a step, if there is one. @param {number} step */
  lookAt(step) {
    return this.looks[lastUpTo(this.looks, step, (look) => look.step)]
  }

  /** The index of the last step no later than a step or a second, or -1. @param {number} x @param {boolean} bySecond */
  indexAt(x, bySecond) {
    if (!bySecond) return Math.min(this.step, Math.floor(x)) - 1
    return lastUpTo(this.seconds, x, (second) => second)
  }
}

/** Whether a metric is no better than that of a guess without memory: within a tenth of it. @type {(metric: number | null | undefined, facts: Pick<RaceFacts, "metric" | "left">) => boolean} */
export function stillAt(metric, facts) {
  if (metric === null || metric === undefined) return false
  return facts.metric === "error" ? metric >= facts.left : metric <= facts.left
}

/**
 * The step of the check from which on a racer has left the plateau of a guess without memory, or null. One check
 * may be luck: it takes two in a row, or one that passes.
 * @type {(course: Pick<Course, "checks" | "status">, facts: Pick<RaceFacts, "metric" | "left">) => number | null}
 */
export function leftPlateau({ checks, status }, facts) {
  const still = checks.findLastIndex(({ value }) => value === null || stillAt(value, facts))
  const since = checks.slice(still + 1)
  return since.length > 1 || (since.length === 1 && status === "passed") ? since[0].step : null
}

/** @type {(event: RaceEvent) => event is OverEvent} */
function isOver(event) {
  return ENDS.includes(event.kind)
}

/** The place of the last of some rising values up to a limit, or -1. @type {<T>(values: T[], limit: number, of: (value: T) => number) => number} */
function lastUpTo(values, limit, of) {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (of(values[middle]) <= limit) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** The mean of the last values, or null where the very last is. @type {(column: (number | null)[], window: number) => number | null} */
function mean(column, window) {
  const last = column.slice(-window)
  if (last[last.length - 1] === null) return null
  const finite = last.filter((value) => value !== null)
  return finite.reduce((sum, value) => sum + value, 0) / finite.length
}
