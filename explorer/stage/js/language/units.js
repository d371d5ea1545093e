// Find the unit that does it: a text coloured by one unit, units ranked by what they track and by what is
// lost without them, gates of each, and a marked range with the places where the same units are on.

import { Stage } from "../core/base.js"
import { along, ramp, rgb } from "../core/colours.js"
import { element } from "../core/dom.js"
import { fill, number } from "../core/numbers.js"

const BEST = 10 // units that track a feature
const MOST = 7 // units that are missed most
const LONGEST = 7 // units with the longest memory
const PLACES = 8 // where the units of a marked range are on as well
const THRESHOLD = 0.3

// The text: one coloured span a token, a cursor, a range that is dragged or extended with shift and arrows.
class Passage {
  constructor(stage) {
    this.stage = stage
    const { payload } = stage
    const { strings } = payload
    this.colours = ramp(stage.theme.signed)
    this.inks = this.colours.map((colour) => inkOn(colour, stage.theme))
    this.spans = payload.runs[0].tokens.map((token, k) => this.span(token, k))
    this.node = element("div", {
      class: `rx-passage rx-of-${payload.unit}`, tabindex: 0, role: "group", "aria-label": strings.passage,
      onkeydown: (event) => this.key(event), onpointerdown: (event) => this.press(event),
      onpointermove: (event) => this.move(event), onpointerleave: () => stage.tip(null),
    }, ...this.lines(payload))
    this.release = () => (this.anchor = undefined)
    document.addEventListener("pointerup", this.release)
  }

  lines({ starts, own, strings }) {
    const nodes = []
    starts.forEach((from, n) => {
      if (own && from === 0) nodes.push(element("div", { class: "rx-passage-head", text: strings.own }))
      if (own && from === own) nodes.push(element("div", { class: "rx-passage-head", text: strings.rest }))
      nodes.push(element("div", { class: "rx-passage-line" }, ...this.spans.slice(from, starts[n + 1])))
    })
    return nodes
  }

  span(token, k) {
    const span = element("span", { class: "rx-token", text: token.label === "␣" ? " " : token.label })
    span.dataset.k = k
    if (token.apart) span.classList.add("rx-apart")
    if (!token.known) span.classList.add("rx-unknown")
    return span
  }

  at(event) {
    const span = event.target instanceof Element ? event.target.closest(".rx-token") : null
    return span ? Number(span.dataset.k) : null
  }

  press(event) {
    const k = this.at(event)
    if (k === null || event.button) return
    event.target.releasePointerCapture?.(event.pointerId) // a finger holds on to where it went down
    if (event.shiftKey) {
      this.from = this.stage.step
      return this.stage.mark(this.from, k)
    }
    this.anchor = this.from = k
    this.stage.mark(null)
    this.stage.transport.jump(k)
  }

  move(event) {
    const k = this.at(event)
    this.stage.tip(k === null ? null : this.stage.about(k), event)
    if (k !== null && this.anchor !== undefined && (k !== this.anchor || this.stage.range)) this.stage.mark(this.anchor, k)
  }

  key(event) {
    const { stage } = this
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (event.key === "Escape") return stage.mark(null)
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault()
      stage.choose(stage.order[stage.order.indexOf(stage.unit) + by] ?? stage.unit)
    } else if (event.shiftKey) {
      event.preventDefault()
      const from = (this.from = stage.range ? this.from : stage.step)
      const to = Math.max(0, Math.min(this.spans.length - 1, stage.step + by))
      stage.go(to)
      stage.mark(from, to)
    }
  }

  paint(value, high) {
    this.spans.forEach((span, k) => {
      const v = value(k)
      const colour = v === null ? "" : along(this.colours, v, -high, high)
      span.style.backgroundColor = colour
      span.style.color = this.inks[this.colours.indexOf(colour)] ?? ""
      span.classList.toggle("rx-bad", v !== null && !Number.isFinite(v))
    })
  }

  show(k) {
    this.now?.classList.remove("rx-now")
    this.now = this.spans[k]
    this.now.classList.add("rx-now")
    const { offsetTop, offsetHeight } = this.now
    const { scrollTop, clientHeight } = this.node
    if (offsetTop < scrollTop || offsetTop + offsetHeight > scrollTop + clientHeight) {
      this.node.scrollTop = offsetTop - clientHeight / 3
    }
  }

  highlight(range, places) {
    const inside = (k, [a, b]) => k >= a && k <= b
    this.spans.forEach((span, k) => {
      span.classList.toggle("rx-in", Boolean(range && inside(k, range)))
      span.classList.toggle("rx-hit", places.some((place) => inside(k, place)))
    })
  }

  close() {
    document.removeEventListener("pointerup", this.release)
  }
}

