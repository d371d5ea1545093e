// A text foreseen: after each step the most probable next tokens, how surprising the true one was, the
// perplexity so far; below, the text read as it stands beside the network reading its own words.
// The transport's step is the last token read; what is foreseen is the token after it.

/** @import { Figure, PredictPayload, PredictRun } from "../types.js" */

import { Stage } from "../core/base.js"
import { Chart } from "../core/chart.js"
import { along, ramp } from "../core/colours.js"
import { element } from "../core/dom.js"
import { exact, fill, number, percent } from "../core/numbers.js"

const FULL = 0.55 // how far the scale goes to its hue: text on it must be read

// A chart by token: one column more than steps, its cursor at the token that the step foresees.
/** @extends {Chart<PredictRun, PredictStage>} */
class ByToken extends Chart {
  /** @param {Figure} figure @param {PredictRun} run @param {PredictStage} stage @param {string} array */
  constructor(figure, run, stage, array) {
    super(figure, run, stage)
    this.array = array
  }

  hover(event) {
    const at = this.under(event)
    const coming = at && this.run.truth[at.step]
    if (!coming) return this.stage.tip(null)
    const { firstStep } = this.stage.payload
    const value = this.run.arrays[this.array].at(at.step)
    this.stage.tip([`t = ${at.step + 1 + firstStep}  ${coming.label}`, `${this.figure.data[0].name} = ${exact(value)}`], event)
  }
}

// The distance of two runs by step: a run that has exploded has none, and the tip says so.
class Distance extends Chart {
  lines({ step }) {
    const { name } = this.figure.data.find((trace) => trace.name)
    return [`${name} = ${exact(this.run.arrays.distance.at(step))}`]
  }
}

/** @extends {Stage<PredictPayload>} */
export class PredictStage extends Stage {
  styles() {
    return ["language/predict.css"]
  }

  content() {
    const { payload } = this
    const [run] = payload.runs
    this.run = run
    const [surprise, running, distance] = run.lines
    this.byToken = [new ByToken(surprise, run, this, "nats"), new ByToken(running, run, this, "running")]
    this.distance = new Distance(distance, run, this)
    this.colour()
    return [
      this.notice(), this.said(),
      element("div", { class: "rx-predict-scene" }, this.bars(),
        element("div", { class: "rx-predict-lines" }, this.numbers(), ...this.byToken.map((chart) => chart.node))),
      this.free(),
    ]
  }

  notice() {
    const { badStep, strings } = this.payload
    return badStep === null ? null : element("p", { class: "rx-notice", role: "status", text: fill(strings.overflow, { step: badStep }) })
  }

  // Each token of the strip, coloured and numbered by how surprising it was.
  colour() {
    const table = ramp(this.theme.gates.write)
    const even = Math.log(this.payload.V) || 1
    this.strip.chips.forEach((chip, k) => {
      const nats = this.run.arrays.surprise.at(k)
      const foreseen = k + this.payload.firstStep > 1
      chip.append(element("span", { class: "rx-nats", text: foreseen ? short(nats) : "" }))
      if (foreseen && Number.isFinite(nats)) {
        chip.style.setProperty("--rx-surprise", along(table, FULL * Math.min(1, nats / even), 0, 1))
      }
    })
    this.scale = `linear-gradient(to right, ${[0, 16, 32].map((k) => table[Math.round(k * FULL * 63 / 32)]).join(", ")})`
  }

  // What the whole text comes to, and how to read the colours.
  said() {
    const { said, strings, V } = this.payload
    return element("div", { class: "rx-predict-said" },
      element("p", { class: "rx-whole", role: "status", text: said }),
      element("p", { class: "rx-legend" }, strings.legend,
        element("span", { class: "rx-ramp", style: `background:${this.scale}` }), fill(strings.legend_end, { nats: Math.log(V).toFixed(2) })))
  }

  bars() {
    this.barsTitle = element("span", { class: "rx-name" })
    this.rank = element("span", { class: "rx-range", role: "status" })
    const node = element("div", { class: "rx-readout" }, element("div", { class: "rx-title" }, this.barsTitle, this.rank))
    this.rows = Array.from({ length: this.run.top[0].length + 1 }, () => {
      const [label, bar, value] = ["rx-bar-label", "rx-bar", "rx-bar-value"].map((name) => element("span", { class: name }))
      const row = element("div", { class: "rx-bar-row" }, label, element("span", { class: "rx-bar-track" }, bar), value)
      node.append(row)
      return { row, label, bar, value }
    })
    this.beyond = this.rows.pop()
    this.beyond.row.classList.add("rx-true", "rx-beyond")
    return node
  }

  numbers() {
    const { strings } = this.payload
    this.values = {}
    const boxes = ["p", "nats", "running"].map((name) => {
      this.values[name] = element("dd", {})
      return element("div", { class: "rx-number" }, element("dt", { text: strings[`number_${name}`], title: strings[`number_${name}`] }), this.values[name])
    })
    return element("dl", { class: "rx-numbers" }, ...boxes)
  }

  free() {
    const { strings } = this.payload
    this.goFree = element("button", { class: "rx-button rx-free-go", type: "button", onclick: () => this.goOn() })
    this.runs = element("div", { class: "rx-runs", tabindex: 0, role: "group", "aria-label": strings.tokens })
    this.freeSaid = element("p", { class: "rx-free-said", role: "status" })
    this.tell()
    return element("section", { class: "rx-free", "aria-label": strings.free_title },
      element("div", { class: "rx-free-head" }, element("h3", { text: strings.free_title }), this.goFree),
      this.runs, this.freeSaid, element("p", { text: strings.teacher }), this.distance.node)
  }

