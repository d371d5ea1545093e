// What the readout says after the current step: the next token's probabilities, or a number.

/** @import { GeneratePayload, WalkPayload, WalkRun } from "../types.js" */
/** @import { Stage } from "../core/base.js" */

import { element } from "../core/dom.js"
import { number, percent } from "../core/numbers.js"

export class Readout {
  /** @param {WalkRun} run @param {Stage<WalkPayload | GeneratePayload>} stage @param {string} [heading] */
  constructor(run, stage, heading) {
    this.run = run
    this.stage = stage
    const { strings } = stage.payload
    this.node = element("div", { class: "rx-readout" }, element("div", { class: "rx-title" },
      element("span", { class: "rx-name", text: heading ?? (run.readout ? strings.next_token : strings.sum) })))
    const rows = run.readout ? run.readout.top[0].length : 2
    this.rows = Array.from({ length: rows }, () => {
      const [label, bar, value] = ["rx-bar-label", "rx-bar", "rx-bar-value"].map((name) => element("span", { class: name }))
      const row = element("div", { class: "rx-bar-row" }, label, element("span", { class: "rx-bar-track" }, bar), value)
      this.node.append(row)
      return { row, label, bar, value }
    })
  }

  show(t) {
    if (this.run.readout) this.tokens(t)
    else this.sum(t)
  }

  tokens(t) {
    const { firstStep } = this.stage.payload
    const coming = this.run.tokens[t + 1]
    this.run.readout.top[t].forEach((name, k) => {
      const p = this.run.arrays.top_probabilities.at(t, k)
      const { row, label, bar, value } = this.rows[k]
      label.textContent = name
      const gloss = this.stage.payload.gloss[name]
      if (gloss) label.append(element("span", { class: "rx-gloss", text: gloss }))
      bar.style.transform = `scaleX(${p})`
      value.textContent = percent(p)
      row.classList.toggle("rx-true", coming !== undefined && coming.known && coming.label === name && firstStep > 0)
    })
  }

  sum(t) {
    const { strings, target } = /** @type {WalkPayload} */ (this.stage.payload)
    const says = this.run.arrays.value.at(t)
    const shown = [{ name: strings.says, v: says }, { name: strings.target, v: target }]
    shown.forEach(({ name, v }, k) => {
      const { label, bar, value } = this.rows[k]
      label.textContent = name
      bar.style.transform = `scaleX(${Math.max(0, Math.min(1, v / 2))})`
      value.textContent = number(v)
    })
  }
}
