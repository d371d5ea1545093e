// A network goes on after a prompt: the walk over prompt and said tokens, the text on top in the strip's
// place, and the distribution that each next token was drawn from. Another choice there is a fork.

/** @import { Ahead, GeneratePayload, WalkRun } from "../types.js" */

import { element } from "../core/dom.js"
import { fill, number, percent } from "../core/numbers.js"
import { WalkStage } from "../step/walk.js"
import { forkedAt, isForced, stateOf, windowOf } from "./forks.js"

const KEY = [0.1, 0.5, 1] // probabilities in the legend
const LN2 = Math.log(2)

// The whole text, window or not. The line below a said token is as long as it was probable.
class SaidText {
  /** @param {GeneratePayload} payload @param {GenerateStage} stage */
  constructor(payload, stage) {
    this.payload = payload
    this.stage = stage
    /** @type {Record<"read" | "coming", HTMLElement | undefined>} the piece that is read, and the one that comes next */
    this.marked = { read: undefined, coming: undefined }
    this.shown = payload.text.length - 1
    this.pieceOf = payload.pieces.flatMap((piece, k) => piece.texts.map(() => k))
    this.pieces = payload.pieces.map((piece) => this.piece(piece))
    this.node = element("div", {
      class: `rx-strip rx-text${payload.spaced ? "" : " rx-letters"}`, role: "listbox", "aria-label": payload.strings.text,
      onclick: (event) => this.click(event), onkeydown: (event) => this.key(event),
    })
    for (const [k, piece] of this.pieces.entries()) {
      if (k && payload.spaced) this.node.append(" ")
      this.node.append(piece)
    }
  }

  piece({ at, texts }) {
    const { payload } = this
    const tokens = texts.map((_, k) => at + k)
    const piece = element("span", { class: "rx-piece", role: "option", tabindex: -1, "aria-selected": "false", text: texts.at(-1) })
    piece.title = tokens.map((token) => this.stage.about(token)).join("\n")
    if (at < payload.prompt) piece.classList.add("rx-given")
    else piece.style.backgroundImage = `linear-gradient(to right, ${tokens.map((token, k) => this.line(token, k, texts.length)).join(", ")})`
    if (tokens.some((token) => !payload.text[token].known)) piece.textContent = payload.text[at].original
    if (tokens.some((token) => !payload.text[token].known)) piece.classList.add("rx-unknown")
    if (tokens.some((token) => this.stage.forcedAt(token))) piece.classList.add("rx-fork")
    return piece
  }

  line(token, k, count) {
    const hue = this.stage.forcedAt(token) ? "var(--rx-write)" : "var(--rx-h)"
    const p = this.stage.probability(token)
    const at = (share) => `${((100 * (k + share)) / count).toFixed(2)}%`
    const end = `calc(${at(1)} - 1.5px)`
    const full = `min(${at(p)}, ${end})`
    return `${hue} ${at(0)} ${full}, var(--rx-track) ${full} ${end}, transparent ${end} ${at(1)}`
  }

  click(event) {
    const k = this.pieces.indexOf(event.target)
    if (k < 0) return
    const { at, texts } = this.payload.pieces[k]
    const { left, width } = event.target.getBoundingClientRect()
    const part = Math.floor((texts.length * (event.clientX - left)) / width)
    this.stage.visit(at + Math.max(0, Math.min(texts.length - 1, part)))
  }

  key(event) {
    const k = this.pieces.indexOf(event.target)
    if (event.key === "Enter" && k >= 0) this.stage.visit(this.payload.pieces[k].at)
  }

  // Marks the token that is read and the one that comes next; hides what comes after where asked to.
  show(at, hide) {
    this.mark("read", "rx-now", at)
    this.mark("coming", "rx-next", at + 1)
    this.reveal(hide ? at + 1 : this.payload.text.length - 1)
    const piece = this.marked.coming ?? this.marked.read
    if (this.stop) this.stop.tabIndex = -1
    if (piece) piece.tabIndex = 0
    this.stop = piece
    if (this.overflows) this.node.scrollTop = this.tops.get(piece) - this.half
  }

  /** @param {"read" | "coming"} name @param {string} style @param {number} token */
  mark(name, style, token) {
    const { marked } = this
    marked[name]?.classList.remove(style)
    marked[name]?.setAttribute("aria-selected", "false")
    marked[name] = this.pieces[this.pieceOf[token]]
    marked[name]?.classList.add(style)
    marked.read?.setAttribute("aria-selected", "true")
  }

  reveal(last) {
    const [from, to] = [Math.min(last, this.shown), Math.max(last, this.shown)]
    if (from === to) return
    this.shown = last
    for (let k = this.pieceOf[from]; k <= (this.pieceOf[to] ?? this.pieces.length - 1); k++) {
      const { at, texts } = this.payload.pieces[k]
      this.pieces[k].classList.toggle("rx-later", at > last)
      if (texts.length > 1) this.pieces[k].textContent = texts[Math.max(0, Math.min(texts.length - 1, last - at))]
    }
  }

