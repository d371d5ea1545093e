// From a text to tensors: sentences, tokens, vocabulary and ids, then two ways to cut training pairs:
// every beginning of a sentence with one vector out, windows of characters with a vector out at every step.
// The transport's step is a row of the prefix table; beside it the windows go on by a character.

/** @import { PairsPayload } from "../types.js" */

import { Stage } from "../core/base.js"
import { element } from "../core/dom.js"
import { fill } from "../core/numbers.js"

const LINES = 3 // sentences in sight
const CELLS = 26 // tokens of a vocabulary up to which a one-hot vector is written out

const shape = (sizes) => `(${sizes.join(", ")}${sizes.length === 1 ? "," : ""})`
const cell = (name, text, title) => element("span", { class: `rx-pairs-${name}`, text, title })

const named = (vocabulary) => new Map(vocabulary.tokens.map(([id, label]) => [id, label]))

function block(number, name, ...children) {
  return element("section", { class: "rx-pairs-block" },
    element("h3", { class: "rx-pairs-title" }, element("span", { class: "rx-pairs-number", text: number }), element("span", { text: name })),
    ...children)
}

// The sentences around the current one: as typed, as tokens, as ids.
class Lines {
  constructor(payload) {
    this.payload = payload
    this.labels = named(payload.vocabulary)
    this.texts = element("div", { class: "rx-pairs-lines" })
    this.tokens = element("div", { class: "rx-pairs-lines" })
    this.ids = element("div", { class: "rx-pairs-lines rx-pairs-digits" })
  }

  show(current, at) {
    const { sentences } = this.payload
    const first = Math.max(0, Math.min(current - 1, sentences.length - LINES))
    if (this.first !== first) this.draw(first)
    this.drawn.forEach(({ k, text, tokens, ids }) => {
      const now = k === current
      for (const line of [text, tokens, ids]) line.classList.toggle("rx-pairs-now", now)
      const end = now ? at - sentences[k].from : -1
      for (const line of [tokens, ids]) {
        line.querySelectorAll("[data-at]").forEach((node, n) => {
          node.classList.toggle("rx-pairs-given", n < end)
          node.classList.toggle("rx-pairs-next", n === end)
        })
        const next = line.querySelector(".rx-pairs-next")
        line.scrollLeft = next ? next.offsetLeft - line.clientWidth * 0.7 : 0
      }
    })
  }

  draw(first) {
    this.first = first
    const { sentences } = this.payload
    this.drawn = sentences.slice(first, first + LINES).map((sentence, n) => {
      const parts = (of) => [
        sentence.from ? cell("rest", "…") : null,
        ...sentence.ids.map((id) => {
          const node = of(id)
          node.dataset.at = ""
          return node
        }),
        sentence.from + sentence.ids.length < sentence.total ? cell("rest", "…") : null,
      ]
      return {
        k: first + n,
        text: element("div", { class: "rx-pairs-line", title: sentence.text },
          cell("count", String(sentence.n)), element("span", { class: "rx-pairs-text", dir: "auto", text: sentence.text })),
        tokens: element("div", { class: "rx-pairs-line" }, ...parts((id) => cell("token", this.labels.get(id)))),
        ids: element("div", { class: "rx-pairs-line" }, ...parts((id) => cell("id", String(id)))),
      }
    })
    this.texts.replaceChildren(...this.drawn.map((line) => line.text))
    this.tokens.replaceChildren(...this.drawn.map((line) => line.tokens))
    this.ids.replaceChildren(...this.drawn.map((line) => line.ids))
  }
}

// Tokens by id; those of the current row are lit.
class Entries {
  constructor({ size, tokens }, strings) {
    this.chips = new Map()
    this.node = element("div", { class: "rx-pairs-vocabulary", tabindex: 0, role: "group", "aria-label": fill(strings.vocabulary, { size }) })
    const chip = (id, name, count) => element("span", { class: "rx-pairs-entry", title: count ? fill(strings.occurs, { n: count }) : null },
      cell("id", String(id)), cell("token", name))
    const padding = chip(0, strings.padding)
    padding.classList.add("rx-pairs-pad")
    this.node.append(padding)
    for (const [id, name, count] of tokens) {
      this.chips.set(id, chip(id, name, count))
      this.node.append(this.chips.get(id))
    }
    const more = size - 1 - tokens.length
    if (more > 0) this.node.append(cell("rest", fill(strings.more, { n: more })))
  }

