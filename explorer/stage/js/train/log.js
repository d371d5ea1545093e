// What has happened in a race so far, as columns: events go in (see explorer/training/run.py), numbers
// are read out. Knows no page and no server.

const ENDS = ["done", "stopped", "killed", "failed"]

export class RaceLog {
  constructor(window) {
    this.window = window // steps over which means run
    this.racers = []
    this.end = null // the event after which nothing follows, until the race is taken up again
  }

  add(event) {
    if (ENDS.includes(event.kind)) this.end = event
    else if (event.kind === "racer") this.enter(event)
    else this.racers[event.racer]?.add(event)
  }

  // A racer begins, or goes on from a step.
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
  constructor(window) {
    this.window = window
    this.loss = []
    this.norm = []
    this.means = { loss: [], norm: [] }
    this.seconds = []
    this.checks = [] // {step, seconds, value}
    this.looks = [] // {step, power, gates}
    this.kept = 0
    this.version = 0 // grows with every change of the columns
    this.status = "running"
  }

  enter({ step, budget, tokens, parameters }) {
    Object.assign(this, { budget, tokens, parameters, status: "running" })
    this.cut(step)
  }

  // Forgets what came after a step.
  cut(step) {
    this.version += 1
    for (const column of [this.loss, this.norm, this.means.loss, this.means.norm, this.seconds]) column.length = Math.min(column.length, step)
    this.checks = this.checks.filter((check) => check.step <= step)
    this.looks = this.looks.filter((look) => look.step <= step)
  }

  add(event) {
    if (event.kind === "steps") this.advance(event)
    else if (event.kind === "look") this.look(event)
    else if (event.kind === "kept") this.kept = event.step
    else if (event.kind === "end") this.status = event.status
  }

  // Between two reports the seconds run evenly.
  advance({ from, loss, norm, seconds, metric }) {
    this.cut(from - 1)
    while (this.loss.length < from - 1) this.push(null, null, this.spent)
    const before = this.spent
    loss.forEach((value, k) => this.push(value, norm[k], before + ((seconds - before) * (k + 1)) / loss.length))
    if (metric !== undefined) this.checks.push({ step: this.step, seconds, value: metric })
  }

  push(loss, norm, seconds) {
    this.loss.push(loss)
    this.norm.push(norm)
    this.seconds.push(seconds)
    for (const name of ["loss", "norm"]) this.means[name].push(mean(this[name], this.window))
  }

  look({ step, power, gates }) {
    this.looks = this.looks.filter((look) => look.step < step)
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

  // The latest look that is no later than a step.
  lookAt(step) {
    let [low, high] = [0, this.looks.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.looks[middle].step <= step) low = middle + 1
      else high = middle
    }
    return this.looks[low - 1]
  }

  // The index of the last step no later than a step or a second, or -1.
  indexAt(x, bySecond) {
    if (!bySecond) return Math.min(this.step, Math.floor(x)) - 1
    let [low, high] = [0, this.seconds.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.seconds[middle] <= x) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

// The mean of the last values, or null where the very last is.
function mean(column, window) {
  const last = column.slice(-window)
  if (last[last.length - 1] === null) return null
  const finite = last.filter((value) => value !== null)
  return finite.reduce((sum, value) => sum + value, 0) / finite.length
}
