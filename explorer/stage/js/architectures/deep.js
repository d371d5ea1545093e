// Deep and both ways: the states of every layer and direction, the tags that two networks name, which states
// another next word changes, and which states a step's loss reaches. Row r is a layer in one direction.

/** @import { DeepPayload, DeepRun, Figure, Standing } from "../types.js" */

import { Stage } from "../core/base.js"
import { Chart } from "../core/chart.js"
import { along, inkOn, ramp } from "../core/colours.js"
import { element } from "../core/dom.js"
import { typeset } from "../core/maths.js"
import { ends, exact, fill, percent, powers as powersOf, written } from "../core/numbers.js"

const MOST_NUMBERS = 12 // with more steps than this the cells of a table are too narrow for numbers

const seen = new WeakSet() // roots whose first stage has been opened

/** @extends {Chart<DeepRun, DeepStage>} */
class LayerMap extends Chart {
  /** @param {Figure} figure @param {DeepRun} run @param {DeepStage} stage @param {number} row */
  constructor(figure, run, stage, row) {
    super(figure, run, stage)
    this.row = row
    this.node.setAttribute("aria-label", stage.rowName(row))
    if (figure.layout.meta.ticks) this.node.classList.add("rx-deep-ticks")
  }

  dress() {}

  // Tokens under the steps where they fit, else the steps' numbers.
  layout() {
    const layout = super.layout()
    if (!this.figure.layout.meta.ticks) return { ...layout, margin: { ...layout.margin, b: 2 } }
    const { size, family } = layout.font
    const small = Math.round(0.82 * size)
    const labels = layout.xaxis.ticktext ?? []
    const xaxis = { ...layout.xaxis, tickfont: { size: small } }
    const room = layout.width / this.run.steps - 3
    if (labels.length && Math.max(...widths(labels, `${small}px ${family}`)) > room) xaxis.ticktext = labels.map((_, k) => String(k + 1))
    return { ...layout, xaxis }
  }

  rows(run) {
    const h = run.arrays[`h.${this.row}`]
    return Array.from({ length: run.units }, (_, j) => Float64Array.from({ length: run.steps }, (__, t) => h.at(t, j)))
  }

  lines({ step, unit }, strings) {
    const value = this.run.arrays[`h.${this.row}`].at(step, unit)
    return [`${this.stage.rowName(this.row)}  ${fill(strings.unit_n, { n: unit + 1 })}`, `h = ${exact(value)}`]
  }
}

// A table of numbers as colours: a row for each layer and direction, a column for each step.
class Table {
  /** @param {DeepStage} stage @param {string} label */
  constructor(stage, label) {
    this.stage = stage
    const { run } = stage
    this.narrow = run.steps > MOST_NUMBERS
    this.heads = run.tokens.map((token, k) => element("div", { class: "rx-deep-head", title: `${k + 1}  ${token.label}` }))
    this.cells = run.rows.map(() => run.tokens.map((_, k) => element("div", { class: "rx-deep-cell", onclick: () => stage.go(k) })))
    this.heads.forEach((head, k) => { head.onclick = () => stage.go(k) })
    const lines = this.cells.map((cells, r) => [element("div", { class: "rx-deep-row", text: stage.rowMark(r), title: stage.rowName(r) }), ...cells])
    this.node = element("div", {
      class: `rx-deep-table rx-deep-rows-${run.rows.length}${this.narrow ? " rx-deep-narrow" : ""}`, role: "img", "aria-label": label,
      style: `grid-template-columns: auto repeat(${run.steps}, minmax(0, 1fr))`,
    }, element("div", {}), ...this.heads, ...lines.flat())
  }

