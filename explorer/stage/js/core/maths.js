// Maths in a line of text: italics, indices and powers by the three tags that Plotly's labels know too.

import { element } from "./dom.js"
import { fill } from "./numbers.js"

const TAG = /<(\/?)(i|sub|sup)>/

/** A template with its {names} filled in, its <i>, <sub> and <sup> as elements. What is filled in stays text. No template says nothing. @type {(template?: string, values?: Record<string, any>) => DocumentFragment} */
export function typeset(template = "", values) {
  const whole = document.createDocumentFragment()
  /** @type {(DocumentFragment | HTMLElement)[]} */
  const open = [whole]
  const [first, ...rest] = template.split(TAG)
  const say = (/** @type {string} */ text) => open[open.length - 1].append(values ? fill(text, values) : text)
  say(first)
  for (let k = 0; k < rest.length; k += 3) {
    const [ends, tag, text] = rest.slice(k, k + 3)
    if (ends && open.length > 1) open.pop()
    else if (!ends) {
      const node = element(/** @type {"i"} */ (tag))
      open[open.length - 1].append(node)
      open.push(node)
    }
    say(text)
  }
  return whole
}

/** The same without its tags, for what takes plain text only. @type {(template: string) => string} */
export function plain(template) {
  return template.split(TAG).filter((_, k) => k % 3 === 0).join("")
}
