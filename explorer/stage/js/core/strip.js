// The sentence as a strip of tokens: one button a step, the current one marked.

/** @import { AnyPayload, Token } from "../types.js" */

import { element } from "./dom.js"
import { fill, percent } from "./numbers.js"

export class Strip {
  /** @param {Pick<AnyPayload, "runs" | "strings" | "gloss" | "firstStep" | "mode">} payload @param {(step: number) => void} go */
  constructor(payload, go) {
    this.payload = payload
    this.node = element("div", { class: `rx-strip${payload.runs[0].steps > 12 ? " rx-strip-long" : ""}`, role: "listbox", "aria-label": payload.strings.tokens })
    const before = payload.runs[0].tokens
    const after = payload.runs[payload.runs.length - 1].tokens
    this.chips = before.map((token, k) => this.chip(token, after[k], k, go))
    this.node.append(...this.chips)
    this.overflows = false
    this.half = 0
    /** @type {number[]} where each chip begins */
    this.lefts = []
  }

  /** @param {Token} token @param {Token} after @param {number} k @param {(step: number) => void} go */
  chip(token, after, k, go) {
    const { strings, firstStep } = this.payload
    const swapped = this.payload.mode === "changed" && token.original !== after.original
    const chip = element(
      "button",
      { class: "rx-chip", type: "button", role: "option", tabindex: -1, onclick: () => go(k) },
      element("span", { class: "rx-chip-step", text: String(firstStep + k) }),
      element("span", { class: "rx-chip-text", text: token.marked ? `▲ ${token.label}` : token.label }),
    )
    const gloss = this.payload.gloss[token.label]
    if (gloss) chip.append(element("span", { class: "rx-chip-gloss", text: gloss }))
    if (swapped) chip.append(element("span", { class: "rx-chip-swap", text: `→ ${after.label}` }))
    if (!token.known) {
      chip.classList.add("rx-unknown")
      chip.append(element("span", { class: "rx-chip-original", text: token.original }))
      chip.title = strings.unknown
    }
    if (token.marked) {
      chip.classList.add("rx-marked")
      chip.title = strings.marked
    }
    const cue = Math.max(after.cue ?? 0, this.payload.mode === "two" ? (token.cue ?? 0) : 0)
    if (cue) {
      chip.classList.add("rx-cue")
      chip.title ||= fill(strings.cue, { moved: percent(cue) })
    }
    return chip
  }

  /** @param {number} k */
  show(k) {
    const focused = this.current?.matches(":focus")
    this.current?.classList.remove("rx-now")
    this.current?.setAttribute("aria-selected", "false")
    this.current?.setAttribute("tabindex", "-1")
    this.current = this.chips[k]
    this.current.setAttribute("tabindex", "0")
    if (focused) this.current.focus({ preventScroll: true })
    this.current.classList.add("rx-now")
    this.current.setAttribute("aria-selected", "true")
    if (this.overflows) this.node.scrollLeft = this.lefts[k] - this.half
  }

  // Reads the layout once, so that a step only writes.
  measure() {
    this.half = this.node.clientWidth / 2
    this.overflows = this.node.scrollWidth > this.node.clientWidth
    this.lefts = this.chips.map((chip) => chip.offsetLeft)
  }
}