  // of(r, k): {text, exactly, share}, share the place 0..1 on the scale, null for a blank. other: the word that
  // stands after the step, where it is not the sentence's.
  show(of, other = null) {
    const { theme, magnitude, step, run } = this.stage
    this.cells.forEach((cells, r) => cells.forEach((cell, k) => {
      const { text, exactly, share } = of(r, k)
      const colour = share === null ? "" : along(magnitude, share, 0, 1)
      cell.style.backgroundColor = colour
      cell.style.color = colour && inkOn(colour, theme)
      cell.textContent = this.narrow ? "" : text
      cell.title = exactly
      cell.classList.toggle("rx-deep-blank", share === null)
      cell.classList.toggle("rx-deep-at", k === step)
    }))
    this.heads.forEach((head, k) => {
      const swapped = other !== null && k === step + 1
      const label = this.narrow ? (k % 8 === 0 ? String(k + 1) : "") : run.tokens[k].label
      head.textContent = swapped ? `→${this.narrow ? "" : ` ${other}`}` : label
      head.classList.toggle("rx-deep-swapped", swapped)
      head.classList.toggle("rx-deep-at", k === step)
    })
  }
}

/** @extends {Stage<DeepPayload>} */
export class DeepStage extends Stage {
  styles() {
    return ["architectures/deep.css"]
  }

  content() {
    const { payload } = this
    this.run = payload.runs[0]
    this.word = 0
    this.magnitude = ramp(this.theme.magnitude)
    this.maps = this.run.heatmaps.map((figure, r) => new LayerMap(figure, this.run, this, r))
    this.hung = this.strip.chips.map((chip, k) => this.hang(chip, k))
    return [
      this.notice(),
      element("div", { class: "rx-deep-scene" },
        element("div", { class: "rx-deep-left" }, this.grid(), this.tags()),
        element("div", { class: "rx-deep-right" }, this.replacing(), this.gradient())),
    ]
  }

  notice() {
    const { bad, strings } = this.payload
    return bad === null ? null : element("p", { class: "rx-notice", role: "status", text: fill(strings.overflow, { step: bad }) })
  }

  // The strip gets a column of labels for what hangs under each word.
  drawn() {
    const { strings, networks } = this.payload
    const { node } = this.strip
    const labels = element("div", { class: "rx-deep-labels" }, element("span", { text: strings.true_tag }),
      ...networks.map(({ label, hue }) => element("span", { text: label, style: `color:var(--rx-${hue})` })))
    const holder = element("div", { class: "rx-deep-strip" }, labels)
    node.before(holder)
    holder.append(node)
    this.strip.measure()
  }

  rowMark(r) {
    const { layer, reverse } = this.run.rows[r]
    return `${layer} ${reverse ? "←" : "→"}`
  }

  rowName(r) {
    const { layer, reverse } = this.run.rows[r]
    const { strings } = this.payload
    return fill(strings.row_name, { layer, direction: reverse ? strings.backward : strings.forward })
  }

  // Under a word: its true tag, and the best of each network.
  hang(chip, k) {
    const { run, payload } = this
    const { strings, networks } = payload
    const asked = run.asked[k]
    if (run.undecided.includes(k)) {
      chip.classList.add("rx-deep-open")
      chip.title = strings.undecided_word
      chip.querySelector(".rx-chip-text").prepend(element("span", { class: "rx-deep-mark", text: "◆ " }))
    }
    chip.append(element("span", { class: "rx-deep-tag rx-deep-true", text: asked < 0 ? "–" : run.tags[asked] }))
    for (const { name, hue } of networks) {
      const best = argmax(run.arrays[`p.${name}`].row(k))
      const right = asked < 0 ? "" : best === asked ? "✓ " : "✗ "
      chip.append(element("span", { class: `rx-deep-tag${right === "✗ " ? " rx-deep-wrong" : ""}`, style: `color:var(--rx-${hue})`, text: right + run.tags[best] }))
    }
  }

  // Heatmaps: layers from top to bottom, forward | backward.
  grid() {
    const { run, payload: { strings, shown } } = this
    const both = shown === "both"
    const range = this.maps[0].figure.layout.meta.range
    const heads = [strings.forward_arrow, ...(both ? [strings.backward_arrow] : [])]
    const depth = run.rows[run.rows.length - 1].layer
    const lines = Array.from({ length: depth }, (_, d) => [
      element("div", { class: "rx-deep-layer", text: fill(strings.layer, { n: d + 1 }) }),
      ...this.maps.filter((map) => run.rows[map.row].layer === d + 1).map((map) => map.node),
    ])
    return element("div", { class: `rx-deep-maps rx-deep-depth-${depth}${both ? " rx-deep-two" : ""}` },
      element("span", { class: "rx-letter", text: "h", style: "background:var(--rx-h);color:var(--rx-ground)" }),
      ...heads.map((text, n) => element("div", { class: "rx-title" },
        element("span", { class: "rx-name", text }), n === heads.length - 1 ? element("span", { class: "rx-range", text: ends(range) }) : null)),
      ...lines.flat())
  }

