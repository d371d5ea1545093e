// Find the unit that does it: a text coloured by one unit, units ranked by what they track and by what is
// lost without them, gates of each, and a marked range with the places where the same units are on.

/** @import { Standing, UnitsPayload } from "../../types.js" */
/** @import { Range } from "./ranges.js" */

import { Stage } from "../../core/base.js"
import { element } from "../../core/dom.js"
import { fill } from "../../core/numbers.js"
import { Colouring, Features } from "./choices.js"
import { Losses, Memories, Tracked } from "./lists.js"
import { Marking } from "./marking.js"
import { Passage } from "./passage.js"
import { byFeature, foremost, shown } from "./ranking.js"
import { Scatter } from "./scatter.js"
import { about, cause } from "./words.js"

/** @extends {Stage<UnitsPayload>} */
export class UnitsStage extends Stage {
  styles() {
    return ["language/units/units.css"]
  }

  makeStrip() {
    return null // the passage stands for it
  }

  content() {
    const { payload } = this
    const { strings } = payload
    this.run = payload.runs[0]
    this.feature = payload.feature
    this.shade = payload.shade
    this.zeroing = false // coloured by what is lost without the unit
    this.first = true
    /** @type {Range | null} */
    this.range = null
    this.features = new Features(this)
    this.colouring = new Colouring(this)
    this.passage = new Passage(this)
    this.here = element("p", { class: "rx-said rx-unit-here", role: "status" })
    this.cause = element("p", { class: "rx-cause" })
    this.lists = [new Tracked(this), new Losses(this), new Memories(this)]
    this.marking = new Marking(this)
    this.scatter = this.run.lines.length ? new Scatter(this.run.lines[0], this) : null
    const [tracked, losses, memories] = this.lists.map((list) => list.node)
    return [
      this.notice(), this.features.node,
      element("div", { class: "rx-units-main" },
        element("div", { class: "rx-reading", "data-panel": "text" }, this.colouring.node, this.passage.node, this.here, this.cause),
        element("div", { class: "rx-lists", "data-panel": "ranks" }, tracked, losses)),
      element("div", { class: "rx-units-below", "data-panel": "gates" },
        this.marking.node, this.scatter?.node ?? element("p", { class: "rx-none", text: strings.no_gates }), memories),
    ]
  }

  notice() {
    const { bad, strings } = this.payload
    return bad === null ? null : element("p", { class: "rx-notice", role: "status", text: fill(strings.overflow, { step: bad }) })
  }

  charts() {
    return this.scatter ? [this.scatter] : []
  }

  mostUnits() {
    return this.run.units
  }

  close() {
    this.passage?.close()
    super.close()
  }

  /** The feature that is shown, or null where the text has none. */
  get tracked() {
    return shown(this.payload.features, this.feature)
  }

  /** All units, the best first. */
  get order() {
    return byFeature(this.run, this.tracked, this.shade)
  }

  /** The unit to open with; where too little is measured to rank any, the first. */
  get best() {
    return this.payload.ranked ? foremost(this.run, this.tracked, this.shade, this.order) : 0
  }

  // --- choices

  /** @param {number} unit */
  choose(unit) {
    this.unit = unit
    this.update()
    this.rest()
  }

  /** Looks for a feature: its best unit is shown at once. @param {string} kind */
  seek(kind) {
    this.feature = kind
    if (kind === "pattern" && !this.payload.pattern) this.features.pattern.focus()
    this.unit = this.best
    this.update()
    this.tell({ feature: kind })
  }

  /** Looks for a pattern, once the page has measured it. @param {string} pattern */
  seekPattern(pattern) {
    this.feature = "pattern"
    this.update()
    this.tell({ feature: "pattern", pattern })
  }

  /** @param {string} shade */
  colourBy(shade) {
    const other = shade !== this.shade
    this.shade = shade
    this.zeroing = false
    this.update()
    if (other) this.tell({ shade })
  }

  turnZeroing() {
    this.zeroing = !this.zeroing
    this.update()
  }

  /** Marks a range between two steps, or none. @param {Range | null} ends */
  mark(ends) {
    this.range = ends && [Math.min(...ends), Math.max(...ends)]
    this.marking.show()
  }

  // --- the page

  /** Says a choice to the page. What comes back is where we stand already. @param {Record<string, string>} changes */
  tell(changes) {
    this.asked = { ...this.asked, ...changes }
    this.awaited = true
    this.act({ ...changes, step: String(this.step + 1), unit: String(this.unit + 1) })
  }

  /** The same text and network with another choice, or another pattern. @param {UnitsPayload} payload */
  async take(payload) {
    const before = this.payload
    if (!this.node.dataset.ready || payload.same !== before.same || payload.lang !== before.lang) return false
    this.payload = payload
    this.run = payload.runs[0]
    const stale = this.asked && Object.entries(this.asked).some(([name, value]) => payload[name] !== value)
    if (!stale) {
      if (payload.feature !== before.feature) this.feature = payload.feature
      if (payload.shade !== before.shade) this.shade = payload.shade
      this.asked = null
    }
    this.features.pattern.value = payload.pattern
    if (payload.pattern !== before.pattern && this.feature === "pattern") this.unit = this.best
    this.painted = this.listed = undefined
    this.node.dataset.ready = payload.id
    return true
  }

  /** @param {Standing} place */
  stand(place) {
    if (this.awaited) {
      this.awaited = false
      this.wish = place.wish
      this.update()
      return
    }
    super.stand(place)
    if (this.first && place.step === 1 && place.unit === 1) this.choose(this.best)
    this.first = false
  }

  // --- what is shown

  update() {
    this.transport.show(this.step)
    this.paint()
    this.passage.show(this.step)
    this.here.textContent = this.about(this.step).join("   ")
    this.cause.textContent = cause(this.payload, this.tracked, this.unit)
    this.features.show()
    this.colouring.show()
    this.showLists()
    this.scatter?.place(this.unit)
    this.node.dataset.step = String(this.step + 1)
    this.node.dataset.unit = String(this.unit + 1)
  }

  /** @param {number} k */
  about(k) {
    return about(this.payload, this.tracked, k, this.unit)
  }

  // The text in the colours of the unit: its state, or what is lost without it.
  paint() {
    const key = `${this.unit} ${this.shade} ${this.zeroing}`
    if (this.painted === key) return
    this.painted = key
    const { unit, shade, zeroing, run: { arrays, steps } } = this
    const values = zeroing ? arrays.lost : arrays[shade]
    const column = Array.from({ length: steps }, (_, k) => values.at(k, unit))
    const largest = column.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 0)
    const high = !zeroing && shade === "h" ? Math.max(1, largest) : largest || 1
    const silent = (/** @type {number} */ k) => zeroing && Number.isNaN(arrays.nats.at(k)) // nothing stands before it
    this.passage.paint((k) => (silent(k) ? null : column[k]), high)
    this.colouring.scale(high)
  }

  showLists() {
    const key = `${this.tracked?.kind} ${this.feature} ${this.shade} ${this.unit}`
    if (this.listed === key) return
    this.listed = key
    for (const list of this.lists) list.show()
    if (this.marked !== this.shade) this.marking.show() // units are on in the state that is shown
    this.marked = this.shade
  }
}
