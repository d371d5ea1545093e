// Where a decoder looks: its weights over the encoder's tokens, by step; the row where it looks most is framed.

/** @import { Attended, WalkRun } from "../types.js" */
/** @import { WalkStage } from "./walk.js" */

import { Chart } from "../core/chart.js"
import { element } from "../core/dom.js"
import { ends, number } from "../core/numbers.js"

const ROW = 25 // pixels of a token's row
const STEPS = 26 // and of the names of the steps below

/** @extends {Chart<WalkRun, WalkStage<any>>} */
export class Attention extends Chart {
  /** @param {Attended} attended @param {WalkRun} run @param {WalkStage<any>} stage */
  constructor(attended, run, stage) {
    super(attended.figure, { ...run, units: attended.tokens.length }, stage)
    this.attended = attended
    this.node.classList.add("rx-attention")
    this.node.style.setProperty("--map", `${ROW * attended.tokens.length + STEPS}px`)
    this.told = element("p", { class: "rx-said", role: "status" })
    this.node.append(this.told)
  }

  dress() {
    const { title, range } = this.figure.layout.meta
    this.title.replaceChildren(element("span", { class: "rx-name", text: title }), element("span", { class: "rx-range", text: ends(range) }))
  }

  rows() {
    return this.attended.tokens.map((_, row) => Float64Array.from({ length: this.run.steps }, (__, step) => this.attended.weights.at(step, row)))
  }

  /** The row that has the most weight at a step. @param {number} step */
  most(step) {
    const weights = this.attended.weights.row(step)
    return weights.indexOf(Math.max(...weights))
  }

  /** @param {number} step */
  place(step) {
    const row = this.most(step)
    super.place(step, row)
    this.told.textContent = `t = ${step + this.stage.payload.firstStep} · ${this.says(step, row)}`
  }

  /** @param {number} step @param {number} row */
  says(step, row) {
    const { said, tokens, weights } = this.attended
    return `${said[step]} ← ${tokens[row].label} ${number(weights.at(step, row))}`
  }

  /** @param {{ step: number, unit?: number }} at */
  lines({ step, unit }) {
    return [this.says(step, unit)]
  }

  /** Rows are no units: a click chooses the step alone. @param {MouseEvent} event */
  click(event) {
    const at = this.under(event)
    if (at) this.stage.go(at.step)
  }

  key() {}
}
