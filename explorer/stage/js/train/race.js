// The live view of a race: mountRace(root, data, api) draws it, fed by a stream that outlives it.
// api: onOver(status) once when the race is over, onKept({racer: step}) now and then as weights are kept.

/** @import { Root } from "../browser.js" */
/** @import { RaceData, ThemeName } from "../types.js" */
/** @import { RaceChart } from "./charts.js" */
/** @import { RaceStream } from "./stream.js" */

import { themeOf } from "../core/colours.js"
import { element, svg } from "../core/dom.js"
import { loadPlotly, loadStyle } from "../core/load.js"
import { typeset } from "../core/maths.js"
import { fill, raised } from "../core/numbers.js"
import { above, alike, arranged, fitted, typeSize } from "../core/show.js"
import { roomFor } from "./axes.js"
import { Card } from "./cards.js"
import { Curves, Gates, PowerMap, nameplate } from "./charts.js"
import { explained } from "./metric.js"
import { RefusedError, follow, heard } from "./stream.js"

const PAINT_MS = 250 // curves are drawn at most four times a second
const FRAME_MS = 8 // a frame that has drawn for so long leaves the rest to the next
const KEPT_MS = 3000
const MISHAPS = ["killed", "failed"]
const RESTING = ["idle", "over", "lost", "so_far", "unrun"] // there is nothing to steer

const ICONS = {
  pause: "M4 3h3.5v12H4zM10.5 3H14v12h-3.5z",
  go: "M4 2.5v13L15.5 9z",
  step: "M4 3l8 6-8 6zM12.5 3H15v12h-2.5z",
  stop: "M4 4h10v10H4z",
}

/** @typedef {{ onOver?: (status: string) => void, onKept?: (steps: Record<number, number>) => void }} Api */

/** Draws a race, into the view that stands there where it fits. @type {(root: Root, data: RaceData, api?: Api) => Promise<RaceView>} */
export async function mountRace(root, data, api = {}) {
  const theme = themeOf(root)
  const old = root.rxRace
  if (old && old.payload.id === data.id && old.themeName === theme && alike(old.payload.show, data.show)) {
    old.api = api
    old.payload = data
    await old.built
    old.join()
    return old
  }
  old?.close()
  const view = new RaceView(root, data, theme, api)
  view.bySecond = old?.bySecond ?? false
  root.rxRace = view
  view.built = view.build()
  await view.built
  return view
}

/** @type {(root: Root) => void} */
export function unmountRace(root) {
  root.rxRace?.close()
  delete root.rxRace
}

export class RaceView {
  /** @param {Root} root @param {RaceData} payload @param {ThemeName} themeName @param {Api} api */
  constructor(root, payload, themeName, api) {
    this.root = root
    this.payload = payload
    this.themeName = themeName
    this.api = api
    this.bySecond = false // the curves run over CPU seconds
    this.held = false // this window's drawing stands still
    /** @type {{ n: number, key: string } | null} how many others watch, and what is said of it */
    this.shared = null
    /** @type {"full" | "refused" | null} why the server did not take the last command */
    this.refused = null
    this.said = ""
    /** @type {RaceStream | undefined} */
    this.stream = undefined
    /** @type {Promise<void> | undefined} */
    this.built = undefined
    /** @type {string | undefined} */
    this.font = undefined
    this.theme = payload.themes[themeName]
    this.listen = (/** @type {string} */ what) => this.hear(what)
    this.join()
    const label = fill(payload.strings.race, { title: payload.facts.title })
    this.node = element("section", {
      class: `rx-stage rx-race rx-${themeName}${payload.show?.large ? " rx-large" : ""}`, "aria-label": label, tabindex: 0, onkeydown: (event) => this.key(event),
    })
    for (const [hue, colour] of Object.entries(this.theme.hues)) this.node.style.setProperty(`--rx-${hue}`, colour)
    for (const name of ["ground", "empty", "grid"]) this.node.style.setProperty(`--rx-${name}`, this.theme[name])
  }

