// What every stage has: the strip, the transport, charts with a cursor, and where the user is.
// A stage for a kind of payload says what else it shows: content(), charts(), update(), mostUnits(), styles().

/** @import { Drawn, OnAct, OnRest, Root } from "../browser.js" */
/** @import { AnyPayload, Show, Standing, ThemeName } from "../types.js" */

import { element } from "./dom.js"
import { loadPlotly, loadStyle } from "./load.js"
import { above, arranged, fitted, typeSize } from "./show.js"
import { Strip } from "./strip.js"
import { Transport } from "./transport.js"
import { turns } from "./turning.js"

const REST_MS = 900

/** @template {AnyPayload} [P=AnyPayload] */
export class Stage {
  /** @param {Root} root @param {P} payload @param {ThemeName} themeName @param {OnRest?} [onRest] @param {OnAct?} [onAct] */
  constructor(root, payload, themeName, onRest, onAct) {
    this.root = root
    this.payload = payload
    this.themeName = themeName
    /** Where its payload lies; undefined where it was at hand. @type {string | undefined} */
    this.address = undefined
    this.onRest = onRest
    this.onAct = onAct
    this.step = 0
    this.unit = 0
    this.theme = payload.themes[themeName]
    this.node = element("section", { class: `rx-stage rx-${payload.mode} rx-${themeName}`, "aria-label": payload.strings.stage })
    for (const [hue, colour] of Object.entries(this.theme.hues)) this.node.style.setProperty(`--rx-${hue}`, colour)
    for (const name of ["ground", "empty", "grid"]) this.node.style.setProperty(`--rx-${name}`, this.theme[name])
    this.tooltip = element("div", { class: "rx-tip", hidden: "" })
    this.onleave = (/** @type {MouseEvent} */ event) => turns(event) && clearTimeout(this.resting) // what it said now would turn the page back
    this.spoken = element("div", { class: "rx-spoken", role: "status" })
    /** @type {Show | null | undefined} which panels are drawn */
    this.shows = undefined
  }

  async build() {
    const [Plotly] = await Promise.all([loadPlotly(), loadStyle(), ...(this.shows ? [loadStyle("core/show.css")] : []), ...this.styles().map((name) => loadStyle(name))])
    this.transport = new Transport(this.payload, (k) => this.go(k))
    this.transport.onrest = () => this.rest()
    this.strip = this.makeStrip()
    this.node.classList.toggle("rx-large", Boolean(this.shows?.large))
    const parts = this.content()
    this.node.append(...[this.strip?.node, this.transport.node, ...parts, this.tooltip, this.spoken].filter(Boolean))
    this.place = arranged(this.node, parts, this.shows)
    this.root.replaceChildren(this.node)
    this.measure()
    await Promise.all(this.drawnCharts().map((chart) => chart.draw(Plotly)))
    this.strip?.measure()
    this.drawn()
    this.onstand = (/** @type {any} */ event) => this.stand({ ...event.detail, wish: this.wish })
    addEventListener("rx-stand", this.onstand)
    document.addEventListener("click", this.onleave, true)
    this.onprint = () => void this.whole()
    addEventListener("beforeprint", this.onprint)
    this.watch = new ResizeObserver(() => this.resize(Plotly))
    const tall = this.shows?.large ? this.drawnCharts().map((chart) => chart.plot) : []
    for (const part of [this.node, ...above(this.shows), ...tall]) this.watch.observe(part)
    this.node.dataset.ready = this.payload.id
  }

  /** What stands below the transport. @returns {(Node | null)[]} */
  content() {
    return []
  }

  /** @returns {Drawn[]} */
  charts() {
    return []
  }

  /** The charts that stand on the page. */
  drawnCharts() {
    return this.charts().filter((chart) => this.node.contains(chart.plot))
  }

  /** Draws what waits until it is in sight: a printer or a picture shows all. */
  async whole() {
    await Promise.all(this.drawnCharts().map((chart) => chart.whole?.()))
  }

  // The size of type, and in a lecture the room that is left below what stands above.
  measure() {
    const large = Boolean(this.shows?.large)
    this.fontSize = typeSize(this.node.clientWidth, large)
    if (large) fitted(this.node, this.place)
  }

  // Shows all that depends on the step or the unit.
  update() {}

  // The unit is one of so many; of any number where it belongs to other pages, and is kept.
  mostUnits() {
    return Infinity
  }