// How often each unit's gates are saturated; the current unit stands out.
class Scatter {
  constructor(figure, stage) {
    Object.assign(this, { figure, stage })
    this.plot = element("div", { class: "rx-plot" })
    const { hues } = stage.theme
    this.node = element("figure", { class: "rx-chart rx-scatter" },
      element("figcaption", { class: "rx-title" },
        element("span", { class: "rx-name", text: figure.layout.meta.title }),
        ...figure.data.map((trace) => element("span", { class: "rx-key", style: `color:${hues[trace.meta.hue]}`, text: trace.name }))),
      this.plot)
  }

  async draw(Plotly) {
    this.Plotly = Plotly
    const { theme, fontSize, payload } = this.stage
    const { width, height } = this.plot.getBoundingClientRect()
    const axis = { gridcolor: theme.grid, linecolor: theme.grid }
    const { layout } = this.figure
    const data = this.figure.data.map((trace) => ({
      ...trace, marker: { ...trace.marker, color: theme.hues[trace.meta.hue] },
      text: trace.x.map((_, j) => `${trace.name}, ${fill(payload.strings.unit_n, { n: j + 1 })}`),
      hovertemplate: "%{text}<br>< .1: %{x:.0%}, > .9: %{y:.0%}<extra></extra>",
      selected: { marker: { size: 15, opacity: 1 } }, unselected: { marker: { opacity: 0.35 } },
    }))
    await Plotly.newPlot(this.plot, data, {
      ...layout, width: Math.floor(width), height: Math.floor(height), hovermode: "closest",
      font: { color: theme.hues.ink, size: Math.min(fontSize, 15), family: getComputedStyle(this.stage.node).fontFamily },
      xaxis: { ...layout.xaxis, ...axis }, yaxis: { ...layout.yaxis, ...axis },
    }, { displayModeBar: false, responsive: false, doubleClick: false, scrollZoom: false })
    this.plot.on("plotly_click", ({ points }) => this.stage.choose(points[0].pointIndex))
    this.place(this.stage.unit)
  }

  // Plotly draws all points anew for one: not while a key is held down.
  place(unit) {
    if (!this.Plotly || unit === this.unit) return
    this.unit = unit
    clearTimeout(this.waiting)
    this.waiting = setTimeout(() => this.Plotly.restyle(this.plot, { selectedpoints: [[unit]] }), 150)
  }

  close() {
    clearTimeout(this.waiting)
    this.Plotly?.purge(this.plot)
  }
}

export class UnitsStage extends Stage {
  styles() {
    return ["language/units.css"]
  }

  makeStrip() {
    return null // the passage stands for it
  }

  content() {
    this.adopt(this.payload)
    const { strings } = this.payload
    this.feature = this.payload.feature
    this.shade = this.payload.shade
    this.zeroing = false
    this.range = null
    this.threshold = THRESHOLD
    this.first = true
    this.passage = new Passage(this)
    this.scatter = this.run.lines.length ? new Scatter(this.run.lines[0], this) : null
    this.readout = element("p", { class: "rx-said rx-unit-here", role: "status" })
    this.cause = element("p", { class: "rx-cause" })
    this.tracked = this.list()
    this.losses = this.list()
    this.memory = this.list()
    this.found = element("div", { class: "rx-found" })
    return [
      this.notice(), this.choices(),
      element("div", { class: "rx-units-main" },
        element("div", { class: "rx-reading" }, this.colouring(), this.passage.node, this.readout, this.cause),
        element("div", { class: "rx-lists" }, this.tracked.node, this.losses.node)),
      element("div", { class: "rx-units-below" },
        element("section", { class: "rx-marking", "aria-label": strings.range },
          element("div", { class: "rx-title" }, element("span", { class: "rx-name", text: strings.range })), this.slider(), this.found),
        this.scatter?.node ?? element("p", { class: "rx-none", text: strings.no_gates }),
        this.memory.node),
    ]
  }

