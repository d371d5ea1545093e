// Moving through time: buttons, slider, play with speed, keys.

/** @import { AnyPayload } from "../types.js" */

import { element, svg } from "./dom.js"
import { fill } from "./numbers.js"

const SPEEDS = [1, 2, 4, 8]
/** @type {Record<string, number>} */
const KEYS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }
const TYPING =
  "input:not(.rx-slider), textarea, select, [contenteditable=true], [role=combobox], [role=radiogroup], " +
  "[role=tablist], [role=slider]:not(.rx-slider), [role=listbox]:not(.rx-strip), [role=dialog], dialog"

const ICONS = {
  first: "M3 3h2.5v12H3zM15 3v12L6.5 9z",
  previous: "M13 3v12L4.5 9z",
  play: "M4 2.5v13L15.5 9z",
  pause: "M4 3h3.5v12H4zM10.5 3H14v12h-3.5z",
  next: "M5 3v12L13.5 9z",
  final: "M12.5 3H15v12h-2.5zM3 3v12L11.5 9z",
}

/** @param {keyof typeof ICONS} icon */
function drawn(icon) {
  return svg("svg", { class: "rx-icon", viewBox: "0 0 18 18", "aria-hidden": "true" }, svg("path", { d: ICONS[icon], fill: "currentColor" }))
}

export class Transport {
  /** @param {Pick<AnyPayload, "runs" | "strings" | "gloss" | "firstStep" | "total" | "mode">} payload @param {(step: number) => void} go */
  constructor(payload, go) {
    this.payload = payload
    this.go = go
    /** @type {(() => void) | undefined} called where it stops */
    this.onrest = undefined
    /** @type {(() => void) | undefined} called where it starts or stops */
    this.onplay = undefined
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.playing = undefined
    this.last = payload.runs[0].steps - 1
    this.step = 0
    const { strings } = payload
    const button = (/** @type {keyof typeof ICONS} */ icon, /** @type {string} */ label, /** @type {() => void} */ onclick) =>
      element("button", { class: "rx-button", type: "button", "aria-label": label, title: label, onclick }, drawn(icon))
    this.play = button("play", strings.play, () => this.toggle())
    this.play.classList.add("rx-play")
    this.slider = element("input", {
      class: "rx-slider", type: "range", min: 0, max: this.last, step: 1, value: 0, "aria-label": strings.step,
      oninput: () => this.jump(Number(this.slider.value)),
    })
    this.speed = element("select", { class: "rx-speed", "aria-label": strings.speed, title: strings.speed })
    for (const s of SPEEDS) this.speed.append(element("option", { value: s, text: fill(strings.per_second, { n: s }) }))
    this.speed.value = "2"
    this.speed.onchange = () => this.playing && this.start()
    this.where = element("output", { class: "rx-where" })
    this.node = element(
      "div", { class: "rx-transport" },
      button("first", strings.first, () => this.jump(0)),
      button("previous", strings.previous, () => this.jump(this.step - 1)),
      this.play,
      button("next", strings.next, () => this.jump(this.step + 1)),
      button("final", strings.final, () => this.jump(this.last)),
      this.slider, this.where, this.speed,
    )
    this.onkey = (/** @type {KeyboardEvent} */ event) => this.key(event)
    document.addEventListener("keydown", this.onkey)
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    const target = event.target instanceof Element ? event.target : null
    if (target?.closest(TYPING)) return
    if (event.key === " ") {
      if (target?.closest("button, a, summary")) return
      event.preventDefault()
      this.toggle()
    } else if (event.key in KEYS) {
      event.preventDefault()
      this.jump(this.step + KEYS[event.key])
    }
  }

  /** Moves, and stops playing. @param {number} step */
  jump(step) {
    if (this.playing) this.stop()
    this.move(step)
  }

  /** @param {number} step */
  move(step) {
    const k = Math.max(0, Math.min(this.last, step))
    if (k !== this.step) this.go(k)
  }

  toggle() {
    if (this.playing) this.stop()
    else this.start()
  }

  start() {
    clearInterval(this.playing)
    if (this.step === this.last) this.move(0)
    this.playing = setInterval(() => {
      if (this.step === this.last) this.stop()
      else this.move(this.step + 1)
    }, 1000 / Number(this.speed.value))
    this.face("pause", this.payload.strings.pause)
  }

  stop() {
    clearInterval(this.playing)
    this.playing = undefined
    this.face("play", this.payload.strings.play)
    this.onrest?.()
  }

  /** @param {keyof typeof ICONS} icon @param {string} label */
  face(icon, label) {
    this.play.replaceChildren(drawn(icon))
    this.play.title = label
    this.play.setAttribute("aria-label", label)
    this.onplay?.()
  }

  /** @param {number} k */
  show(k) {
    this.step = k
    this.slider.value = String(k)
    const { strings, firstStep, total, runs } = this.payload
    const token = runs[0].tokens[k].label
    this.where.textContent = fill(strings.where, { step: firstStep + k, total, token })
    this.slider.setAttribute("aria-valuetext", this.where.textContent)
  }

  close() {
    clearInterval(this.playing)
    document.removeEventListener("keydown", this.onkey)
  }
}