  // Probabilities of the tags at the step, of both networks, as the sentence stands and with another next word.
  tags() {
    const { run, payload: { strings, networks } } = this
    this.tagsTitle = element("span", { class: "rx-name" })
    this.bars = run.tags.map((name) => {
      const parts = networks.map(({ hue }) => {
        const [now, other] = ["rx-deep-now", "rx-deep-other"].map((kind) => element("span", { class: `rx-deep-bar ${kind}`, style: `background:var(--rx-${hue})` }))
        const value = element("span", { class: "rx-deep-value" })
        return { now, other, value, nodes: [element("span", { class: "rx-deep-track" }, now, other), value] }
      })
      const label = element("span", { class: "rx-deep-name", text: name })
      return { label, parts, nodes: [label, ...parts.flatMap((part) => part.nodes)] }
    })
    const heads = networks.flatMap(({ label, hue }) => [element("span", { class: "rx-deep-network", text: label, style: `color:var(--rx-${hue})` })])
    this.otherKey = element("span", { class: "rx-range" })
    return element("div", { class: "rx-deep-tags", role: "group", "aria-label": strings.tags },
      element("div", { class: "rx-title" }, this.tagsTitle, this.otherKey),
      element("div", { class: "rx-deep-bars" }, element("span", {}), ...heads, ...this.bars.flatMap((bar) => bar.nodes)))
  }

  replacing() {
    const { strings } = this.payload
    this.words = Array.from({ length: this.run.others[0]?.length ?? 0 }, (_, k) => element("button", {
      type: "button", class: "rx-tab", "aria-pressed": "false", onclick: () => this.replace(k),
    }))
    this.ask = element("span", { class: "rx-deep-ask" })
    this.changes = new Table(this, strings.changes)
    this.changed = element("p", { class: "rx-deep-said", role: "status" })
    return element("div", { class: "rx-deep-card" },
      element("div", { class: "rx-title" }, element("span", { class: "rx-name", text: strings.changes }), element("span", { class: "rx-range", text: strings.change_symbol })),
      element("div", { class: "rx-views rx-deep-words", role: "group", "aria-label": strings.another, title: strings.another }, this.ask, ...this.words),
      this.changes.node, this.changed)
  }

  gradient() {
    const { powers, strings, shown } = this.payload
    this.reached = new Table(this, strings.reaches)
    this.reachTitle = element("span", { class: "rx-name" })
    this.reachSaid = element("p", { class: "rx-deep-said" })
    this.blankSaid = strings[shown === "one" ? "blank_one" : this.run.rows.length === 2 ? "blank_both" : "blank_deep"]
    return element("div", { class: "rx-deep-card" },
      element("div", { class: "rx-title" }, this.reachTitle, element("span", { class: "rx-range", text: powersOf(powers) })),
      this.reached.node, this.reachSaid)
  }

  charts() {
    return this.maps
  }

  mostUnits() {
    return this.run.units
  }

  // The first time, where nobody asked for another step, at the word that this is about.
  /** @param {Standing} place */
  stand(place) {
    const opening = !seen.has(this.root) && place.step === this.payload.firstStep && this.run.undecided.length > 0
    seen.add(this.root)
    super.stand(opening ? { ...place, step: this.run.undecided[0] + this.payload.firstStep } : place)
  }

  replace(k) {
    this.word = k
    this.update()
  }

  update() {
    const { step, unit } = this
    this.strip.show(step)
    this.transport.show(step)
    for (const map of this.maps) map.place(step, unit)
    this.showTags()
    this.showChanges()
    this.showGradient()
    this.node.dataset.step = String(step + 1)
    this.node.dataset.unit = String(unit + 1)
    this.node.dataset.word = String(this.word + 1)
  }

