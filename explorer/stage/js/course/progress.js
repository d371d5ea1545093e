// Which cards of a lesson were opened, as a row of dots. It is kept in this browser and nowhere else.

/** @import { Progress } from "../types.js" */

import { element } from "../core/dom.js"
import { loadStyle } from "../core/load.js"
import { fill } from "../core/numbers.js"
import { tablesIn } from "../core/table.js"
import { toTop } from "../core/turning.js"
import { keep, kept } from "./kept.js"

const KEPT = "rx-progress"

/** The cards of a lesson that were opened; of what somebody else wrote there nothing. @type {(lesson: string) => string[]} */
function opened(lesson) {
  const found = kept("localStorage", KEPT)[lesson]
  return Array.isArray(found) ? found : []
}

/** @type {(lesson: string, card: string) => void} */
function open(lesson, card) {
  const before = opened(lesson)
  if (!before.includes(card)) keep("localStorage", KEPT, { ...kept("localStorage", KEPT), [lesson]: [...before, card] })
}

/** @typedef {HTMLElement & { rxTables?: () => void }} Beside */

/** Draws the dots; turn(key) turns to a card. The charts beside the lesson get their tables. @type {(root: Beside, data: Progress, turn?: (key: string) => void) => void} */
export function mountProgress(root, data, turn) {
  loadStyle("course/progress.css")
  document.addEventListener("click", toTop, true) // once, however often it is said
  if (data.card) open(data.lesson, data.card)
  const seen = new Set(opened(data.lesson))
  const count = data.cards.filter(([key]) => seen.has(key)).length
  const dots = data.cards.map(([key, title], k) => element(data.card ? "button" : "span", {
    class: `rx-dot-card${seen.has(key) ? " rx-seen" : ""}${key === data.card ? " rx-here" : ""}`,
    title: `${k + 1}. ${title}`,
    ...(data.card ? { type: "button", "aria-label": `${k + 1}. ${title}`, onclick: () => turn?.(key) } : {}),
    ...(key === data.card ? { "aria-current": "step" } : {}),
  }))
  const said = fill(data.strings.opened, { n: count, total: data.cards.length })
  root.replaceChildren(element("div", { class: `rx-progress-row${data.card ? " rx-progress-dots" : ""}`, role: "group", "aria-label": said }, ...dots,
    data.card ? null : element("span", { class: "rx-progress-said", text: said })))
  unmountProgress(root)
  if (!data.card) return
  loadStyle()
  root.rxTables = tablesIn(root.closest(".stMain") ?? document.body, /** @type {any} */ (data.strings))
}

/** @type {(root: Beside) => void} */
export function unmountProgress(root) {
  root.rxTables?.()
  delete root.rxTables
}
