// The curve of the seed that this device carries, small above the bar: the place as Python drew it, the points as
// they come over the stream.

/** @import { PlotNode } from "../browser.js" */
/** @import { CompanionData } from "../types.js" */
/** @import { RoomClient } from "./client.js" */

import { themeOf } from "../core/colours.js"
import { element } from "../core/dom.js"
import { loadPlotly } from "../core/load.js"
import { isToCome, seedSays, seedState } from "./words.js"

const SIZE = 13

export class SeedCurve {
  /** @param {RoomClient} room @param {CompanionData} data */
  constructor(room, data) {
    this.room = room
    this.data = data
    this.away = 0 // the race whose curve was put aside here
    this.plot = /** @type {PlotNode} */ (element("div", { class: "rx-seed-plot", role: "img" }))
    this.hide = element("button", { class: "rx-sheet-close rx-seed-close", type: "button", text: "×", onclick: () => this.put() })
    this.node = element("figure", { class: "rx-seed", hidden: "" }, this.plot, this.hide)
  }

  /** @param {CompanionData} data */
  take(data) {
    this.data = data
    this.hide.setAttribute("aria-label", data.strings.close)
    this.draw()
  }

  /** The class goes on to another view: a curve that is complete makes place. */
  pass() {
    if (this.room.race?.over) this.put()
  }

  put() {
    this.away = this.room.curve?.race ?? 0
    this.draw()
  }

  draw() {
    const { curve, race, you, lecturer } = this.room
    this.node.hidden = !curve || !race || lecturer || you.seed === null || curve.race === this.away || ["gone", "over"].includes(this.room.state)
    if (this.node.hidden || this.busy) return
    this.busy = this.show().finally(() => {
      this.busy = undefined
      if (this.late) this.draw()
    })
  }

  async show() {
    this.late = false
    const [Plotly, place] = await Promise.all([loadPlotly(), this.place()])
    const { curve, race, you } = this.room
    if (this.closed || !place || !curve || !race || you.seed === null) return
    this.Plotly = Plotly
    const state = seedState(this.room)
    const { meta } = place.layout
    const colour = state === "passed" ? meta.passed : race.over || !isToCome(state) ? meta.not : meta.on
    const line = { ...place.data[0], x: curve.points.map(([step]) => step), y: curve.points.map(([, value]) => value), line: { ...place.data[0].line, color: colour }, marker: { color: colour, size: 5 } }
    this.plot.setAttribute("aria-label", seedSays(this.room, this.data.strings))
    await Plotly.react(this.plot, [line], place.layout, { staticPlot: true, responsive: true })
    this.node.dataset.points = String(curve.points.length)
    this.late = curve !== this.room.curve || race !== this.room.race
  }

  /** Axes, goal and chance, fetched once for a race, a language and a theme. @returns {Promise<any>} */
  async place() {
    const wanted = new URLSearchParams({ lang: this.data.lang, theme: themeOf(this.node) })
    const key = `${this.room.race?.offer} ${wanted}`
    if (this.key === key) return this.found
    const answer = await fetch(`${this.room.url}/figure/mine?${wanted}`).catch(() => null)
    if (!answer?.ok) return null
    const { data, layout } = await answer.json()
    this.found = { data, layout: { ...layout, font: { ...layout.font, size: SIZE } } }
    this.key = key
    return this.found
  }

  close() {
    this.closed = true
    this.Plotly?.purge(this.plot)
  }
}