  show(given, next) {
    for (const chip of this.lit ?? []) chip.classList.remove("rx-pairs-given", "rx-pairs-next")
    this.lit = [...given, next].map((id) => this.chips.get(id)).filter(Boolean)
    for (const id of given) this.chips.get(id)?.classList.add("rx-pairs-given")
    const chip = this.chips.get(next)
    chip.classList.add("rx-pairs-next")
    if (this.node.scrollHeight > this.node.clientHeight) this.node.scrollTop = chip.offsetTop - chip.offsetHeight - 1
  }
}

// Rows of which one is current and stays in sight.
class Table {
  constructor(kind, label, head, rows) {
    this.rows = rows
    this.node = element("div", { class: `rx-pairs-table rx-pairs-${kind}`, role: "table", tabindex: 0, "aria-label": label, style: `--rows: ${rows.length}` }, head, ...rows)
  }

  show(k) {
    this.current?.classList.remove("rx-pairs-now")
    this.current?.removeAttribute("aria-current")
    this.current = this.rows[k]
    this.current.classList.add("rx-pairs-now")
    this.current.setAttribute("aria-current", "true")
    const high = this.current.offsetHeight
    const above = Math.floor((this.node.clientHeight / high - 2) / 2)
    this.node.scrollTop = this.rows[Math.max(0, k - above)].offsetTop - high
  }
}

// A network over the columns of one row: what goes in, one cell a step, and where a vector comes out.
class Network {
  constructor({ columns, shapes, names, oneHot, every }) {
    this.every = every
    this.narrow = every || columns > 6
    const row = (name, makes) => {
      const cells = Array.from({ length: columns }, (_, k) => (makes(k) ? element("span", { class: `rx-pairs-box rx-pairs-${name}` }) : element("span")))
      const label = element("span", { class: "rx-pairs-label" }, element("b", { text: names[name] }), element("span", { text: shape(shapes[name]) }))
      return { cells, label }
    }
    const out = (k) => every || k === columns - 1
    this.parts = { x: row("x", () => true), embedding: row("embedding", () => true), layer: row("layer", () => true), dense: row("dense", out), y: row("y", out) }
    this.oneHot = oneHot
    this.node = element("div", { class: every ? "rx-pairs-network rx-pairs-every" : "rx-pairs-network", style: `--columns: ${columns}` },
      ...Object.values(this.parts).flatMap(({ label, cells }) => [label, ...cells]),
      element("span", { class: "rx-pairs-label" }, element("b", { text: names.one_hot }), element("span", { text: shape(shapes.one_hot) })), oneHot.node)
  }

  // A token and its id; in a narrow column the id is told on pointing.
  fill(box, token) {
    const id = String(token ? token.id : 0)
    box.replaceChildren(...[token && cell("token", token.label), !token || !this.narrow ? cell("id", id) : null].filter(Boolean))
    box.title = token ? `${token.label} = ${id}` : ""
  }

  // given: {id, label} for every column, null for padding; targets likewise, one or one for every column.
  show(given, targets, at) {
    const parts = Object.values(this.parts)
    if (given !== this.given) {
      this.given = given
      given.forEach((token, k) => {
        this.fill(this.parts.x.cells[k], token)
        for (const { cells } of parts) cells[k].classList.toggle("rx-pairs-pad", !token)
      })
      const outs = this.every ? targets : [targets]
      outs.forEach((token, k) => this.fill(this.parts.y.cells[given.length - outs.length + k], token))
    }
    if (this.every) {
      for (const { cells } of parts) {
        cells.forEach((box, k) => {
          box.classList.toggle("rx-pairs-now", k === at)
          box.classList.toggle("rx-pairs-ahead", k > at)
        })
      }
    }
    this.oneHot.show(this.every ? targets[at].id : targets.id)
  }
}

