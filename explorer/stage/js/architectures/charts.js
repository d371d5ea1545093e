// A view of charts alone, away from its page: its figures below each other, as Plotly draws them.

/** @import { PlotNode } from "../browser.js" */
/** @import { ChartsPayload, Standing } from "../types.js" */

import { Stage } from "../core/base.js"
import { element } from "../core/dom.js"
import { loadStyle, wholePlotly } from "../core/load.js"

const CONFIG = { displayModeBar: false, responsive: true }

/** @extends {Stage<ChartsPayload>} */
export class ChartsStage extends Stage {
  async build() {
    const [Plotly] = await Promise.all([wholePlotly(), loadStyle(), loadStyle("architectures/charts.css")])
    this.Plotly = Plotly
    this.plots = this.payload.figures.map(() => /** @type {PlotNode} */ (element("div", { class: "rx-figure" })))
    this.node.append(...this.plots)
    this.root.replaceChildren(this.node)
    const font = { family: getComputedStyle(this.node).fontFamily }
    await Promise.all(this.payload.figures.map((figure, n) => {
      const { data, layout } = figure[this.themeName]
      return Plotly.newPlot(this.plots[n], data, { ...layout, width: undefined, autosize: true, font: { ...layout.font, ...font } }, CONFIG)
    }))
    this.node.dataset.ready = this.payload.id
  }

  // There is nothing to step through.

  /** @param {Standing} place */
  stand({ wish }) {
    this.wish = wish
  }

  rest() {}

  async whole() {}

  close() {
    for (const plot of this.plots ?? []) this.Plotly.purge(plot)
  }
}