  adopt(payload) {
    this.payload = payload
    this.run = payload.runs[0]
  }

  // The same text and network with another choice, or another pattern.
  async take(payload) {
    if (!this.node.dataset.ready || payload.same !== this.payload.same || payload.lang !== this.payload.lang) return false
    const before = this.payload
    this.adopt(payload)
    const stale = this.asked && Object.entries(this.asked).some(([name, value]) => payload[name] !== value)
    if (!stale) {
      if (payload.feature !== before.feature) this.feature = payload.feature
      if (payload.shade !== before.shade) this.shade = payload.shade
      this.asked = null
    }
    this.input.value = payload.pattern
    if (payload.pattern !== before.pattern && this.feature === "pattern") this.best()
    this.painted = this.listed = undefined
    this.node.dataset.ready = payload.id
    return true
  }

  // Says a choice to the page. What comes back is where we stand already.
  tell(changes) {
    this.asked = { ...this.asked, ...changes }
    this.awaited = true
    this.act({ ...changes, step: String(this.step + 1), unit: String(this.unit + 1) })
  }

  stand(place) {
    if (this.awaited) {
      this.awaited = false
      this.wish = place.wish
      this.update()
      return
    }
    super.stand(place)
    if (this.first && place.step === 1 && place.unit === 1) {
      this.best()
      this.update()
      this.rest()
    }
    this.first = false
  }

  notice() {
    const { bad, strings } = this.payload
    return bad === null ? null : element("p", { class: "rx-notice", role: "status", text: fill(strings.overflow, { step: bad }) })
  }

  // What to look for.
  choices() {
    const { features, strings, pattern } = this.payload
    this.tabs = features.map(({ kind, name }) => element("button", {
      type: "button", class: "rx-tab", text: name, onclick: () => this.seek(kind),
    }))
    this.input = element("input", {
      class: "rx-pattern", type: "text", maxlength: 100, value: pattern, placeholder: strings.pattern_short,
      "aria-label": strings.pattern_hint, onchange: () => this.look(this.input.value),
    })
    return element("div", { class: "rx-views rx-features", role: "group", "aria-label": strings.features }, ...this.tabs, this.input)
  }

  seek(kind) {
    this.feature = kind
    if (kind === "pattern" && !this.payload.pattern) this.input.focus()
    this.best()
    this.update()
    this.tell({ feature: kind })
  }

  look(pattern) {
    this.feature = "pattern"
    this.update()
    this.tell({ feature: "pattern", pattern })
  }

  // Of the units that follow the feature more than chance would, the one that the network needs most for it.
  best() {
    this.rank()
    const feature = this.payload.ranked ? this.shown() : null
    this.unit = this.order[0]
    if (!feature) return
    const { arrays } = this.run
    const [r, mean] = [arrays[`r.${this.shade}.${feature.kind}`], arrays[`mean.${feature.kind}`]]
    const chance = arrays[`chance.${this.shade}.${feature.kind}`].at(0)
    const needs = (j) => (Math.abs(r.at(j)) > chance ? mean.row(j)[0] : NaN)
    for (const j of this.order) if (needs(j) > (needs(this.unit) || -Infinity)) this.unit = j
  }

