// A card for each racer: where it is, how good it is, what it has cost, and how it ended.

import { element } from "../core/dom.js"
import { fill, number } from "../core/numbers.js"
import { nameplate } from "./charts.js"

const NEAR = 0.1 // an error down to a tenth under chance, an accuracy up to a tenth over it, is still there

export class Card {
  constructor(racer, view) {
    this.racer = racer
    this.view = view
    this.written = {}
    this.lines = {}
    const line = (name) => (this.lines[name] = element("div", { class: `rx-card-${name}` }))
    this.bar = element("div", { class: "rx-race-bar" })
    this.node = element("article", { class: "rx-card", role: "listitem", style: `--hue:${view.theme.racers[racer.index]}` },
      element("div", { class: "rx-card-name" }, ...nameplate(racer.index, view)),
      line("metric"), line("where"), element("div", { class: "rx-race-progress rx-card-progress" }, this.bar), line("costs"))
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
  }

  before(strings) {
    this.told = null
    return { metric: "", where: this.where(strings, 0), costs: "" }
  }

  where(strings, step) {
    return fill(strings.card_step, { step: this.view.count(step), budget: this.view.count(this.racer.budget) })
  }

  // Several texts stand side by side, each whole.
  write(name, text) {
    const texts = [text].flat()
    if (this.written[name] === texts.join()) return
    this.written[name] = texts.join()
    this.lines[name].replaceChildren(...texts.map((one) => element("span", { text: one })))
  }

  texts(course, strings, facts) {
    const { view } = this
    const goal = facts.goal === null ? "" : ` · ${fill(strings.card_goal, { goal: this.said(facts.goal, 3) })}`
    const metric = course.metric === undefined ? "—" : this.said(course.metric, 4)
    const costs = [fill(strings.card_seconds, { n: course.spent.toFixed(1) })]
    if (course.spent > 0.05) costs.push(fill(strings.card_rate, { n: view.count(round2((course.step * course.tokens) / course.spent)) }))
    costs.push(fill(strings.card_parameters, { n: view.count(course.parameters) }))
    const verdict = this.verdict(course, strings, facts)
    if (verdict && verdict !== this.told) this.tell(verdict)
    return {
      metric: fill(strings[`card_${facts.metric}`], { metric }) + goal,
      where: verdict || this.where(strings, course.step),
      costs,
    }
  }

  tell(verdict) {
    this.told = verdict
    this.view.ends?.append(element("span", { text: `${this.racer.label}: ${verdict}. ` }))
  }

  verdict(course, strings, facts) {
    const step = this.view.count(course.step)
    if (course.status === "running") return ""
    if (course.status === "passed") return fill(strings.passed, { step, seconds: course.spent.toFixed(1) })
    if (course.status === "stopped") return fill(strings.halted, { step })
    if (course.status === "diverged") return fill(strings[course.loss.at(-1) === null ? "diverged_loss" : "diverged_norm"], { step })
    if (course.metric === undefined || course.metric === null) return strings.used_up
    const metric = this.said(course.metric, 3)
    if (facts.goal === null) return fill(strings.spent, { metric })
    const near = facts.metric === "error" ? course.metric >= (1 - NEAR) * facts.chance : course.metric <= (1 + NEAR) * facts.chance
    return fill(strings[near ? "at_baseline" : "short"], { metric })
  }

  // A metric as people read it; digits are significant ones where it is no error of four decimals.
  said(value, digits) {
    if (value === null || value === undefined) return "NaN"
    if (this.view.payload.facts.metric === "accuracy") return `${Number((100 * value).toPrecision(digits))} %`
    return digits === 4 ? number(value) : number(Number(value.toPrecision(digits)), decimals(value, digits))
  }
}

// How many decimals show so many significant digits.
function decimals(value, digits) {
  if (value === 0) return 0
  const text = String(Number(value.toPrecision(digits)))
  return text.includes("e") ? 4 : (text.split(".")[1] ?? "").length
}

function round2(value) {
  return Number(value.toPrecision(2))
}