// A vector of V numbers of which one is 1: written out, or where there are many as a bar with a mark.
class OneHot {
  constructor(size, strings) {
    this.size = size
    this.strings = strings
    this.digits = size <= CELLS ? Array.from({ length: size }, () => element("span", { text: "0" })) : null
    this.mark = element("span", { class: "rx-pairs-mark" })
    this.said = element("span", { class: "rx-pairs-mark-name" })
    this.node = element("div", { class: this.digits ? "rx-pairs-onehot" : "rx-pairs-onehot rx-pairs-bar", role: "img", style: `--size: ${size}` },
      ...(this.digits ?? [this.mark, this.said]))
  }

  show(id) {
    this.node.setAttribute("aria-label", fill(this.strings.one_at, { id, size: this.size }))
    if (this.digits) {
      this.digits.forEach((digit, k) => {
        digit.textContent = k === id ? "1" : "0"
        digit.classList.toggle("rx-pairs-next", k === id)
      })
      return
    }
    this.mark.style.left = `${(100 * id) / this.size}%`
    this.said.textContent = fill(this.strings.one_at, { id, size: this.size })
    this.said.classList.toggle("rx-pairs-left", id > this.size / 2)
  }
}

/** @extends {Stage<PairsPayload>} */
export class PairsStage extends Stage {
  makeStrip() {
    return null // a step is a row of the table, which is its own strip
  }

  styles() {
    return ["language/pairs.css"]
  }

  content() {
    const { payload } = this
    const { strings } = payload
    this.labels = named(payload.vocabulary)
    this.lines = new Lines(payload)
    this.entries = new Entries(payload.vocabulary, strings)
    return [
      element("div", { class: "rx-pairs-top" },
        block(1, strings.text, this.lines.texts), block(2, strings.cut, this.lines.tokens),
        block(3, fill(strings.vocabulary, { size: payload.vocabulary.size }), this.entries.node), block(4, strings.encoded, this.lines.ids)),
      element("div", { class: "rx-pairs-ways" }, this.beginnings(), this.stretches()),
    ]
  }

  names() {
    const { strings, cell: name } = this.payload
    return { x: "X", embedding: strings.embedding, layer: name, dense: strings.dense, y: "y", one_hot: strings.one_hot }
  }

  // One vector out: every beginning and the token that comes next.
  beginnings() {
    const { payload } = this
    const { strings, shapes, rows } = payload
    const [, T] = shapes.last.x
    this.columns = Math.min(T, payload.columns)
    this.beginningsTable = new Table("beginnings", strings.table, this.head(T), rows.map((row, k) => this.row(row, k)))
    this.last = new Network({
      columns: this.columns, shapes: shapes.last, names: this.names(), every: false, oneHot: new OneHot(payload.vocabulary.size, strings),
    })
    return element("div", { class: "rx-pairs-way" },
      block(5, strings.table, this.beginningsTable.node), block(6, strings.last, this.last.node, element("p", { class: "rx-said", text: strings.last_says })))
  }

  head(T) {
    const { strings, shapes } = this.payload
    const cut = this.columns < T ? ` · ${fill(strings.columns, { n: this.columns, total: T })}` : ""
    const name = (text, kind = "") => element("span", { class: `rx-pairs-head ${kind}`, role: "columnheader", text })
    return element("div", { class: "rx-pairs-row", role: "row" },
      name(strings.sample), name(strings.beginning, "rx-pairs-right"), name(""), name(strings.comes_next),
      name(`X ${shape(shapes.last.x)}${cut}`, "rx-pairs-right"), name(`y ${shape(shapes.last.y)}`))
  }

  row([sentence, at], k) {
    const { payload } = this
    const { given, next, cut } = this.beginning(sentence, at)
    const known = given.filter(Boolean)
    const said = (cut ? "… " : "") + known.map((token) => token.label).join(payload.joint)
    const ids = element("span", { class: "rx-pairs-ids", role: "cell" }, ...given.map((token) => cell(token ? "id" : "id rx-pairs-pad", String(token ? token.id : 0))))
    return element("div", { class: "rx-pairs-row", role: "row", onclick: () => this.transport.jump(k) },
      element("span", { class: "rx-pairs-count", role: "cell", text: String(payload.firstStep + k) }),
      element("span", { class: "rx-pairs-beginning", role: "cell", title: said }, element("bdi", { text: said })),
      element("span", { class: "rx-pairs-arrow", "aria-hidden": "true", text: "→" }),
      element("span", { class: "rx-pairs-target", role: "cell", title: next.label }, element("bdi", { text: next.label })),
      ids,
      element("span", { class: "rx-pairs-ids", role: "cell" }, cell("id rx-pairs-next", String(next.id))))
  }