  colouring() {
    const { strings } = this.payload
    const shades = this.run.arrays.c ? ["h", "c"] : ["h"]
    this.shades = shades.map((shade) => element("button", {
      type: "button", class: "rx-tab", text: strings[`shade_${shade}`], onclick: () => this.colour(shade),
    }))
    this.zero = element("button", { type: "button", class: "rx-tab rx-zero", onclick: () => this.colour("zero") })
    this.scale = element("span", { class: "rx-scale" }, ...["rx-scale-low", "rx-scale-bar", "rx-scale-high"].map((name) => element("span", { class: name })))
    const stops = this.theme.signed.map(([at, colour]) => `${colour} ${100 * at}%`).join(",")
    this.scale.children[1].style.background = `linear-gradient(90deg, ${stops})`
    return element("div", { class: "rx-views rx-colouring", role: "group", "aria-label": strings.colour }, ...this.shades, this.zero, this.scale)
  }

  colour(what) {
    const zeroing = what === "zero" && !this.zeroing
    const shade = what === "zero" ? this.shade : what
    const told = shade !== this.shade
    Object.assign(this, { zeroing, shade })
    this.update()
    if (told) this.tell({ shade })
  }

  slider() {
    const { strings } = this.payload
    this.limit = element("input", {
      class: "rx-slider", type: "range", min: 0.05, max: 0.95, step: 0.05, value: THRESHOLD, "aria-label": strings.threshold_label,
      oninput: () => {
        this.threshold = Number(this.limit.value)
        this.search()
      },
    })
    this.limitSaid = element("output", {})
    return element("label", { class: "rx-limit" }, this.limitSaid, this.limit)
  }

  list() {
    const head = element("div", { class: "rx-title" })
    const note = element("div", { class: "rx-note" })
    const body = element("div", { class: "rx-ranks" })
    return { head, note, body, node: element("section", { class: "rx-rank" }, head, note, body) }
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

  choose(unit) {
    this.unit = unit
    this.update()
    this.rest()
  }

  // The feature that is shown: the chosen one, or the first that the text has.
  shown() {
    const { features } = this.payload
    return features.find((one) => one.kind === this.feature && one.there) ?? features.find((one) => one.there) ?? null
  }

  // All units, the best first: by the feature, or by what is lost where the text has no feature at all.
  rank() {
    const { arrays, units } = this.run
    const feature = this.shown()
    if (!this.payload.ranked) {
      this.order = Array.from({ length: units }, (_, j) => j)
      return
    }
    const measure = feature
      ? (j) => Math.abs(arrays[`r.${this.shade}.${feature.kind}`].at(j))
      : (j) => arrays.without.at(j)
    this.order = ranked(units, measure)
  }

  update() {
    this.rank()
    this.transport.show(this.step)
    this.paint()
    this.passage.show(this.step)
    this.describe()
    this.press()
    this.lists()
    this.scatter?.place(this.unit)
    if (this.searched !== this.shade) this.search()
    this.node.dataset.step = String(this.step + 1)
    this.node.dataset.unit = String(this.unit + 1)
  }

  paint() {
    const key = `${this.unit} ${this.shade} ${this.zeroing}`
    if (this.painted === key) return
    this.painted = key
    const { arrays, steps } = this.run
    const source = this.zeroing ? arrays.lost : arrays[this.shade]
    const column = Float64Array.from({ length: steps }, (_, k) => source.at(k, this.unit))
    const largest = column.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 0)
    const high = !this.zeroing && this.shade === "h" ? Math.max(1, largest) : largest || 1
    const silent = (k) => this.zeroing && Number.isNaN(arrays.nats.at(k)) // nothing stands before it
    this.passage.paint((k) => (silent(k) ? null : column[k]), high)
    this.scale.children[0].textContent = number(-high, 2)
    this.scale.children[2].textContent = `${number(high, 2)}${this.zeroing ? ` ${this.payload.strings.nats}` : ""}`
  }

  press() {
    const { strings, features } = this.payload
    const feature = this.shown()
    features.forEach((one, n) => {
      this.tabs[n].setAttribute("aria-pressed", String(one === feature))
      this.tabs[n].classList.toggle("rx-absent", !one.there)
      this.tabs[n].title = one.there ? "" : strings[`missing_${one.kind}`]
    })
    this.shades.forEach((tab, n) => tab.setAttribute("aria-pressed", String(!this.zeroing && this.shade === ["h", "c"][n])))
    this.zero.textContent = fill(strings.zero, { n: this.unit + 1 })
    this.zero.setAttribute("aria-pressed", String(this.zeroing))
  }