  // The other word after this step, or null after the last one.
  get other() {
    return this.run.others[this.step]?.[this.word] ?? null
  }

  showTags() {
    const { run, step, word, other, payload: { strings, networks } } = this
    this.tagsTitle.textContent = fill(strings.tags_at, { t: step + 1, token: run.tokens[step].label })
    this.otherKey.textContent = other === null ? "" : fill(strings.thin, { word: other })
    this.bars.forEach(({ label, parts }, k) => {
      const right = run.asked[step] === k
      label.classList.toggle("rx-deep-right", right)
      label.textContent = (right ? "✓ " : "") + run.tags[k]
      networks.forEach(({ name }, n) => {
        const now = run.arrays[`p.${name}`].at(step, k)
        const then = other === null ? 0 : run.arrays[`other.${name}.${word}`].at(step, k)
        parts[n].now.style.transform = `scaleX(${now})`
        parts[n].other.style.transform = `scaleX(${then})`
        parts[n].value.textContent = other === null ? percent(now) : `${percent(now)} → ${percent(then)}`
      })
    })
  }

  showChanges() {
    const { run, step, word, other, payload: { strings, most, shown } } = this
    this.words.forEach((button, k) => {
      button.hidden = other === null
      button.textContent = run.others[step]?.[k] ?? ""
      button.setAttribute("aria-pressed", String(k === word))
    })
    this.ask.textContent = other === null ? strings.nothing_follows : fill(strings.instead, { word: run.tokens[step + 1].label })
    const value = (r, k) => run.arrays[`change.${word}`].at(step, r * run.steps + k)
    this.changes.show((r, k) => {
      if (other === null) return { text: "", exactly: "", share: null }
      const v = value(r, k)
      return { text: short(v), exactly: `${this.rowName(r)}  t = ${k + 1}: ${exact(v)}`, share: v === 0 ? null : v / most }
    }, other)
    if (other === null) {
      this.changed.textContent = ""
      return
    }
    const rows = run.rows.map((_, r) => r)
    const still = rows.filter((r) => value(r, step) === 0)
    const moved = rows.filter((r) => value(r, step) !== 0)
    const list = (some) => (some.length ? some.map((r) => this.rowMark(r)).join(", ") : strings.none)
    const said = fill(strings.still_moved, { t: step + 1, still: list(still), moved: list(moved) })
    const expected = rows.every((r) => still.includes(r) === (shown === "one" || r === 0))
    const why = strings[shown === "one" ? "why_one" : rows.length === 2 ? "why_both" : "why_deep"]
    this.changed.replaceChildren(element("b", { text: said }), expected ? ` ${why}` : "")
  }

  showGradient() {
    const { run, step, payload: { strings, powers: [low, high] } } = this
    const asked = run.asked[step]
    this.reachTitle.replaceChildren(typeset(strings.reaches_at, { t: step + 1 }))
    this.reached.show((r, k) => {
      const v = run.arrays.gradient.at(step, r * run.steps + k)
      if (Number.isNaN(v)) return { text: "", exactly: "", share: null }
      const share = v === 0 ? 0 : (Math.log10(v) - low) / (high - low)
      return { text: short(v), exactly: `${this.rowName(r)}  t = ${step + 1}, k = ${k + 1}: ${exact(v)}`, share: Math.max(0, Math.min(1, share)) }
    })
    this.reachSaid.textContent = asked < 0 ? fill(strings.no_loss, { t: step + 1 }) : this.blankSaid
  }
}

const pen = document.createElement("canvas").getContext("2d")

function widths(labels, font) {
  pen.font = font
  return labels.map((label) => pen.measureText(label).width)
}

function argmax(row) {
  return row.reduce((best, v, k) => (v > row[best] ? k : best), 0)
}

// Few characters: a zero is a zero to the last bit.
function short(value) {
  if (value === 0) return "0"
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : "∞"
  if (value >= 0.0995 && value < 99.5) return value.toPrecision(2)
  if (value >= 0.00095 && value < 0.0995) return value.toPrecision(1)
  return written(value.toExponential(0)).replaceAll(" ", "")
}
