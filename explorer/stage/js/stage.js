// The stage: owns the charts of a page and steps through them without the server.
// mount(element, bytes, onRest) draws a payload; onRest({step, unit}) reports where the user rests.

import { Arithmetic } from "./arithmetic.js"
import { Chart } from "./charts.js"
import { themeOf } from "./colours.js"
import { element } from "./dom.js"
import { Drawing } from "./drawing.js"
import { fill } from "./numbers.js"
import { decode, placeOf } from "./payload.js"
import { Readout } from "./readout.js"
import { Strip } from "./strip.js"
import { Transport } from "./transport.js"

const REST_MS = 900
const base = new URL(".", import.meta.url)

export async function mount(root, bytes, onRest) {
  const theme = themeOf(root)
  const place = placeOf(bytes)
  const old = root.rxStage
  const payload = decode(bytes)
  if (old && old.payload.id === payload.id && old.themeName === theme) {
    old.onRest = onRest
    if (old.wish !== place.wish) {
      old.stand(place)
      old.told = `${place.step} ${place.unit}`
    }
    return old
  }
  const stage = new Stage(root, payload, theme, onRest)
  const keep = old && old.wish === place.wish && old.payload.firstStep === payload.firstStep
  old?.close()
  root.rxStage = stage
  stage.wish = place.wish
  await stage.build()
  stage.told = keep ? old.told : `${place.step} ${place.unit}`
  stage.stand(keep ? { step: old.step + payload.firstStep, unit: old.unit + 1, wish: place.wish } : place)
  if (keep) stage.rest() // what the old stage had not yet said
  return stage
}

export function unmount(root) {
  root.rxStage?.close()
  delete root.rxStage
}

let plotly
function loadPlotly() {
  plotly ??= globalThis.Plotly ? Promise.resolve(globalThis.Plotly) : new Promise((resolve, reject) => {
    const script = element("script", { src: new URL("plotly.min.js", base).href })
    script.onload = () => resolve(globalThis.Plotly)
    script.onerror = () => reject(new Error("Plotly.js did not load"))
    document.head.append(script)
  })
  return plotly
}

function loadStyle() {
  if (document.getElementById("rx-style")) return null
  return new Promise((resolve) => {
    const link = element("link", { id: "rx-style", rel: "stylesheet", href: new URL("stage.css", base).href })
    link.onload = resolve
    link.onerror = resolve
    document.head.append(link)
  })
}

class Stage {
  constructor(root, payload, themeName, onRest) {
    Object.assign(this, { root, payload, themeName, onRest, step: 0, unit: 0, view: "after" })
    this.theme = payload.themes[themeName]
    this.node = element("section", { class: `rx-stage rx-${payload.mode} rx-${themeName}`, "aria-label": payload.strings.stage })
    for (const [hue, colour] of Object.entries(this.theme.hues)) this.node.style.setProperty(`--rx-${hue}`, colour)
    for (const name of ["ground", "empty", "grid"]) this.node.style.setProperty(`--rx-${name}`, this.theme[name])
    this.tooltip = element("div", { class: "rx-tip", hidden: "" })
  }

  async build() {
    const [Plotly] = await Promise.all([loadPlotly(), loadStyle()])
    const { payload } = this
    this.transport = new Transport(payload, (k) => this.go(k))
    this.transport.onrest = () => this.rest()
    this.strip = new Strip(payload, (k) => this.transport.jump(k))
    const two = payload.mode === "two"
    const shown = two ? payload.runs : [payload.runs[payload.runs.length - 1]]
    this.panels = shown.map((run) => this.panel(run, two))
    this.node.append(...[
      this.strip.node, this.transport.node, this.notice(), this.views(),
      element("div", { class: "rx-panels" }, ...this.panels.map((panel) => panel.node)),
      this.details(shown), this.tooltip,
    ].filter(Boolean))
    this.root.replaceChildren(this.node)
    this.fontSize = Math.round(Math.max(12, Math.min(20, this.node.clientWidth / 72)))
    await Promise.all(this.charts().map((chart) => chart.draw(Plotly)))
    if (payload.mode === "changed") this.show("after")
    this.watch = new ResizeObserver(() => this.resize(Plotly))
    this.watch.observe(this.node)
    this.node.dataset.ready = payload.id
  }