  // Number and meaning of a token for the unit.
  about(k) {
    const { strings } = this.payload
    const { arrays, tokens } = this.run
    const lines = [`t = ${k + 1}  ${tokens[k].known ? tokens[k].label : `${tokens[k].label} (${tokens[k].original})`}`]
    for (const name of ["h", "c"]) if (arrays[name]) lines.push(`${name} = ${number(arrays[name].at(k, this.unit))}`)
    const feature = this.shown()
    if (feature) lines.push(`${feature.name}: ${this.value(feature, k)}`)
    const nats = arrays.nats.at(k)
    if (!Number.isNaN(nats)) lines.push(fill(strings.surprise, { nats: short(nats), change: signed(arrays.lost.at(k, this.unit)), unit: this.unit + 1 }))
    return lines
  }

  value({ kind, names }, k) {
    const row = this.run.arrays[`value.${kind}`].row(k)
    if (!names.length) return number(row[0], 0)
    if (row.length === 1) return row[0] === 0 ? "–" : names[row[0] > 0 ? 0 : 1]
    return names[row.indexOf(1)] ?? "–"
  }

  describe() {
    const { strings } = this.payload
    const { arrays } = this.run
    const feature = this.shown()
    this.readout.textContent = this.about(this.step).join("   ")
    const [all, without] = [arrays.perplexity.at(0), arrays.without.at(this.unit)]
    const says = [fill(strings.cause, { unit: this.unit + 1, with: number(all, 2), without: number(without, 2) })]
    if (feature) {
      const [decided, others] = arrays[`mean.${feature.kind}`].row(this.unit)
      if (!Number.isNaN(decided)) {
        says.push(fill(strings[`cause_${feature.kind}`], { decided: signed(decided), others: signed(others) }))
      }
    }
    const nothing = this.run.steps === 1 ? strings.too_short : strings.not_finite
    this.cause.textContent = Number.isFinite(all) ? says.join(" ") : nothing
  }

  lists() {
    const feature = this.shown()
    const key = `${feature?.kind} ${this.shade} ${this.unit}`
    if (this.listed === key) return
    this.listed = key
    this.listTracked(feature)
    this.listLosses()
    this.listMemory()
  }

  listTracked(feature) {
    const { strings, features, measured } = this.payload
    const { arrays } = this.run
    const { head, note, body } = this.tracked
    head.replaceChildren(element("span", { class: "rx-name", text: feature ? fill(strings.tracked, { feature: feature.name }) : strings.features }))
    const chosen = features.find((one) => one.kind === this.feature)
    const missing = feature === chosen ? [] : [strings[`missing_${chosen.kind}`]]
    if (!feature) {
      note.textContent = missing.join(" ")
      body.replaceChildren()
      return
    }
    const r = arrays[`r.${this.shade}.${feature.kind}`]
    const chance = arrays[`chance.${this.shade}.${feature.kind}`].at(0)
    if (!this.payload.ranked) {
      note.textContent = [...missing, fill(strings.unranked, { value: number(chance, 2), n: measured })].join(" ")
      body.replaceChildren()
      return
    }
    note.textContent = [...missing, fill(strings.chance, { shade: this.shade, value: number(chance, 2), n: measured })].join(" ")
    body.replaceChildren(...this.top(this.order, BEST).map((j) => {
      const size = Math.abs(r.at(j))
      const name = feature.names.length > 1 ? (feature.names.length === 2 ? "" : feature.names[arrays[`meaning.${this.shade}.${feature.kind}`].at(j)]) : ""
      return this.row(j, size, `${signed(r.at(j))} ${name}`.trim(), r.at(j) < 0, chance, size > chance ? "" : "rx-by-chance")
    }))
  }

