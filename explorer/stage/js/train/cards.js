// A lane for each racer: how good it is, large; where it is, how it ended, what it has cost; and how far back
// its gradient reaches.

/** @import { RacerLook, RaceFacts, Strings } from "../types.js" */
/** @import { Course } from "./log.js" */
/** @import { RaceView } from "./race.js" */

import { element } from "../core/dom.js"
import { between, bracketed } from "../core/exact.js"
import { fill } from "../core/numbers.js"
import { nameplate } from "./charts.js"
import { leftPlateau, stillAt } from "./log.js"
import { explained, said } from "./metric.js"

export class Card {
  /** @param {RacerLook} racer @param {RaceView} view @param {Element} map how far back its gradient reaches */
  constructor(racer, view, map) {
    this.racer = racer
    this.view = view
    this.written = {}
    this.lines = {}
    const line = (/** @type {string} */ name) => (this.lines[name] = element("div", { class: `rx-card-${name}` }))
    this.bar = element("div", { class: "rx-race-bar" })
    this.node = element("article", { class: "rx-card", role: "listitem", style: `--hue:${view.theme.racers[racer.index]}` },
      element("div", { class: "rx-card-name" }, ...nameplate(racer.index, view)),
      element("div", { class: "rx-card-score" }, line("number"), line("between"), line("heard"), line("metric")),
      line("where"), line("left"), element("div", { class: "rx-race-progress rx-card-progress" }, this.bar), line("costs"), map)
    this.lines.between.title = explained(view.payload.facts, view.payload.strings)
    this.show()
  }

  show() {
    const { strings, facts } = this.view.payload
    const course = this.view.log.racers[this.racer.index]
    const texts = course ? this.texts(course, strings, facts) : this.before(strings)
    for (const [name, text] of Object.entries(texts)) this.write(name, text)
    this.bar.style.transform = `scaleX(${Math.min(1, (course?.step ?? 0) / this.racer.budget)})`
    this.node.dataset.step = String(course?.step ?? 0)
    this.node.classList.toggle("rx-passed", course?.status === "passed")
    this.leave(course)
  }

  before(strings) {
    this.told = null
    return { number: "—", between: "", heard: "", metric: this.asked(strings), where: this.where(strings, 0), costs: "" }
  }

  /** What the number is, and what it is to reach. @param {Strings} strings */
  asked(strings) {
    const { metric, goal } = this.view.payload.facts
    return [strings[`card_${metric}`], ...(goal === null ? [] : [fill(strings.card_goal, { goal: said(goal, 3, this.view.payload.facts) })])].join(" · ")
  }

  /** Says when it has left the plateau. @param {Course | undefined} course */
  leave(course) {
    const { strings, facts } = this.view.payload
    const at = course ? leftPlateau(course, facts) : null
    const words = at === null ? "" : fill(strings.left_plateau, { step: this.view.count(at) })
    if (words && words !== this.written.left) this.view.ends?.append(element("span", { text: `${this.racer.label}: ${words}. ` }))
    this.write("left", words)
  }

  where(strings, step) {
    return fill(strings.card_step, { step: this.view.count(step), budget: this.view.count(this.racer.budget) })
  }

  /** Several texts stand side by side, each whole. @param {string} name @param {string | string[]} text */
  write(name, text) {
    const texts = [text].flat()
    if (this.written[name] === texts.join()) return
    this.written[name] = texts.join()
    this.lines[name].replaceChildren(...texts.map((one) => element("span", { text: one })))
  }

  /** @param {Course} course @param {Strings} strings @param {RaceFacts} facts */
  texts(course, strings, facts) {
    const { view } = this
    const costs = [fill(strings.card_seconds, { n: course.spent.toFixed(1) })]
    if (course.spent > 0.05) costs.push(fill(strings.card_rate, { n: view.count(Number(((course.step * course.tokens) / course.spent).toPrecision(2))) }))
    costs.push(fill(strings.card_parameters, { n: view.count(course.parameters) }))
    const verdict = this.verdict(course, strings, facts)
    if (verdict && verdict !== this.told) this.tell(verdict, this.heard(course, strings, facts))
    return {
      number: course.metric === undefined ? "—" : said(course.metric, 4, facts),
      between: bracketed(course.metric, facts),
      heard: this.heard(course, strings, facts),
      metric: this.asked(strings),
      where: verdict || this.where(strings, course.step),
      costs,
    }
  }

  /** The brackets as a screen reader says them. @param {Course} course @param {Strings} strings @param {RaceFacts} facts */
  heard(course, strings, facts) {
    const bounds = between(course.metric, facts)
    return bounds ? fill(strings.between, { low: bounds[0], high: bounds[1] }) : ""
  }

  tell(verdict, heard) {
    this.told = verdict
    this.view.ends?.append(element("span", { text: `${this.racer.label}: ${[verdict, heard].filter(Boolean).join("; ")}. ` }))
  }

  /** How it ended, in words; "" while it runs. @param {Course} course @param {Strings} strings @param {RaceFacts} facts */
  verdict(course, strings, facts) {
    const step = this.view.count(course.step)
    if (course.status === "running") return ""
    if (course.status === "passed") return fill(strings.passed, { step, seconds: course.spent.toFixed(1) })
    if (course.status === "stopped") return fill(strings.halted, { step })
    if (course.status === "diverged") return fill(strings[course.loss.at(-1) === null ? "diverged_loss" : "diverged_norm"], { step })
    if (course.metric === undefined || course.metric === null) return strings.used_up
    const metric = said(course.metric, 3, facts)
    if (facts.goal === null) return fill(strings.spent, { metric })
    return fill(strings[stillAt(course.metric, facts) ? "at_baseline" : "short"], { metric })
  }
}
