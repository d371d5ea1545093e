// The thin bar of a lecture: which view of how many, its title, its minutes, the time gone by, back and on.
// The ways are links that the server draws, hidden; a key or a presenter's clicker presses them.

/** @import { Lecture } from "../types.js" */

import { element } from "../core/dom.js"
import { loadStyle } from "../core/load.js"
import { fill } from "../core/numbers.js"
import { keep, kept } from "./kept.js"
import { offered, takeTurn } from "./turns.js"

const KEPT = "rx-lecture"
const BUSY_MS = 1500 // how long a way that was pressed is not pressed again
const TYPING = "input:not([type=range]), textarea, select, [contenteditable=true], [role=combobox]"

/** @type {Record<string, "back" | "on" | "leave" | "dark">} */
export const KEYS = { PageDown: "on", PageUp: "back", Escape: "leave", b: "dark", ".": "dark" }

/** Minutes and seconds. @type {(ms: number) => string} */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}

/** When the lecture began, in this window; it begins when it is first asked. @type {(lecture: string, now: number) => number} */
export function began(lecture, now) {
  const all = kept("sessionStorage", KEPT)
  const found = all[lecture]
  if (typeof found === "number" && found <= now) return found
  keep("sessionStorage", KEPT, { ...all, [lecture]: now })
  return now
}

/** What a key does, if anything: with a modifier or while somebody types, nothing. @type {(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey" | "target">) => "back" | "on" | "leave" | "dark" | undefined} */
export function meant(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return undefined
  const target = /** @type {any} */ (event.target)
  if (event.key !== "PageDown" && event.key !== "PageUp" && target?.closest?.(TYPING)) return undefined
  return KEYS[event.key]
}

class Bar {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.pressed = 0
    /** @type {Lecture | undefined} */
    this.data = undefined
    this.onkey = (/** @type {KeyboardEvent} */ event) => this.key(event)
    document.addEventListener("keydown", this.onkey, true)
    this.clock = setInterval(() => this.tick(), 1000)
  }

  /** @param {Lecture} data */
  show(data) {
    if (data.at !== this.data?.at) this.pressed = 0
    this.data = data
    const { strings, at, total, title, minutes, begins } = data
    const button = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {() => void} */ onclick, disabled = false) =>
      element("button", { type: "button", class: "rx-lecture-button", text: sign, title: label, "aria-label": label, onclick, disabled: disabled || null })
    this.time = element("button", { type: "button", class: "rx-lecture-time", title: strings.restart, onclick: () => this.restart() })
    this.root.replaceChildren(element("div", { class: "rx-lecture-bar", role: "toolbar", "aria-label": strings.lecture },
      button("◀", strings.back, () => this.go("back"), at === 1),
      element("span", { class: "rx-lecture-at", text: `${at}/${total}` }),
      button("▶", strings.on, () => this.go("on")),
      element("h1", { class: "rx-lecture-title", text: title }),
      element("span", { class: "rx-lecture-planned", text: fill(strings.planned, { first: begins, last: begins + minutes }) }),
      this.time,
      button("✕", strings.leave, () => this.go("leave"))))
    this.tick()
  }

  tick() {
    if (!this.data || !this.time) return
    const now = Date.now()
    this.time.textContent = clock(now - began(this.data.lecture, now))
  }

  restart() {
    keep("sessionStorage", KEPT, { ...kept("sessionStorage", KEPT), [this.data.lecture]: Date.now() })
    this.tick()
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const what = meant(event)
    if (!what) return
    event.preventDefault()
    event.stopPropagation()
    this.go(what)
  }

  /** @param {"back" | "on" | "leave" | "dark"} what */
  go(what) {
    const dark = document.documentElement.classList
    if (what === "dark" || dark.contains("rx-dark-screen")) return dark.toggle("rx-dark-screen", what === "dark" && !dark.contains("rx-dark-screen"))
    if (what === "on" && (this.comes() || this.start() || takeTurn())) return
    const now = performance.now()
    if (this.pressed && now - this.pressed < BUSY_MS) return
    const way = document.querySelector(`.st-key-lecture_${what} a`)
    if (!(way instanceof HTMLElement)) return
    this.pressed = now
    way.click()
  }

  // The view's question is on its way: whoever is quick does not miss it.
  comes() {
    return document.querySelector(".st-key-question") !== null && !offered("answer")
  }

  // A race that has not begun begins.
  start() {
    const button = document.querySelector(".st-key-start_race button:not(:disabled)")
    if (!(button instanceof HTMLElement) || button.dataset.rxPressed) return false
    button.dataset.rxPressed = "1"
    button.click()
    return true
  }

  close() {
    document.removeEventListener("keydown", this.onkey, true)
    document.documentElement.classList.remove("rx-dark-screen")
    clearInterval(this.clock)
  }
}

/** @type {(root: HTMLElement & { rxLecture?: Bar }, data: Lecture) => void} */
export function mountLecture(root, data) {
  loadStyle("course/lecture.css")
  root.rxLecture ??= new Bar(root)
  root.rxLecture.show(data)
}

/** @type {(root: HTMLElement & { rxLecture?: Bar }) => void} */
export function unmountLecture(root) {
  root.rxLecture?.close()
  delete root.rxLecture
}
