// A marked range: how far from 0 a unit must be, the units that are on throughout it, and where else they are.

/** @import { Range } from "./ranges.js" */
/** @import { UnitsStage } from "./stage.js" */

import { element } from "../../core/dom.js"
import { fill, number } from "../../core/numbers.js"
import { elsewhere, unitsOn } from "./ranges.js"
import { written } from "./words.js"

const THRESHOLD = 0.3
const UNITS = 16 // units of a range that are listed
const PLACES = 8 // where the units of a marked range are on as well
const [BEFORE, INSIDE, AFTER] = [8, 24, 8] // tokens of a place that are written out

export class Marking {
  /** @param {UnitsStage} stage */
  constructor(stage) {
    this.stage = stage
    const { strings } = stage.payload
    this.threshold = THRESHOLD
    this.slider = element("input", {
      class: "rx-slider", type: "range", min: 0.05, max: 0.95, step: 0.05, value: THRESHOLD, "aria-label": strings.threshold_label,
      oninput: () => {
        this.threshold = Number(this.slider.value)
        this.show()
      },
    })
    this.said = element("output", {})
    this.found = element("div", { class: "rx-found" })
    this.node = element("section", { class: "rx-marking", "aria-label": strings.range },
      element("div", { class: "rx-title" }, element("span", { class: "rx-name", text: strings.range })),
      element("label", { class: "rx-limit" }, this.said, this.slider), this.found)
  }

  show() {
    const { stage, threshold } = this
    const { payload: { strings, starts }, run, range, shade } = stage
    this.said.textContent = fill(strings.threshold, { shade, value: number(threshold, 2) })
    stage.node.dataset.range = range ? `${range[0] + 1} ${range[1] + 1}` : ""
    if (!range) {
      stage.passage.highlight(null, [])
      this.found.replaceChildren(element("p", { class: "rx-note", text: strings.range_hint }))
      return
    }
    const states = { values: run.arrays[shade], steps: run.steps, units: run.units, starts, threshold }
    const { units, off } = unitsOn(states, range)
    const { places, least } = elsewhere(states, range, units)
    stage.passage.highlight(range, places.slice(0, PLACES))
    const said = units.length ? (off ? strings.on : strings.on_also) : strings.none_on
    this.found.replaceChildren(
      element("p", { class: "rx-note", role: "status", text: fill(said, { a: range[0] + 1, b: range[1] + 1, n: units.length }) }),
      element("div", { class: "rx-found-units" }, ...units.slice(0, UNITS).map(({ j, sign }) => element("button", {
        type: "button", class: "rx-found-unit", text: `${j + 1}${sign < 0 ? " −" : " +"}`, onclick: () => stage.choose(j),
      }))),
      ...(units.length ? this.places(places, least, units.length) : []))
  }

  /** @param {Range[]} places @param {number} least @param {number} most */
  places(places, least, most) {
    const { strings } = this.stage.payload
    if (!places.length) return [element("p", { class: "rx-note", text: strings.nowhere })]
    const head = fill(least === most ? strings.places : strings.places_some, { n: places.length, least, most })
    return [
      element("p", { class: "rx-note", text: head }),
      element("div", { class: "rx-places" }, ...places.slice(0, PLACES).map((place) => this.place(place))),
    ]
  }

  /** A place with what stands around it; it leads there. @param {Range} place */
  place([a, b]) {
    const { payload: { unit }, run: { tokens }, transport } = this.stage
    const text = (/** @type {number} */ from, /** @type {number} */ to) => written(tokens, unit, from, to)
    return element("button", { type: "button", class: "rx-place", onclick: () => transport.jump(a) },
      element("span", { class: "rx-place-step", text: String(a + 1) }),
      element("span", { class: "rx-around", text: text(a - BEFORE, a) }),
      element("b", { text: text(a, Math.min(b + 1, a + INSIDE)) }),
      element("span", { class: "rx-around", text: text(b + 1, b + 1 + AFTER) }))
  }
}