  // The columns of a row that are drawn, padded in front; cut says whether there are tokens before them.
  beginning(k, at) {
    const sentence = this.payload.sentences[k]
    const token = (id) => ({ id, label: this.labels.get(id) })
    const end = at - sentence.from
    const given = sentence.ids.slice(Math.max(0, end - this.columns), end).map(token)
    return { given: [...Array(this.columns - given.length).fill(null), ...given], next: token(sentence.ids[end]), cut: at > given.length }
  }

  // A vector out at every step: windows of characters.
  stretches() {
    const { strings, windows, shapes } = this.payload
    if (!windows) return element("div", { class: "rx-pairs-way" }, element("p", { class: "rx-said", text: strings.no_window }))
    const labels = named(windows.alphabet)
    this.windowsOf = new Map(windows.of.map(([number, ids], k) => {
      const tokens = ids.map((id) => ({ id, label: labels.get(id) }))
      return [number, { k, given: tokens.slice(0, -1), targets: tokens.slice(1) }]
    }))
    const joined = (tokens) => tokens.map((token) => token.label).join("")
    const name = (text) => element("span", { class: "rx-pairs-head", role: "columnheader", text })
    const head = element("div", { class: "rx-pairs-row", role: "row" }, name(strings.sample), name(`x ${shape(shapes.each.x)}`), name(""), name(`y ${shape(shapes.each.y)}`))
    const rows = [...this.windowsOf].map(([number, { given, targets }]) => element("div", { class: "rx-pairs-row", role: "row" },
      element("span", { class: "rx-pairs-count", role: "cell", text: String(number + 1) }),
      element("span", { class: "rx-pairs-window", role: "cell", text: joined(given) }),
      element("span", { class: "rx-pairs-arrow", "aria-hidden": "true", text: "→" }),
      element("span", { class: "rx-pairs-window rx-pairs-target", role: "cell", text: joined(targets) })))
    this.windowsTitle = fill(strings.windows, { n: windows.length, size: windows.alphabet.size })
    this.windowsTable = new Table("windows", this.windowsTitle, head, rows)
    this.each = new Network({
      columns: windows.length, shapes: shapes.each, names: this.names(), every: true, oneHot: new OneHot(windows.alphabet.size, strings),
    })
    return element("div", { class: "rx-pairs-way" },
      this.alphabetBlock(),
      block(6, strings.each, this.each.node, element("p", { class: "rx-said", text: fill(strings.each_says, { n: windows.length }) })))
  }

  alphabetBlock() {
    const { strings, windows } = this.payload
    this.alphabet = new Entries(windows.alphabet, strings)
    const node = block(5, this.windowsTitle, this.windowsTable.node, this.alphabet.node)
    node.classList.add("rx-pairs-alphabet")
    return node
  }

  update() {
    const { step, payload } = this
    this.transport.show(step)
    const [sentence, at] = payload.rows[step]
    const { given, next } = this.beginning(sentence, at)
    this.lines.show(sentence, at)
    this.entries.show(given.filter(Boolean).map((token) => token.id), next.id)
    this.beginningsTable.show(step)
    this.last.show(given, next)
    if (payload.windows) this.walkWindow(payload.firstStep - 1 + step)
    this.node.dataset.step = String(step + payload.firstStep)
  }

  walkWindow(row) {
    const { length, rows } = this.payload.windows
    const place = row % (rows * length)
    const { k, given, targets } = this.windowsOf.get(Math.floor(place / length))
    const at = place % length
    this.windowsTable.show(k)
    this.alphabet.show([given[at].id], targets[at].id)
    this.each.show(given, targets, at)
    this.node.dataset.position = String(at + 1)
  }
}