  panel(run, two) {
    const { payload } = this
    const heatmaps = run.heatmaps.map((figure) => new Chart(figure, run, this))
    const lines = run.lines.map((figure, k) => new Chart(this.overlaid(figure, k), run, this))
    const drawing = new Drawing(run, this)
    const readouts = this.readouts(run)
    const maps = element("div", { class: `rx-maps rx-maps-${heatmaps.length}` }, ...heatmaps.map((chart) => chart.node))
    const side = element("div", { class: "rx-side" }, drawing.node,
      readouts.length ? element("div", { class: "rx-readouts" }, ...readouts.map((r) => r.node)) : null)
    const node = element("div", { class: "rx-panel" },
      two ? element("h3", { class: "rx-panel-title", text: run.cell }) : null,
      element("div", { class: "rx-scene" }, maps, side),
      element("div", { class: "rx-lines" }, ...lines.map((chart) => chart.node)))
    return { run, heatmaps, lines, drawing, readouts, side, node, payload }
  }

  // In a changed run the lines of the run before stand behind, pale.
  overlaid(figure, k) {
    if (this.payload.mode !== "changed") return figure
    const before = this.payload.runs[0].lines[k].data.map((trace) => ({ ...trace, opacity: 0.35 }))
    return { ...figure, data: [...figure.data, ...before] }
  }

  readouts(run) {
    if (!run.readout && !run.arrays.value) return []
    const { mode, runs, strings } = this.payload
    if (mode !== "changed") return [new Readout(run, this)]
    return [new Readout(runs[0], this, strings.before), new Readout(runs[1], this, strings.after)]
  }

  notice() {
    const { runs, strings } = this.payload
    const bad = runs.find((run) => run.badStep !== null)
    return bad ? element("p", { class: "rx-notice", role: "status", text: fill(strings.overflow, { step: bad.badStep }) }) : null
  }

  // Before, after, difference: which run the heatmaps, the drawing and the arithmetic show.
  views() {
    if (this.payload.mode !== "changed") return null
    const { strings } = this.payload
    this.viewButtons = ["before", "after", "difference"].map((view) => element("button", {
      type: "button", class: "rx-tab", text: strings[view], "aria-pressed": "false", onclick: () => this.show(view),
    }))
    return element("div", { class: "rx-views", role: "group", "aria-label": strings.view }, ...this.viewButtons)
  }

  show(view) {
    this.view = view
    const { runs } = this.payload
    const [panel] = this.panels
    const run = runs[view === "before" ? 0 : 1]
    ;["before", "after", "difference"].forEach((name, k) => this.viewButtons[k].setAttribute("aria-pressed", String(name === view)))
    for (const chart of panel.heatmaps) chart.paint(run, view === "difference" ? runs[0] : null)
    if (panel.drawing.run !== run) {
      const drawing = new Drawing(run, this)
      panel.drawing.node.replaceWith(drawing.node)
      panel.drawing = drawing
      this.setArithmetic([run])
    }
    this.update()
  }

  details(shown) {
    const { strings } = this.payload
    const most = Math.max(...shown.map((run) => run.units))
    this.unitInput = element("input", {
      class: "rx-unit", type: "number", min: 1, max: most, step: 1, value: 1, "aria-label": strings.unit,
      onchange: () => this.choose(Number(this.unitInput.value) - 1),
    })
    this.arithmeticPlace = element("div", { class: "rx-arithmetics" })
    this.setArithmetic(shown)
    this.detailsTitle = element("span", { class: "rx-details-title" })
    const node = element("section", { class: "rx-details", "aria-label": strings.arithmetic },
      element("div", { class: "rx-details-head" }, this.detailsTitle, element("label", { class: "rx-unit-label" }, `${strings.unit} `, this.unitInput)),
      this.arithmeticPlace)
    this.detailsVisible = true
    this.seen = new IntersectionObserver(([entry]) => {
      this.detailsVisible = entry.isIntersecting
      if (this.detailsVisible) this.updateDetails()
    })
    this.seen.observe(node)
    return node
  }

