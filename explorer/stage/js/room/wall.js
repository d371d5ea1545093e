// A figure of the room as Python drew it, in Plotly: what was guessed, or the class's race seed by seed.

/** @import { PlotNode } from "../browser.js" */
/** @import { RoomClient } from "./client.js" */

import { themeOf } from "../core/colours.js"
import { element } from "../core/dom.js"
import { loadPlotly } from "../core/load.js"

const AGAIN_MS = 1000 // a race's figure is fetched at most so often

export class Wall {
  /** @param {RoomClient} room @param {"guess" | "race"} name */
  constructor(room, name) {
    this.room = room
    this.name = name
    this.plot = /** @type {PlotNode} */ (element("div", { class: "rx-wall-plot" }))
    this.node = element("figure", { class: "rx-wall", "aria-live": "off" }, this.plot)
  }

  /** Draws what there is now; of what is asked at once the last, and no more than one a second. @param {{ lang: string }} asked */
  draw(asked) {
    this.asked = asked
    if (this.waiting || this.busy) return
    this.waiting = setTimeout(() => this.fetch(), Math.max(0, AGAIN_MS - (performance.now() - (this.at ?? -AGAIN_MS))))
  }

  async fetch() {
    this.waiting = undefined
    const { asked } = this
    if (!asked || this.closed || ["gone", "over"].includes(this.room.state)) return
    this.asked = undefined
    this.busy = true
    this.at = performance.now()
    try {
      const query = new URLSearchParams({ lang: asked.lang, theme: themeOf(this.node) })
      const [Plotly, answer] = await Promise.all([loadPlotly(), fetch(`${this.room.url}/figure/${this.name}?${query}`)])
      if (answer.ok && !this.closed) await this.show(Plotly, await answer.json())
    } finally {
      this.busy = false
      if (this.asked) this.draw(this.asked)
    }
  }

  /** @param {any} Plotly @param {{ data: any[], layout: any }} figure */
  async show(Plotly, { data, layout }) {
    this.Plotly = Plotly
    const size = Math.max(15, Math.min(30, this.node.clientWidth / 42))
    const large = { ...layout, font: { ...layout.font, size }, title: { ...layout.title, font: { size } }, legend: { ...layout.legend, font: { size } } }
    await Plotly.react(this.plot, data, large, { displayModeBar: false, responsive: true })
    this.node.dataset.ready = String(Number(this.node.dataset.ready ?? 0) + 1)
  }

  close() {
    this.closed = true
    clearTimeout(this.waiting)
    this.Plotly?.purge(this.plot)
  }
}