  measure() {
    this.half = this.node.clientHeight / 2
    this.overflows = this.node.scrollHeight > this.node.clientHeight + 2
    if (this.overflows) this.tops = new Map(this.pieces.map((piece) => [piece, piece.offsetTop - this.node.offsetTop]))
  }
}

// What may come next, most probable first. Where the network draws, each row is a choice.
class Choices {
  /** @param {WalkRun} run @param {GenerateStage} stage */
  constructor(run, stage) {
    this.run = run
    this.stage = stage
    const { strings } = stage.payload
    this.title = element("span", { class: "rx-name" })
    this.says = element("p", { class: "rx-choices-says" })
    this.back = element("button", { type: "button", class: "rx-tab rx-take-back", text: strings.take_back, onclick: () => stage.takeBack(stage.saidNext()) })
    this.rows = Array.from({ length: run.arrays["ahead.p"].columns }, (_, k) => this.row(k))
    this.head = element("div", { class: "rx-choice rx-choice-head", "aria-hidden": "true" }, element("span"), element("span"),
      element("span", { text: strings.p }), element("span", { class: "rx-own", text: strings.own }))
    this.entropy = element("p", { class: "rx-choices-entropy" })
    this.node = element("section", { class: "rx-choices", "aria-label": strings.choices },
      element("div", { class: "rx-title" }, this.title), this.says, this.head, ...this.rows.map(({ row }) => row), this.entropy, this.back)
  }

  row(k) {
    const [label, p, own] = ["rx-bar-label", "rx-bar-value", "rx-bar-value rx-own"].map((name) => element("span", { class: name }))
    const [bar, pale] = ["rx-bar", "rx-bar rx-pale"].map((name) => element("span", { class: name }))
    const row = element("button", { type: "button", class: "rx-choice", onclick: () => this.stage.chooseNext(k) },
      label, element("span", { class: "rx-tracks" }, element("span", { class: "rx-bar-track" }, bar), element("span", { class: "rx-bar-track rx-thin" }, pale)), p, own)
    return { row, label, bar, pale, p, own }
  }

  show(t) {
    const { payload } = this.stage
    const { strings } = payload
    const ahead = payload.ahead[t]
    const state = stateOf(payload, t)
    this.title.textContent = fill(strings.after_token, { token: this.run.tokens[t].label })
    this.says.textContent = fill(strings[`is_${state}`], { n: this.stage.saidNext(), steps: payload.asked })
    this.back.hidden = state !== "forced"
    this.head.hidden = !ahead
    this.node.classList.toggle("rx-undrawn", state === "given" || state === "ended")
    for (const [k, row] of this.rows.entries()) this.fillRow(row, ahead, t, k, state)
    const [p, own] = this.run.arrays["ahead.entropy"].row(t)
    const line = (template, value) => fill(template, { nats: number(value, 2), bits: number(value / LN2, 2) })
    const lines = [Number.isNaN(p) ? "" : line(strings.entropy, p), Number.isNaN(own) ? "" : line(strings.own_entropy, own)]
    this.entropy.replaceChildren(...lines.filter(Boolean).map((text) => element("span", { text })))
  }

  /** @param {Record<string, any>} row @param {Ahead | null} ahead @param {number} t @param {number} k @param {string} state */
  fillRow({ row, label, bar, pale, p, own }, ahead, t, k, state) {
    row.hidden = !ahead || k >= ahead.ids.length
    if (row.hidden) return
    const { strings } = this.stage.payload
    const [drawn, model] = [this.run.arrays["ahead.p"].at(t, k), this.run.arrays["ahead.own"].at(t, k)]
    const cut = ahead.cut[k]
    const isNext = ahead.ids[k] === ahead.next
    label.textContent = ahead.labels[k]
    bar.style.transform = `scaleX(${Number.isNaN(drawn) ? 0 : drawn})`
    pale.style.transform = `scaleX(${model})`
    p.textContent = cut ? strings[`cut_${cut}`] : Number.isNaN(drawn) ? "" : percent(drawn)
    own.textContent = percent(model)
    row.disabled = isNext || !(state === "drawn" || state === "forced")
    row.title = row.disabled ? "" : fill(strings.choose, { token: ahead.labels[k], n: this.stage.saidNext() })
    row.classList.toggle("rx-true", isNext)
    row.classList.toggle("rx-chosen", isNext && state === "forced")
    row.classList.toggle("rx-cut", Boolean(cut))
    row.toggleAttribute("aria-current", isNext)
  }
}