  // Follows the race that the page names, if it does not yet; the charts stay.
  join() {
    if (this.closed || (this.stream && !this.stream.key && !this.payload.key)) return
    const { key, attempt, mean, told } = this.payload
    const stream = told ? heard(told, mean) : follow(key, attempt, mean)
    if (stream === this.stream) return
    this.stream?.listeners.delete(this.listen)
    this.stream = stream
    this.held = false
    this.shared = this.refused = null
    this.toldKept = "{}"
    if (!this.attending) return
    this.ends.replaceChildren()
    this.attend()
  }

  // Hears what the stream has said so far and will say.
  attend() {
    this.attending = true
    this.stream.listeners.add(this.listen)
    this.hear("state")
    this.hear("events")
  }

  get log() {
    return this.stream.log
  }

  get over() {
    return this.stream.state.state === "over"
  }

  // Whether it has come to its end: what then is shown gives nothing away.
  get finished() {
    return this.over && this.log.end?.kind === "done"
  }

  // The step of the racer that has come furthest.
  get furthest() {
    return Math.max(0, ...this.log.courses.map((course) => course.step))
  }

  async build() {
    const [Plotly] = await Promise.all([loadPlotly(), loadStyle(), loadStyle("train/race.css"), ...(this.payload.show ? [loadStyle("core/show.css")] : [])])
    if (this.closed) return
    this.Plotly = Plotly
    this.tooltip = element("div", { class: "rx-tip", hidden: "" })
    const parts = [this.lanes(), this.curves(), this.gates()]
    this.node.append(this.controls(), ...parts, this.tooltip)
    this.place = arranged(this.node, parts, this.payload.show)
    this.root.replaceChildren(this.node)
    this.measure()
    for (const chart of this.charts) await chart.draw(Plotly)
    this.lines[0].title.append(this.turns)
    if (this.closed) return
    this.begin()
    this.attend()
    this.node.dataset.ready = this.payload.id
  }