  /** The row of its heatmaps that is chosen: the unit, where rows are units. */
  get chosenRow() {
    return this.unit
  }

  // The sentence as a strip of tokens; null where the stage shows the text in a way of its own.
  makeStrip() {
    return new Strip(this.payload, (k) => this.transport.jump(k))
  }

  /** Style sheets beside stage.css. @returns {string[]} */
  styles() {
    return []
  }

  /** Asks the page to set fields of the experiment; the user stays where they are. @param {Record<string, string>} changes */
  act(changes) {
    this.onAct?.({ step: String(this.step + this.payload.firstStep), unit: String(this.unit + 1), ...changes })
  }

  /** Takes another payload into the charts that stand, where it can; says whether it could. @param {P} _payload */
  async take(_payload) {
    return false
  }

  // Called once all charts are drawn.
  drawn() {}

  /** @param {number} step @param {number} [unit] */
  go(step, unit) {
    this.step = Math.max(0, Math.min(this.payload.runs[0].steps - 1, step))
    if (unit !== undefined) this.unit = unit
    this.update()
    this.report()
    this.rest()
  }

  // Tells this window where the stage stands: a class that follows hears it at once.
  report() {
    dispatchEvent(new CustomEvent("rx-place", { detail: { step: this.step + this.payload.firstStep, unit: this.unit + 1 } }))
  }

  /** @param {Standing} place */
  stand({ step, unit, wish }) {
    this.wish = wish
    this.transport.stop()
    this.step = Math.max(0, Math.min(this.payload.runs[0].steps - 1, step - this.payload.firstStep))
    this.unit = Math.max(0, Math.min(this.mostUnits() - 1, unit - 1))
    this.update()
    this.report()
    clearTimeout(this.resting)
  }

  // Tells the page where the user is once they rest there, and never while playing.
  rest() {
    clearTimeout(this.resting)
    if (this.transport.playing) return
    this.resting = setTimeout(() => {
      const place = { step: this.step + this.payload.firstStep, unit: this.unit + 1 }
      const said = `${place.step} ${place.unit}`
      if (said === this.told) return
      this.told = said
      this.speak()
      this.onRest?.(place)
    }, REST_MS)
  }

  // Says the step, its token and the values of the chosen row to whoever listens instead of looking.
  speak() {
    const { strings, firstStep, runs } = this.payload
    const values = this.drawnCharts().flatMap((chart) => chart.said?.({ step: this.step, unit: this.chosenRow }) ?? [])
    const token = runs[0].tokens?.[this.step]?.label ?? ""
    this.spoken.textContent = [`${strings.step} ${this.step + firstStep} ${token}`, ...new Set(values)].join(", ")
  }

  /** Shows lines beside the pointer, or nothing. @param {(string | Node)[] | null} lines @param {PointerEvent} [event] */
  tip(lines, event) {
    this.tooltip.hidden = !lines
    if (!lines) return
    this.tooltip.replaceChildren(...lines.map((line) => element("div", {}, line)))
    const box = this.node.getBoundingClientRect()
    const x = Math.min(event.clientX - box.left + 14, box.width - this.tooltip.offsetWidth - 4)
    this.tooltip.style.transform = `translate(${x}px, ${event.clientY - box.top + 16}px)`
  }

  // Where a place has another size now, its chart follows.
  resize(Plotly) {
    if (!this.node.clientWidth) return
    if (this.shows?.large) fitted(this.node, this.place)
    clearTimeout(this.resizing)
    this.resizing = setTimeout(() => {
      this.strip?.measure()
      for (const { plot } of this.drawnCharts()) {
        const size = plot.getBoundingClientRect()
        const [width, height] = [Math.floor(size.width), Math.floor(size.height)]
        const drawn = plot._fullLayout
        if (width && drawn && (drawn.width !== width || drawn.height !== height)) Plotly.relayout(plot, { width, height })
      }
    }, 120)
  }

  close() {
    document.removeEventListener("click", this.onleave, true)
    this.transport?.close()
    if (this.onstand) removeEventListener("rx-stand", this.onstand)
    if (this.onprint) removeEventListener("beforeprint", this.onprint)
    this.watch?.disconnect()
    clearTimeout(this.resting)
    for (const chart of this.transport ? this.drawnCharts() : []) chart.close()
  }
}
