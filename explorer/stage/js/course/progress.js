// Which cards of a lesson were opened, as a row of dots. It is kept in this browser and nowhere else.

/** @import { Progress } from "../types.js" */

import { element } from "../core/dom.js"
import { loadStyle } from "../core/load.js"
import { fill } from "../core/numbers.js"
import { tableButton } from "../core/table.js"

const KEPT = "rx-progress"

/** @returns {Record<string, string[]>} by lesson */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {}
  } catch {
    return {} // no storage allowed, or not ours
  }
}

function keep(lesson, card) {
  const all = kept()
  const before = Array.isArray(all[lesson]) ? all[lesson] : []
  if (before.includes(card)) return
  try {
    localStorage.setItem(KEPT, JSON.stringify({ ...all, [lesson]: [...before, card] }))
  } catch {
    // without storage nothing is kept
  }
}

/** Draws the dots; open(key) turns to a card. @type {(root: HTMLElement, data: Progress, open?: (key: string) => void) => void} */
export function mountProgress(root, data, open) {
  loadStyle("course/progress.css")
  if (data.card) keep(data.lesson, data.card)
  const seen = new Set(kept()[data.lesson] ?? [])
  const count = data.cards.filter(([key]) => seen.has(key)).length
  const dots = data.cards.map(([key, title], k) => element(data.card ? "button" : "span", {
    class: `rx-dot-card${seen.has(key) ? " rx-seen" : ""}${key === data.card ? " rx-here" : ""}`,
    title: `${k + 1}. ${title}`,
    ...(data.card ? { type: "button", "aria-label": `${k + 1}. ${title}`, onclick: () => open?.(key) } : {}),
    ...(key === data.card ? { "aria-current": "step" } : {}),
  }))
  const said = fill(data.strings.opened, { n: count, total: data.cards.length })
  root.replaceChildren(element("div", { class: "rx-progress-row", role: "group", "aria-label": said }, ...dots,
    data.card ? null : element("span", { class: "rx-progress-said", text: said })))
  if (data.card) withTables(root, data.strings)
}

/** Gives every chart beside the lesson, now and later, a button that opens its table. @type {(root: HTMLElement, strings: Progress["strings"]) => void} */
function withTables(root, strings) {
  loadStyle()
  const app = root.closest(".stMain") ?? document.body
  const add = () => {
    for (const chart of app.querySelectorAll(".stPlotlyChart")) {
      if (chart.querySelector(".rx-as-table")) continue
      const plot = () => /** @type {any} */ (chart.querySelector(".js-plotly-plot"))
      chart.append(tableButton(plot, () => plot()?.layout?.title?.text || strings.as_table, /** @type {any} */ (strings)))
    }
  }
  add()
  const watching = /** @type {{ rxTables?: MutationObserver }} */ (root)
  watching.rxTables?.disconnect()
  const watch = new MutationObserver(add)
  watch.observe(app, { childList: true, subtree: true })
  watching.rxTables = watch
}
