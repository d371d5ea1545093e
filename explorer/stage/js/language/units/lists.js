// Units side by side: those that track the feature, those that are missed most, those that remember longest.

/** @import { UnitsStage } from "./stage.js" */

import { element } from "../../core/dom.js"
import { fill, number } from "../../core/numbers.js"
import { leading, lossShare, memoryShare, ranked } from "./ranking.js"
import { signed } from "./words.js"

const BEST = 10 // units that track a feature
const MOST = 7 // units that are missed most
const LONGEST = 7 // units with the longest memory

// A title, a note, and a row for each of some units: its number, a bar, its value. Choosing a row chooses the unit.
class List {
  /** @param {UnitsStage} stage */
  constructor(stage) {
    this.stage = stage
    this.title = element("span", { class: "rx-name" })
    this.note = element("div", { class: "rx-note" })
    this.body = element("div", { class: "rx-ranks" })
    this.node = element("section", { class: "rx-rank" }, element("div", { class: "rx-title" }, this.title), this.note, this.body)
  }

  /** @param {string} title @param {string} note @param {Row[]} rows */
  write(title, note, rows) {
    const focused = this.body.contains(document.activeElement)
    this.title.textContent = title
    this.note.textContent = note
    this.body.replaceChildren(...rows.map((row) => this.row(row)))
    if (focused) this.pressed?.focus() // it stays with the unit
  }

  get pressed() {
    return /** @type {HTMLElement | null} */ (this.body.querySelector("[aria-pressed=true]"))
  }

  /**
   * share: of the bar, to the left where it is negative. mark: a place on the bar, 0..1. weak: whether it is no more than chance.
   * @typedef {{ unit: number, share: number, text: string, negative?: boolean, mark?: number, weak?: boolean }} Row
   * @param {Row} row
   */
  row({ unit, share, text, negative = share < 0, mark = NaN, weak = false }) {
    const { stage } = this
    const bar = element("span", { class: `rx-bar${negative ? " rx-negative" : ""}`, style: `transform:scaleX(${Math.abs(share) || 0})` })
    const track = element("span", { class: "rx-bar-track" }, bar)
    if (mark <= 1) track.append(element("span", { class: "rx-mark", style: `left:${100 * mark}%` }))
    return element("button", {
      type: "button", class: `rx-unit-row ${weak ? "rx-by-chance" : ""}`, "aria-pressed": String(unit === stage.unit),
      title: `${fill(stage.payload.strings.unit_n, { n: unit + 1 })}: ${text}`,
      onclick: () => stage.choose(unit),
    }, element("span", { class: "rx-unit-name", text: String(unit + 1) }), track, element("span", { class: "rx-bar-value", text }))
  }
}

export class Tracked extends List {
  show() {
    const { payload: { strings, features, measured, ranked: some }, run: { arrays }, tracked: feature, shade, unit, order } = this.stage
    const chosen = features.find(({ kind }) => kind === this.stage.feature)
    const missing = feature === chosen ? "" : strings[`missing_${chosen.kind}`]
    if (!feature) return this.write(strings.features, missing, [])
    const r = arrays[`r.${shade}.${feature.kind}`]
    const chance = arrays[`chance.${shade}.${feature.kind}`].at(0)
    if (!some) return this.write(strings.features, [missing, fill(strings.unranked, { value: number(chance, 2), n: measured })].filter(Boolean).join(" "), [])
    const note = fill(strings.chance, { shade, value: number(chance, 2), n: measured })
    this.write(fill(strings.tracked, { feature: feature.name }), [missing, note].filter(Boolean).join(" "), leading(order, BEST, unit).map((j) => {
      const size = Math.abs(r.at(j))
      const text = `${signed(r.at(j))} ${this.name(j)}`.trim()
      return { unit: j, share: size, text, negative: r.at(j) < 0, mark: chance, weak: !(size > chance) }
    }))
  }

  /** Which of several names a unit stands for; of two its sign tells. @param {number} unit */
  name(unit) {
    const { run: { arrays }, tracked: { names, kind }, shade } = this.stage
    return names.length > 2 ? names[arrays[`meaning.${shade}.${kind}`].at(unit)] : ""
  }
}

export class Losses extends List {
  show() {
    const { payload: { strings }, run, unit } = this.stage
    const { without, perplexity } = run.arrays
    const order = ranked(run.units, (j) => without.at(j))
    const share = lossShare(run, order[0])
    this.write(strings.losses, fill(strings.losses_note, { value: number(perplexity.at(0), 2) }),
      leading(order, MOST, unit).map((j) => ({ unit: j, share: share(j), text: number(without.at(j), 2) })))
  }
}

export class Memories extends List {
  show() {
    const { payload: { strings, keep }, run: { arrays, units }, unit } = this.stage
    const halves = arrays.half_life
    if (!halves) return this.write(strings.memory, strings.no_memory, [])
    const order = ranked(units, (j) => halves.at(j))
    this.write(strings.memory, fill(strings.memory_note, { gate: keep }), leading(order, LONGEST, unit).map((j) => {
      const steps = halves.at(j)
      return { unit: j, share: memoryShare(steps), text: steps < 100 ? number(steps, 1) : number(Math.round(steps), 0) }
    }))
  }
}