  listLosses() {
    const { strings } = this.payload
    const { arrays, units } = this.run
    const { head, note, body } = this.losses
    const all = arrays.perplexity.at(0)
    head.replaceChildren(element("span", { class: "rx-name", text: strings.losses }))
    note.textContent = fill(strings.losses_note, { value: number(all, 2) })
    const order = ranked(units, (j) => arrays.without.at(j))
    const most = Math.log(arrays.without.at(order[0]) / all) || 1
    body.replaceChildren(...this.top(order, MOST).map((j) => {
      const share = Math.log(arrays.without.at(j) / all) / most
      return this.row(j, Math.max(-1, Math.min(1, share)), number(arrays.without.at(j), 2), share < 0)
    }))
  }

  listMemory() {
    const { strings, keep } = this.payload
    const { arrays, units } = this.run
    const { head, note, body } = this.memory
    head.replaceChildren(element("span", { class: "rx-name", text: strings.memory }))
    if (!arrays.half_life) {
      note.textContent = strings.no_memory
      return
    }
    note.textContent = fill(strings.memory_note, { gate: keep })
    const order = ranked(units, (j) => arrays.half_life.at(j))
    const scale = (steps) => (Number.isFinite(steps) ? Math.min(1, Math.log1p(steps) / Math.log(1000)) : 1)
    body.replaceChildren(...this.top(order, LONGEST).map((j) => {
      const steps = arrays.half_life.at(j)
      return this.row(j, scale(steps), steps < 100 ? number(steps, 1) : number(Math.round(steps), 0))
    }))
  }

  // The first units of an order; the current one too, where it is not among them.
  top(order, count) {
    const first = order.slice(0, count)
    return first.includes(this.unit) ? first : [...first.slice(0, -1), this.unit]
  }

  row(j, share, text, negative = false, mark = NaN, extra = "") {
    const bar = element("span", { class: `rx-bar${negative ? " rx-negative" : ""}`, style: `transform:scaleX(${Math.abs(share) || 0})` })
    const track = element("span", { class: "rx-bar-track" }, bar)
    if (mark <= 1) track.append(element("span", { class: "rx-mark", style: `left:${100 * mark}%` }))
    return element("button", {
      type: "button", class: `rx-unit-row ${extra}`, "aria-pressed": String(j === this.unit),
      "aria-label": `${fill(this.payload.strings.unit_n, { n: j + 1 })}: ${text}`,
      onclick: () => this.pick(j),
    }, element("span", { class: "rx-unit-name", text: String(j + 1) }), track, element("span", { class: "rx-bar-value", text }))
  }

  // Choosing redraws the lists: the focus stays with the unit.
  pick(j) {
    const held = [this.tracked, this.losses, this.memory].find(({ body }) => body.contains(document.activeElement))
    this.choose(j)
    held?.body.querySelector("[aria-pressed=true]")?.focus()
  }

  // A range of steps, or none.
  mark(from, to) {
    this.range = from === null ? null : [Math.min(from, to), Math.max(from, to)]
    this.search()
  }

  search() {
    const { strings } = this.payload
    this.searched = this.shade
    this.limitSaid.textContent = fill(strings.threshold, { shade: this.shade, value: number(this.threshold, 2) })
    if (!this.range) {
      this.passage.highlight(null, [])
      this.found.replaceChildren(element("p", { class: "rx-note", text: strings.range_hint }))
      this.node.dataset.range = ""
      return
    }
    const { units, off } = this.on(this.range)
    const { places, least } = this.elsewhere(units)
    this.passage.highlight(this.range, places.slice(0, PLACES))
    const [a, b] = this.range
    const said = fill(units.length ? (off ? strings.on : strings.on_also) : strings.none_on, { a: a + 1, b: b + 1, n: units.length })
    this.found.replaceChildren(
      element("p", { class: "rx-note", role: "status", text: said }),
      element("div", { class: "rx-found-units" }, ...units.slice(0, 16).map(({ j, sign }) => element("button", {
        type: "button", class: "rx-found-unit", text: `${j + 1}${sign < 0 ? " −" : " +"}`, onclick: () => this.choose(j),
      }))),
      ...(units.length ? this.placesNodes(places, least, units.length) : []),
    )
    this.node.dataset.range = `${a + 1} ${b + 1}`
  }

