// What to look for, as tabs and a pattern to type; what the text is coloured by.

/** @import { Scale } from "../../types.js" */
/** @import { UnitsStage } from "./stage.js" */

import { element } from "../../core/dom.js"
import { fill, number } from "../../core/numbers.js"

const LONGEST_PATTERN = 100

// A tab for every feature, and the pattern's field.
export class Features {
  /** @param {UnitsStage} stage */
  constructor(stage) {
    this.stage = stage
    const { features, strings, pattern } = stage.payload
    this.tabs = features.map(({ kind, name }) => element("button", {
      type: "button", class: "rx-tab", text: name, onclick: () => stage.seek(kind),
    }))
    this.pattern = element("input", {
      class: "rx-pattern", type: "text", maxlength: LONGEST_PATTERN, value: pattern, placeholder: strings.pattern_short,
      "aria-label": strings.pattern_hint, onchange: () => stage.seekPattern(this.pattern.value),
    })
    this.node = element("div", { class: "rx-views rx-features", role: "group", "aria-label": strings.features }, ...this.tabs, this.pattern)
  }

  show() {
    const { payload: { features, strings }, tracked } = this.stage
    features.forEach((feature, n) => {
      this.tabs[n].setAttribute("aria-pressed", String(feature === tracked))
      this.tabs[n].classList.toggle("rx-absent", !feature.there)
      this.tabs[n].title = feature.there ? "" : strings[`missing_${feature.kind}`]
    })
  }
}

// A tab for every state, one for what is lost without the unit, and the scale of the colours.
export class Colouring {
  /** @param {UnitsStage} stage */
  constructor(stage) {
    this.stage = stage
    const { strings } = stage.payload
    this.shades = stage.run.arrays.c ? ["h", "c"] : ["h"]
    this.tabs = this.shades.map((shade) => element("button", {
      type: "button", class: "rx-tab", text: strings[`shade_${shade}`], onclick: () => stage.colourBy(shade),
    }))
    this.zero = element("button", { type: "button", class: "rx-tab rx-zero", onclick: () => stage.turnZeroing() })
    this.low = element("span", { class: "rx-scale-low" })
    this.high = element("span", { class: "rx-scale-high" })
    const bar = element("span", { class: "rx-scale-bar", style: `background: linear-gradient(90deg, ${stops(stage.theme.signed)})` })
    this.node = element("div", { class: "rx-views rx-colouring", role: "group", "aria-label": strings.colour },
      ...this.tabs, this.zero, element("span", { class: "rx-scale" }, this.low, bar, this.high))
  }

  show() {
    const { payload: { strings }, unit, shade, zeroing } = this.stage
    this.tabs.forEach((tab, n) => tab.setAttribute("aria-pressed", String(!zeroing && shade === this.shades[n])))
    this.zero.textContent = fill(strings.zero, { n: unit + 1 })
    this.zero.setAttribute("aria-pressed", String(zeroing))
  }

  /** Says how far the colours go. @param {number} high */
  scale(high) {
    const { payload: { strings }, zeroing } = this.stage
    this.low.textContent = number(-high, 2)
    this.high.textContent = `${number(high, 2)}${zeroing ? ` ${strings.nats}` : ""}`
  }
}

/** @param {Scale} scale */
function stops(scale) {
  return scale.map(([at, colour]) => `${colour} ${100 * at}%`).join(",")
}