  // What goes on while the view is there.
  begin() {
    this.clock = setInterval(() => document.hidden || this.showTime(), 1000)
    this.onvisible = () => this.schedule()
    document.addEventListener("visibilitychange", this.onvisible)
    this.sights = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) this.charts.find((chart) => chart.node === target).seen = isIntersecting
      this.schedule()
    }, { rootMargin: "80px" })
    for (const chart of this.charts) this.sights.observe(chart.node)
    this.watch = new ResizeObserver(() => this.resize())
    for (const part of [this.node, ...above(this.payload.show)]) this.watch.observe(part)
  }

  // --- parts

  controls() {
    const { strings } = this.payload
    const button = (name, onclick) => element("button", { class: "rx-button rx-race-button", type: "button", "aria-label": strings[name], onclick }, icon(name), element("span", { text: strings[name] }))
    this.pauseButton = button("pause", () => this.toggle())
    this.pauseButton.classList.add("rx-play")
    this.stepButton = button("step", () => this.command("step"))
    this.stopButton = button("stop", () => this.command("stop"))
    this.bar = element("div", { class: "rx-race-bar" })
    this.progress = element("div", { class: "rx-race-progress", role: "progressbar", "aria-label": strings.progress, "aria-valuemin": 0, "aria-valuemax": 100 }, this.bar)
    this.time = element("span", { class: "rx-race-time" })
    this.status = element("p", { class: "rx-race-says", role: "status", "aria-live": "polite" })
    this.ends = element("p", { class: "rx-race-heard", role: "status", "aria-live": "polite" })
    return element("div", { class: "rx-transport rx-race-controls", role: "group", "aria-label": strings.controls },
      this.pauseButton, this.stepButton, this.stopButton,
      element("div", { class: "rx-race-where" }, this.progress, element("div", { class: "rx-race-words" }, this.status, this.time)), this.ends)
  }

  // The networks side by side, each with how far back its gradient reaches, and what the colours there mean.
  lanes() {
    return element("div", { class: "rx-race-lanes", "data-panel": "racers" }, this.cards(), this.maps())
  }

  cards() {
    this.powers = this.payload.figures.power.map((figure) => new PowerMap(figure, this))
    this.cardsOf = this.payload.racers.map((racer, k) => new Card(racer, this, this.powers[k].node))
    return element("div", { class: `rx-race-cards ${this.columns()}`, role: "list", "aria-label": this.payload.strings.racers }, ...this.cardsOf.map((card) => card.node))
  }

  columns() {
    return `rx-race-of-${this.payload.racers.length}`
  }

  curves() {
    const { figures, strings } = this.payload
    this.lines = /** @type {const} */ (["loss", "metric", "norm"]).map((kind) => new Curves(figures[kind], this, kind))
    for (const chart of this.lines) chart.node.dataset.panel = chart.kind
    this.tabs = ["by_step", "by_second"].map((name) => element("button", {
      class: "rx-tab", type: "button", text: strings[name], "aria-pressed": String((name === "by_second") === this.bySecond), onclick: () => this.turn(name === "by_second"),
    }))
    this.turns = element("div", { class: "rx-race-tabs", role: "group", "aria-label": strings.axis }, ...this.tabs)
    const [loss, metric] = this.lines
    return element("div", { class: "rx-race-lines" }, loss.node, metric.node)
  }

  maps() {
    const { figures, strings, scale, facts } = this.payload
    const scaled = this.theme.magnitude.map(([at, colour]) => `${colour} ${100 * at}%`).join(",")
    const bar = element("span", { class: "rx-race-scale", "aria-hidden": "true" },
      element("span", { text: fill(strings.power_least, { value: `10${raised(scale.low)}` }) }),
      element("span", { class: "rx-race-ramp", style: `background:linear-gradient(to right,${scaled})` }),
      element("span", { text: `10${raised(scale.high)}` }))
    const notes = [strings.power_note, facts.marked.some(Boolean) && figures.power[0].layout.shapes?.length && strings.power_marked, explained(facts, strings)]
    return element("div", { class: "rx-race-head rx-race-key" },
      element("p", { class: "rx-race-note" }, element("b", {}, typeset(strings.power)), ` ${notes.filter(Boolean).join(" ")}`), bar)
  }

  gates() {
    const { figures, strings } = this.payload
    this.gated = figures.gates.map((figure) => (figure.data.length ? new Gates(figure, this) : null))
    const nodes = this.gated.map((chart, k) => chart?.node ?? element("figure", { class: "rx-chart" },
      element("figcaption", { class: "rx-title" }, ...nameplate(k, this)),
      element("p", { class: "rx-race-none", text: strings.no_gates })))
    return element("section", { class: "rx-race-section", "data-panel": "gates" },
      element("h3", { class: "rx-panel-title", text: strings.gates }),
      element("div", { class: `rx-race-row ${this.columns()}` }, ...nodes), this.lines[2].node)
  }

  get charts() {
    const all = [...this.lines, ...this.powers, ...this.gated.filter(Boolean)]
    return all.filter((chart) => this.node.contains(chart.node))
  }

  // --- what happens

  /** @param {string} what `state` or `events` */
  hear(what) {
    if (what === "state") this.showState()
    else {
      this.schedule()
      this.tellKept()
    }
    this.tellOver()
  }

  tellOver() {
    const { stream } = this
    if (!this.over || stream.told) return
    stream.told = true
    this.schedule()
    this.showTime()
    this.api.onOver?.(this.log.end?.kind ?? "stopped")
  }

  tellKept() {
    if (!this.api.onKept || this.telling) return
    this.telling = setTimeout(() => {
      this.telling = null
      const kept = Object.fromEntries(this.log.racers.map((course, k) => [k, course.kept]))
      if (JSON.stringify(kept) === this.toldKept) return
      this.toldKept = JSON.stringify(kept)
      this.api.onKept?.(kept)
    }, KEPT_MS)
  }

  // Begins to draw what is new and in sight, at most four times a second; not while the page is hidden.
  schedule() {
    if (this.frame || this.waiting || this.closed || this.held || document.hidden) return
    this.waiting = setTimeout(() => {
      this.waiting = null
      this.painted = performance.now()
      this.frame = requestAnimationFrame(() => this.paint())
    }, Math.max(0, PAINT_MS - (performance.now() - (this.painted ?? 0))))
  }

  /** Draws the words, then as many charts as a frame has time for, the others in the next frames. @param {RaceChart[]?} [rest] */
  paint(rest = null) {
    this.frame = null
    if (this.closed || this.held) return
    const started = performance.now()
    if (!rest) {
      this.measure()
      for (const card of this.cardsOf) card.show()
      this.showProgress()
      this.node.dataset.steps = String(this.furthest)
    }
    const due = (rest ?? this.charts).filter((chart) => chart.seen && chart.due(started))
    while (due.length && performance.now() - started < FRAME_MS) due.shift().paint(started)
    if (due.length) this.frame = requestAnimationFrame(() => this.paint(due))
    else if (this.charts.some((chart) => chart.seen && chart.version() !== chart.drawn)) this.schedule()
  }

  // The ends of the axes: with room to run while the race does, exact when it is over.
  measure() {
    const { over } = this
    const step = this.furthest
    const second = Math.max(0, ...this.log.courses.map((course) => course.spent))
    const budget = Math.max(...this.payload.racers.map((racer) => racer.budget))
    const [last, least] = this.bySecond ? [second, 0.5] : [step, 50]
    this.end = over && last > 0 ? last : roomFor(1.03 * last, least)
    if (!this.bySecond) this.end = Math.min(this.end, Math.max(budget, step))
    this.font ??= getComputedStyle(this.node).fontFamily
    const large = Boolean(this.payload.show?.large)
    this.fontSize = large ? typeSize(this.node.clientWidth, large) : Math.round(Math.max(14, Math.min(26, this.node.clientWidth / 66)))
    if (large) fitted(this.node, this.place)
  }

  /** @param {boolean} bySecond */
  turn(bySecond) {
    this.bySecond = bySecond
    this.tabs.forEach((tab, k) => tab.setAttribute("aria-pressed", String((k === 1) === bySecond)))
    this.measure()
    this.point(null)
    for (const chart of this.lines) chart.paint()
  }

  // --- words

  showState() {
    const { state, place, watchers } = this.stream.state
    const { strings } = this.payload
    if (state === "over" || state === "lost") this.held = false
    if (watchers < 2 && !this.held) this.shared = null
    const going = state !== "paused" && !this.held
    const face = going ? "pause" : "go"
    if (this.pauseButton.dataset.face !== face) {
      this.pauseButton.dataset.face = face
      this.pauseButton.replaceChildren(icon(face), element("span", { text: strings[face] }))
      this.pauseButton.setAttribute("aria-label", strings[face])
    }
    for (const button of [this.pauseButton, this.stepButton, this.stopButton]) button.hidden = RESTING.includes(state)
    this.pauseButton.disabled = !["running", "paused"].includes(state) && !this.held
    this.stepButton.disabled = state !== "paused"
    this.stopButton.disabled = !["running", "paused", "queued"].includes(state)
    const mishap = state === "over" && MISHAPS.includes(this.log.end?.kind)
    this.status.classList.toggle("rx-notice", mishap || state === "lost")
    const said = [this.sentence(state, place)]
    if (watchers > 1 && state !== "over" && !this.shared) said.push(fill(strings.watched, { n: watchers }))
    if (this.refused) said.push(strings[this.refused])
    this.say(said.join(" · "))
    this.node.dataset.state = this.held ? "held" : state
    this.showTime()
  }

  /** @param {string} state @param {number} place */
  sentence(state, place) {
    const { strings } = this.payload
    if (this.shared && state === "running") return fill(strings[this.shared.key], { n: this.shared.n })
    if (state !== "over") return fill(strings[state], { place, step: this.count(this.furthest) })
    const end = this.log.end ?? { kind: "stopped" }
    return fill(strings[`${end.kind}_${end.error}`] ?? strings[end.kind], { step: this.count(this.log.kept), error: end.error })
  }

  say(text) {
    if (text === this.said) return
    this.said = text
    this.status.textContent = text
  }

  showProgress() {
    const shares = this.payload.racers.map((racer) => this.log.racers[racer.index]?.share ?? 0)
    const share = shares.reduce((sum, one) => sum + one, 0) / shares.length
    this.bar.style.transform = `scaleX(${share})`
    this.progress.setAttribute("aria-valuenow", String(Math.floor(100 * share)))
  }

  showTime() {
    const { strings } = this.payload
    const { seconds } = this.log
    const said = seconds ? [fill(strings.trained, { seconds: seconds.toFixed(seconds < 100 ? 1 : 0) })] : []
    const left = this.held ? null : this.stream.left
    if (left === null) this.left = null
    else {
      this.left = this.left == null || Math.abs(left - this.left + 1) > 0.15 * left ? left : Math.max(0, this.left - 1)
      said.push(this.left < 90
        ? fill(strings.left_seconds, { n: Math.max(1, Math.ceil(this.left)) })
        : fill(strings.left_minutes, { n: Math.round(this.left / 60) }))
    }
    this.time.textContent = said.join(" · ")
  }

  /** @param {number} value */
  count(value) {
    return value.toLocaleString(this.payload.lang)
  }

  // --- commands

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    if (event.target instanceof Element && event.target.closest("button, a, input, select, textarea")) return
    event.stopPropagation() // a stage below on the page plays at the same key
    if (this.pauseButton.disabled || this.pauseButton.hidden) return
    event.preventDefault()
    this.toggle()
  }

  toggle() {
    if (this.held) this.hold(null)
    else this.command(this.stream.state.state === "paused" ? "go" : "pause")
  }

  /** @param {string} command */
  async command(command) {
    try {
      const shared = await this.stream.command(command)
      if (shared === null) this.shared = null
      else this.hold({ n: shared, key: command === "stop" ? "shared_stop" : "shared" }, command === "pause")
      this.refused = null
    } catch (error) {
      this.refused = error instanceof RefusedError ? (error.status === 507 ? "full" : "refused") : null // the stream itself says when the server is gone
    }
    this.showState()
  }

  /** Others watch too: only this window's drawing stands still. @param {{ n: number, key: string } | null} shared */
  hold(shared, still = false) {
    this.shared = shared
    this.held = still
    this.showState()
    this.schedule()
  }

  // --- pointer and size

  /** @param {(string | Node)[] | null} lines @param {PointerEvent} [event] */
  tip(lines, event) {
    this.tooltip.hidden = !lines
    if (!lines) return
    this.tooltip.replaceChildren(...lines.map((line) => element("div", {}, line)))
    const box = this.node.getBoundingClientRect()
    const x = Math.max(0, Math.min(event.clientX - box.left + 14, box.width - this.tooltip.offsetWidth - 4))
    this.tooltip.style.transform = `translate(${x}px, ${event.clientY - box.top + 16}px)`
  }

  /** The line of the pointer goes through all charts over training at once. @param {RaceChart?} chart @param {number?} [x] */
  point(chart, x = null) {
    const curves = chart?.byX ?? false
    const maps = this.powers.some((one) => one === chart)
    for (const one of this.lines) one.mark(curves || (maps && !this.bySecond) ? x : null)
    for (const one of this.powers) one.mark(maps || (curves && !this.bySecond) ? x : null)
    for (const one of this.gated) one?.mark(this.gated.some((other) => other !== null && other === chart) ? x : null)
  }

  resize() {
    const width = this.node.clientWidth
    const large = this.payload.show?.large
    if (large) fitted(this.node, this.place)
    const size = `${width} ${large ? this.node.clientHeight : ""}`
    if (!width || size === this.size) return
    const first = this.size === undefined
    this.size = size
    if (first) return
    clearTimeout(this.resizing)
    this.resizing = setTimeout(() => {
      this.measure()
      for (const chart of this.charts) chart.paint()
    }, 120)
  }

  close() {
    this.closed = true
    this.stream.listeners.delete(this.listen)
    if (this.onvisible) document.removeEventListener("visibilitychange", this.onvisible)
    if (this.frame) cancelAnimationFrame(this.frame)
    for (const timer of [this.waiting, this.resizing, this.telling]) clearTimeout(timer)
    clearInterval(this.clock)
    this.sights?.disconnect()
    this.watch?.disconnect()
    for (const chart of this.lines ? this.charts : []) chart.close()
  }
}

/** @param {keyof typeof ICONS} name */
function icon(name) {
  return svg("svg", { class: "rx-icon", viewBox: "0 0 18 18", "aria-hidden": "true" }, svg("path", { d: ICONS[name], fill: "currentColor" }))
}