  // Asks for a run free of the text after the step where the user is, who stays there.
  goOn() {
    const step = String(this.step + this.payload.firstStep)
    this.act({ free: step, step })
  }

  // The two runs, token under token, and what is said of them.
  tell() {
    const { free, strings, firstStep } = this.payload
    const names = ["row_text", "row_forced", "row_free"].map((name) => element("span", { text: strings[name] }))
    this.columns = free.columns.map((column, k) => {
      const step = firstStep + k
      const mark = (right, own) => ["", right ? "" : "rx-apart", own ? "rx-own" : "rx-given"].join(" ").trim()
      const node = element("div", { class: "rx-runs-column", onclick: () => this.transport.jump(k) },
        element("span", { class: "rx-runs-step", text: String(step) }),
        element("span", { class: "rx-runs-text", text: column.text }),
        element("span", { class: mark(column.right, false), text: column.forced }),
        element("span", { class: mark(column.same, column.own), text: column.free }))
      node.classList.toggle("rx-leaves", step === free.start + 1)
      node.classList.toggle("rx-parts", step === free.parts)
      return node
    })
    this.runs.replaceChildren(element("div", { class: "rx-runs-names" }, element("span", {}), ...names), ...this.columns)
    this.freeSaid.textContent = free.said.join(" ")
    this.at = null
  }

  /** The same text with another free run: only the lower part changes. @param {PredictPayload} payload */
  async take(payload) {
    if (!this.node.dataset.ready || known(payload) !== known(this.payload)) return false
    const [run] = payload.runs
    Object.assign(this, { payload, run })
    this.tell()
    await this.distance.take(run.lines[2], run)
    this.measureRuns()
    this.node.dataset.ready = payload.id
    return true
  }

  drawn() {
    this.measureRuns()
  }

  resize(Plotly) {
    super.resize(Plotly)
    this.measureRuns()
  }

  // Reads the layout once, so that a step only writes.
  measureRuns() {
    this.half = this.runs.clientWidth / 2
    this.overflows = this.runs.scrollWidth > this.runs.clientWidth
    this.lefts = this.columns.map((column) => column.offsetLeft)
  }

  charts() {
    return [...this.byToken, this.distance]
  }

  update() {
    const { step } = this
    const { firstStep } = this.payload
    this.strip.show(step)
    this.transport.show(step)
    for (const chart of this.byToken) chart.place(step, 0)
    this.distance.place(step, 0)
    this.next?.classList.remove("rx-next")
    this.next = this.strip.chips[step + 1]
    this.next?.classList.add("rx-next")
    this.at?.classList.remove("rx-now")
    this.at = this.columns[step]
    this.at.classList.add("rx-now")
    if (this.overflows) this.runs.scrollLeft = this.lefts[step] - this.half
    this.showNext(step)
    this.showFree(step + firstStep)
    this.node.dataset.step = String(step + firstStep)
    this.node.dataset.unit = String(this.unit + 1)
  }

  // What may come after the step, the true next token marked.
  showNext(step) {
    const { strings, V } = this.payload
    const { arrays, top, truth, tokens } = this.run
    const coming = truth[step]
    const rank = arrays.rank.at(step)
    this.barsTitle.textContent = fill(strings.next_after, { token: tokens[step].label })
    this.rows.forEach(({ row, label, bar, value }, k) => {
      const p = arrays.top_p.at(step, k)
      show({ label, bar, value }, Number.isNaN(p) ? "" : top[step][k], p)
      row.classList.toggle("rx-true", rank === k + 1 && !Number.isNaN(p))
    })
    const beyond = coming && rank > this.rows.length
    this.beyond.row.style.visibility = beyond ? "visible" : "hidden"
    if (beyond) show(this.beyond, `${rank}. ${coming.label}`, arrays.p.at(step))
    const foreseen = coming && !Number.isNaN(arrays.p.at(step))
    this.rank.textContent = foreseen ? fill(strings.rank, { rank, V }) : coming ? strings.not_finite : strings.end
    this.values.p.textContent = coming ? `${coming.label}${coming.known ? "" : ` (${coming.original})`}  ${percent(arrays.p.at(step))}` : "–"
    this.values.nats.textContent = coming ? number(arrays.nats.at(step)) : "–"
    this.values.running.textContent = coming ? number(arrays.running.at(step), 3) : "–"
  }

  showFree(step) {
    const { strings, total, free } = this.payload
    this.goFree.textContent = fill(strings.go_free, { step })
    this.goFree.disabled = step >= total || step === free.start
  }
}

/** All but the free run, as text. @param {PredictPayload} payload */
function known({ lang, firstStep, total, said, V, runs: [run] }) {
  return JSON.stringify([lang, firstStep, total, said, V, run.tokens, run.truth, run.top, [...run.arrays.top_p.values]])
}

function short(nats) {
  return Number.isFinite(nats) && nats < 1000 ? nats.toFixed(2) : number(nats, 2)
}

function show({ label, bar, value }, name, p) {
  label.textContent = name
  bar.style.transform = `scaleX(${Number.isNaN(p) ? 0 : p})`
  value.textContent = Number.isNaN(p) ? "NaN" : percent(p)
}
