// The question, over any page: large answers for students; for the projector how many have answered, then what
// they answered beside the model's answer. Whatever a lecturer typed goes in as text.

/** @import { CompanionData, Question } from "../types.js" */
/** @import { RoomClient } from "./client.js" */

import { element } from "../core/dom.js"
import { fill } from "../core/numbers.js"
import { Wall } from "./wall.js"
import { answerSays } from "./words.js"

export class Sheet {
  /** @param {RoomClient} room @param {CompanionData} data */
  constructor(room, data) {
    this.room = room
    this.data = data
    this.away = 0 // the question that was put aside here
    this.wall = new Wall(room, "guess")
    this.node = element("section", { class: "rx-sheet", hidden: "" })
    this.onkey = (/** @type {KeyboardEvent} */ event) => this.key(event)
    document.addEventListener("keydown", this.onkey, true)
  }

  /** @param {CompanionData} data */
  take(data) {
    const same = this.data.lang === data.lang && this.drawn
    this.data = data
    if (!same) this.draw()
  }

  get strings() {
    return this.data.strings
  }

  /** @param {boolean} open */
  open(open) {
    this.away = open ? 0 : this.room.question?.id ?? 0
    this.draw()
  }

  draw() {
    const { question, lecturer, state } = this.room
    this.node.hidden = !question || this.away === question.id || state === "gone" || state === "over"
    if (this.node.hidden || !question) {
      this.drawn = ""
      return
    }
    const look = JSON.stringify([question.id, question.shown, this.data.lang, lecturer])
    if (look !== this.drawn) this.build(question)
    this.drawn = look
    if (lecturer) this.counted.textContent = this.counts()
    else this.mark()
  }

  /** @param {Question} question */
  build(question) {
    this.node.className = `rx-sheet${this.room.lecturer ? " rx-projected" : ""}`
    this.node.setAttribute("aria-label", this.strings.question)
    const close = element("button", { class: "rx-sheet-close", type: "button", "aria-label": this.strings.close, title: this.strings.close, text: "×", onclick: () => this.open(false) })
    const asked = element("h2", { class: "rx-sheet-question", dir: "auto", text: question.words[this.data.lang] })
    this.node.replaceChildren(close, asked, ...(this.room.lecturer ? this.projected(question) : this.held(question)))
  }

  // --- on the projector

  /** @param {Question} question */
  projected(question) {
    this.counted = element("p", { class: "rx-sheet-count", role: "status" })
    const button = (/** @type {string} */ text, /** @type {string} */ act) =>
      element("button", { class: "rx-room-button rx-strong", type: "button", text, onclick: () => this.room.post(act) })
    if (!question.shown) return [this.listed(question), this.counted, element("div", { class: "rx-sheet-row" }, button(this.strings.show, "show"))]
    this.wall.draw(this.data)
    return [this.wall.node, this.counted, element("div", { class: "rx-sheet-row" }, button(this.strings.away, "away"))]
  }

  /** @param {Question} question */
  listed(question) {
    if (!question.answers) return element("p", { class: "rx-sheet-range", text: `${question.low} … ${question.high}` })
    return element("ol", { class: "rx-sheet-list" }, ...question.answers.map((answer) => element("li", { dir: "auto", text: answer[this.data.lang] })))
  }

  counts() {
    const { here, answered } = this.room.count
    return fill(this.strings.answered, { n: answered, here: Math.max(here, answered) })
  }

  // --- in a student's hand

  /** @param {Question} question */
  held(question) {
    this.said = element("p", { class: "rx-sheet-said", role: "status" })
    if (question.shown) return [this.said, this.outcome(question)]
    if (question.answers) {
      this.buttons = question.answers.map((answer, k) => element("button", {
        class: "rx-sheet-answer", type: "button", "aria-pressed": "false", onclick: () => this.guess(k),
      }, element("span", { class: "rx-sheet-digit", "aria-hidden": "true", text: String(k + 1) }), element("span", { dir: "auto", text: answer[this.data.lang] })))
      return [element("div", { class: "rx-sheet-answers", role: "group", "aria-label": this.strings.choices }, ...this.buttons), this.said]
    }
    const { low = 0, high = 1 } = question
    const step = (high - low) / 200
    const value = element("output", { class: "rx-sheet-value", text: answerSays(question, (low + high) / 2, this.data.lang) })
    const slider = element("input", {
      class: "rx-sheet-slider", type: "range", min: low, max: high, step, value: (low + high) / 2, "aria-label": this.strings.number,
      oninput: () => { value.textContent = answerSays(question, Number(slider.value), this.data.lang) },
    })
    const send = element("button", { class: "rx-room-button rx-strong", type: "button", text: this.strings.send, onclick: () => this.guess(Number(slider.value)) })
    const ends = element("div", { class: "rx-sheet-ends", "aria-hidden": "true" }, ...[low, high].map((end) => element("span", { text: answerSays(question, end, this.data.lang) })))
    this.buttons = []
    return [value, slider, ends, element("div", { class: "rx-sheet-row" }, send), this.said]
  }

  /** @param {number} guess */
  async guess(guess) {
    const status = await this.room.post("guess", { guess })
    if (status === 200) this.room.you = { ...this.room.you, guess }
    this.mark(status === 429 ? this.strings.slow : status === 0 ? this.strings.lost : "")
  }

  /** Shows which answer was taken. @param {string} [trouble] */
  mark(trouble = "") {
    const { question, you } = this.room
    if (!question) return
    this.buttons?.forEach((button, k) => button.setAttribute("aria-pressed", String(k === you.guess)))
    const none = you.guess === null
    const guess = none ? "" : answerSays(question, Number(you.guess), this.data.lang)
    const said = none ? (question.shown ? this.strings.no_guess : "") : fill(question.shown ? this.strings.your_guess : this.strings.guessed, { guess })
    this.said.textContent = trouble || said
  }

  /** What the room guessed, in words, and the model's answer. @param {Question} question */
  outcome(question) {
    const { lang } = this.data
    const all = (question.tally ?? []).reduce((sum, n) => sum + n, 0)
    const lines = (question.answers ?? []).map((answer, k) => element("li", { class: k === question.right ? "rx-right" : "" },
      element("span", { dir: "auto", text: answer[lang] }), element("span", { class: "rx-sheet-tally", text: fill(this.strings.of_all, { n: question.tally?.[k] ?? 0, all }) })))
    const model = question.right === null || question.right === undefined ? null
      : element("p", { class: "rx-sheet-model", text: fill(this.strings.model_answer, { answer: answerSays(question, question.right, lang) }) })
    return element("div", {}, model, lines.length ? element("ul", { class: "rx-sheet-outcome" }, ...lines) : null)
  }

  // --- keys: a digit is an answer; the lecturer's Enter goes on

  /** @param {KeyboardEvent} event */
  key(event) {
    if (this.node.hidden || event.ctrlKey || event.metaKey || event.altKey) return
    const { question, lecturer } = this.room
    if (event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable=true]")) return
    if (event.key === "Escape") this.open(false)
    else if (!lecturer && question?.answers && !question.shown && /^[1-5]$/.test(event.key) && Number(event.key) <= question.answers.length) this.guess(Number(event.key) - 1)
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  close() {
    document.removeEventListener("keydown", this.onkey, true)
    this.wall.close()
  }
}