  setArithmetic(runs) {
    this.arithmetics = runs.map((run) => new Arithmetic(run, this))
    this.arithmeticPlace.replaceChildren(...this.arithmetics.map((a) => a.node))
  }

  charts() {
    return this.panels.flatMap((panel) => [...panel.heatmaps, ...panel.lines])
  }

  choose(unit) {
    const most = Math.max(...this.panels.map((panel) => panel.run.units))
    if (!Number.isInteger(unit)) return this.update()
    this.unit = Math.max(0, Math.min(most - 1, unit))
    this.update()
    this.rest()
  }

  go(step, unit) {
    this.step = Math.max(0, Math.min(this.payload.runs[0].steps - 1, step))
    if (unit !== undefined) this.unit = unit
    this.update()
    this.rest()
  }

  stand({ step, unit, wish }) {
    this.wish = wish
    this.transport.stop()
    const most = Math.max(...this.panels.map((panel) => panel.run.units))
    this.step = Math.max(0, Math.min(this.payload.runs[0].steps - 1, step - this.payload.firstStep))
    this.unit = Math.max(0, Math.min(most - 1, unit - 1))
    clearTimeout(this.resting)
    this.update()
    clearTimeout(this.resting)
  }

  // Everything that depends on the step or the unit, in one pass.
  update() {
    const { step, unit } = this
    this.strip.show(step)
    this.transport.show(step)
    for (const panel of this.panels) {
      for (const chart of panel.heatmaps) chart.place(step, unit)
      for (const chart of panel.lines) chart.place(step, unit)
      panel.drawing.show(step, Math.min(unit, panel.run.units - 1))
      for (const readout of panel.readouts) readout.show(step)
    }
    if (this.detailsVisible) this.updateDetails()
    this.node.dataset.step = String(step + this.payload.firstStep)
    this.node.dataset.unit = String(unit + 1)
  }

  updateDetails() {
    const { strings, firstStep, runs } = this.payload
    this.unitInput.value = String(this.unit + 1)
    this.detailsTitle.textContent = fill(strings.arithmetic_of, {
      unit: this.unit + 1, step: this.step + firstStep, token: runs[0].tokens[this.step].label })
    for (const arithmetic of this.arithmetics) arithmetic.show(this.step, this.unit)
  }

  // Tells the page where the user is once they rest there, and never while playing.
  rest() {
    clearTimeout(this.resting)
    if (this.transport.playing) return
    this.resting = setTimeout(() => {
      const place = { step: this.step + this.payload.firstStep, unit: this.unit + 1 }
      const said = `${place.step} ${place.unit}`
      if (said !== this.told) this.onRest?.(place)
      this.told = said
    }, REST_MS)
  }

  tip(lines, event) {
    this.tooltip.hidden = !lines
    if (!lines) return
    this.tooltip.replaceChildren(...lines.map((text) => element("div", { text })))
    const box = this.node.getBoundingClientRect()
    const x = Math.min(event.clientX - box.left + 14, box.width - this.tooltip.offsetWidth - 4)
    this.tooltip.style.transform = `translate(${x}px, ${event.clientY - box.top + 16}px)`
  }

  resize(Plotly) {
    const width = this.node.clientWidth
    if (!width || width === this.drawnWidth) return
    const first = this.drawnWidth === undefined
    this.drawnWidth = width
    if (first) return
    clearTimeout(this.resizing)
    this.resizing = setTimeout(() => {
      for (const chart of this.charts()) {
        const { width: w, height: h } = chart.plot.getBoundingClientRect()
        if (w) Plotly.relayout(chart.plot, { width: Math.floor(w), height: Math.floor(h) })
      }
    }, 120)
  }

  close() {
    this.transport?.close()
    this.watch?.disconnect()
    this.seen?.disconnect()
    clearTimeout(this.resting)
    for (const chart of this.panels ? this.charts() : []) chart.close()
  }
}
