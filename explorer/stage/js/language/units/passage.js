// The text: one coloured span a token, a cursor, a range that is dragged or extended with shift and arrows.

/** @import { UnitsPayload, UnitsToken } from "../../types.js" */
/** @import { Range } from "./ranges.js" */
/** @import { UnitsStage } from "./stage.js" */

import { along, inkOn, ramp } from "../../core/colours.js"
import { element } from "../../core/dom.js"

const BY = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }

export class Passage {
  /** @param {UnitsStage} stage */
  constructor(stage) {
    this.stage = stage
    const { payload } = stage
    this.colours = ramp(stage.theme.signed)
    this.inks = this.colours.map((colour) => inkOn(colour, stage.theme))
    this.spans = payload.runs[0].tokens.map((token, k) => this.span(token, k))
    this.node = element("div", {
      class: `rx-passage rx-of-${payload.unit}`, tabindex: 0, role: "group", "aria-label": payload.strings.passage,
      onkeydown: (event) => this.key(event), onpointerdown: (event) => this.press(event),
      onpointermove: (event) => this.move(event), onpointerleave: () => stage.tip(null),
    }, ...this.lines(payload))
    /** @type {number | undefined} where a range is dragged from */
    this.anchor = undefined
    this.release = () => (this.anchor = undefined)
    document.addEventListener("pointerup", this.release)
  }

  /** @param {UnitsPayload} payload */
  lines({ starts, own, strings }) {
    const nodes = []
    starts.forEach((from, n) => {
      if (own && from === 0) nodes.push(element("div", { class: "rx-passage-head", text: strings.own }))
      if (own && from === own) nodes.push(element("div", { class: "rx-passage-head", text: strings.rest }))
      nodes.push(element("div", { class: "rx-passage-line" }, ...this.spans.slice(from, starts[n + 1])))
    })
    return nodes
  }

  /** @param {UnitsToken} token @param {number} k */
  span(token, k) {
    const span = element("span", { class: "rx-token", "data-k": k, text: token.label === "␣" ? " " : token.label })
    if (token.apart) span.classList.add("rx-apart")
    if (!token.known) span.classList.add("rx-unknown")
    return span
  }

  /** The token under the pointer. @param {PointerEvent} event */
  at(event) {
    const span = event.target instanceof Element ? event.target.closest(".rx-token") : null
    return span instanceof HTMLElement ? Number(span.dataset.k) : null
  }

  /** @param {PointerEvent} event */
  press(event) {
    const k = this.at(event)
    if (k === null || event.button) return
    if (event.target instanceof Element) event.target.releasePointerCapture(event.pointerId) // a finger holds on to where it went down
    if (event.shiftKey) {
      this.from = this.stage.step
      this.stage.mark([this.from, k])
      return
    }
    this.anchor = this.from = k
    this.stage.mark(null)
    this.stage.transport.jump(k)
  }

  /** @param {PointerEvent} event */
  move(event) {
    const k = this.at(event)
    this.stage.tip(k === null ? null : this.stage.about(k), event)
    if (k !== null && this.anchor !== undefined && (k !== this.anchor || this.stage.range)) this.stage.mark([this.anchor, k])
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { stage } = this
    const by = BY[event.key]
    if (event.key === "Escape") stage.mark(null)
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault()
      stage.choose(stage.order[stage.order.indexOf(stage.unit) + by] ?? stage.unit)
    } else if (event.shiftKey) {
      event.preventDefault()
      this.extend(by)
    }
  }

  /** Grows or shrinks the range at the cursor. @param {number} by */
  extend(by) {
    const { stage } = this
    const from = (this.from = stage.range ? this.from : stage.step)
    const to = Math.max(0, Math.min(this.spans.length - 1, stage.step + by))
    stage.go(to)
    stage.mark([from, to])
  }

  /** Colours every token by its value, up to high; null is left blank. @param {(k: number) => number | null} value @param {number} high */
  paint(value, high) {
    this.spans.forEach((span, k) => {
      const v = value(k)
      const colour = v === null ? "" : along(this.colours, v, -high, high)
      span.style.backgroundColor = colour
      span.style.color = this.inks[this.colours.indexOf(colour)] ?? ""
      span.classList.toggle("rx-bad", v !== null && !Number.isFinite(v))
    })
  }

  /** Puts the cursor on a token and keeps it in sight. @param {number} k */
  show(k) {
    this.now?.classList.remove("rx-now")
    this.now = this.spans[k]
    this.now.classList.add("rx-now")
    const { offsetTop, offsetHeight } = this.now
    const { scrollTop, clientHeight } = this.node
    if (offsetTop < scrollTop || offsetTop + offsetHeight > scrollTop + clientHeight) {
      this.node.scrollTop = offsetTop - clientHeight / 3
    }
  }

  /** Marks a range, and places like it. @param {Range | null} range @param {Range[]} places */
  highlight(range, places) {
    const inside = (k, [a, b]) => k >= a && k <= b
    this.spans.forEach((span, k) => {
      span.classList.toggle("rx-in", range !== null && inside(k, range))
      span.classList.toggle("rx-hit", places.some((place) => inside(k, place)))
    })
  }

  close() {
    document.removeEventListener("pointerup", this.release)
  }
}