  placesNodes(places, least, most) {
    const { strings } = this.payload
    if (!places.length) return [element("p", { class: "rx-note", text: strings.nowhere })]
    const head = fill(least === most ? strings.places : strings.places_some, { n: places.length, least, most })
    return [
      element("p", { class: "rx-note", text: head }),
      element("div", { class: "rx-places" }, ...places.slice(0, PLACES).map(([a, b]) => element("button", {
        type: "button", class: "rx-place", onclick: () => this.transport.jump(a),
      }, element("span", { class: "rx-place-step", text: String(a + 1) }),
      element("span", { class: "rx-around", text: this.written(a - 8, a) }),
      element("b", { text: this.written(a, Math.min(b + 1, a + 24)) }),
      element("span", { class: "rx-around", text: this.written(b + 1, b + 9) })))),
    ]
  }

  // Units on throughout a range with one sign, and off just before and after; without these two where there are none.
  on([a, b]) {
    const values = this.run.arrays[this.shade]
    const is = (k, j, sign) => sign * values.at(k, j) >= this.threshold
    const [before, after] = [this.sameLine(a - 1, a) ? a - 1 : null, this.sameLine(b, b + 1) ? b + 1 : null]
    const all = []
    for (let j = 0; j < this.run.units; j++) {
      const sign = Math.sign(values.at(a, j))
      let k = a
      while (k <= b && is(k, j, sign)) k++
      if (k <= b || !sign) continue
      const off = [before, after].every((side) => side === null || !is(side, j, sign))
      all.push({ j, sign, off })
    }
    const alone = all.filter((unit) => unit.off)
    return alone.length ? { units: alone, off: true } : { units: all, off: false }
  }

  sameLine(a, b) {
    return a >= 0 && b < this.run.steps && !this.payload.starts.includes(b)
  }

  // Stretches elsewhere in which all of the units are on, or as many of them as there are anywhere, at least half.
  elsewhere(units) {
    const values = this.run.arrays[this.shade]
    const [a, b] = this.range
    const counts = Array.from({ length: this.run.steps }, (_, k) =>
      units.reduce((n, { j, sign }) => n + (sign * values.at(k, j) >= this.threshold), 0))
    for (let least = units.length; least > 0 && least >= units.length / 2; least--) {
      const places = []
      for (let k = 0; k < this.run.steps; k++) {
        if (counts[k] < least) continue
        const from = k
        while (this.sameLine(k, k + 1) && counts[k + 1] >= least) k++
        if (k < a || from > b) places.push([from, k])
      }
      if (places.length) {
        const gap = ([from, to]) => Math.abs(to - from - (b - a))
        return { places: places.sort((one, other) => gap(one) - gap(other) || one[0] - other[0]), least }
      }
    }
    return { places: [], least: 0 }
  }

  written(from, to) {
    const gap = this.payload.unit === "word" ? " " : ""
    const some = this.run.tokens.slice(Math.max(0, from), Math.max(0, to))
    return some.map(({ label }) => (label === "␣" ? " " : label)).join(gap)
  }
}

function ranked(count, measure) {
  const size = (j) => (Number.isNaN(measure(j)) ? -Infinity : measure(j))
  return Array.from({ length: count }, (_, j) => j).sort((a, b) => size(b) - size(a) || a - b)
}

// Two decimals; what is less than half of one is 0.00.
function short(value) {
  return Math.abs(value) < 0.005 ? "0.00" : number(value, 2)
}

function signed(value) {
  return value >= 0.005 ? `+${short(value)}` : short(value)
}

// Ink or ground of the theme, whichever is read more easily on a colour.
function inkOn(colour, theme) {
  const light = (text) => {
    const [r, g, b] = rgb(text)
    return 0.299 * r + 0.587 * g + 0.114 * b
  }
  const gap = (text) => Math.abs(light(text) - light(colour))
  return gap(theme.hues.ink) > gap(theme.ground) ? theme.hues.ink : theme.ground
}