/** @extends {WalkStage<GeneratePayload>} */
export class GenerateStage extends WalkStage {
  /** @param {ConstructorParameters<typeof WalkStage<GeneratePayload>>} given */
  constructor(...given) {
    super(...given)
    this.text = new SaidText(this.payload, this)
    this.node.append(this.text.node, this.legend())
  }

  styles() {
    return ["language/generate.css"]
  }

  /** What is said leads here, not the drawing. */
  get quiet() {
    return false
  }

  makeStrip() {
    return null // the text stands for it
  }

  /** @param {WalkRun} run */
  readouts(run) {
    return [new Choices(run, this)]
  }

  drawn() {
    super.drawn()
    this.text.measure()
    this.transport.onplay = () => this.showText()
  }

  resize(Plotly) {
    super.resize(Plotly)
    this.text.measure()
  }

  update() {
    super.update()
    this.showText()
  }

  showText() {
    this.text.show(this.at(), Boolean(this.transport.playing))
  }

  // The token that is read at the current step, counted from 0 in the whole text.
  at(step = this.step) {
    return this.payload.firstStep - 1 + step
  }

  // Which said token comes next, counted from 1.
  saidNext() {
    return this.at() + 2 - this.payload.prompt
  }

  probability(token) {
    return this.payload.runs[0].arrays["said.p"].at(token - this.payload.prompt)
  }

  /** @param {number} token */
  forcedAt(token) {
    return isForced(this.payload, token)
  }

  // What is known of a token of the text, in a line.
  about(token) {
    const { payload } = this
    const { strings, prompt } = payload
    const { label, original, known } = payload.text[token]
    if (token < prompt) return known ? fill(strings.about_given, { token: label }) : fill(strings.about_unknown, { token: original })
    const own = payload.runs[0].arrays["said.own"].at(token - prompt)
    return fill(this.forcedAt(token) ? strings.about_forced : strings.about_said, {
      token: label, n: token - prompt + 1, p: percent(this.probability(token)), own: percent(own) })
  }

  // Goes to where a said token was drawn, or where one of the prompt is read.
  visit(token) {
    const { firstStep, prompt, runs, window } = this.payload
    const step = token < prompt ? token + 1 : token
    if (step >= firstStep && step < firstStep + runs[0].steps) return this.transport.jump(step - firstStep)
    this.transport.stop()
    this.act({ start: String(windowOf(step, window)), step: String(step) })
  }

  chooseNext(k) {
    const ahead = this.payload.ahead[this.step]
    this.fork(this.saidNext(), ahead.ids[k])
  }

  /** @param {number} number */
  takeBack(number) {
    this.fork(number, null)
  }

  /** Goes on anew from a said token, with another in its place or as it is drawn. @param {number} number @param {number?} id */
  fork(number, id) {
    const { payload } = this
    const forced = forkedAt(payload.forced, number, id)
    if (forced.length > payload.longestForks) return
    this.transport.stop()
    this.act({ forced, step: String(payload.prompt + number - 1), unit: String(this.unit + 1) })
  }

  // What the lines mean, what was chosen, how it ended, and the ways to the rest of a long text.
  legend() {
    const { strings, forced, prompt, text, ended } = this.payload
    const keys = KEY.map((p) => element("span", { class: "rx-text-key" },
      element("span", { class: "rx-text-sample", style: `--p:${p}` }), percent(p)))
    const forks = Object.keys(forced).map(Number).sort((a, b) => a - b).map((n) => element("button", {
      type: "button", class: "rx-tab rx-fork-back", text: fill(strings.fork_back, { n, token: text[prompt + n - 1].label }), onclick: () => this.takeBack(n) }))
    return element("div", { class: "rx-legend" },
      element("span", { class: "rx-given", text: strings.given_key }), element("span", { text: strings.line_key }), ...keys,
      ended ? element("span", { class: "rx-ended", text: fill(strings.ended, { n: text.length - prompt }) }) : null,
      forks.length ? element("span", { class: "rx-forks", role: "group", "aria-label": strings.forks }, element("span", { text: strings.forks }), ...forks) : null,
      this.pager())
  }

  pager() {
    const { firstStep, total, window, runs, strings } = this.payload
    if (total <= window) return null
    const last = firstStep + runs[0].steps - 1
    const way = (from, to, arrow) => element("button", {
      type: "button", class: "rx-tab", text: fill(strings[arrow], { first: from, last: to }),
      onclick: () => this.act({ start: String(from), step: String(from) }) })
    return element("span", { class: "rx-pager" }, element("span", { text: fill(strings.shown, { first: firstStep, last, total }) }),
      firstStep > 1 ? way(Math.max(1, firstStep - window), firstStep - 1, "earlier") : null,
      last < total ? way(Math.min(last + 1, total - window + 1), Math.min(last + window, total), "later") : null)
  }
}
