// The numbers of a drawn chart as a table: for those who do not see the picture, and for those who want to copy it.

/** @import { PlotNode } from "../browser.js" */

import { element } from "./dom.js"
import { significant } from "./numbers.js"

const MOST_ROWS = 500
const DIGITS = 4

/**
 * A row for every place along the first axis; a column for every line, for every row of a heatmap, for every coordinate of points in space.
 * @typedef {{ head: string[], rows: string[][] }} Table
 */

/** @type {(traces: any[], layout?: Record<string, any>) => Table} */
export function tableOf(traces, layout = {}) {
  const shown = traces.filter((trace) => trace.visible !== false && trace.visible !== "legendonly" && trace.hoverinfo !== "skip").map(unpacked)
  const heat = shown.find((trace) => trace.type === "heatmap" || trace.type === "contour")
  if (heat) return ofHeatmap(heat, layout)
  const space = shown.filter((trace) => trace.z)
  return space.length ? ofPoints(space) : ofLines(shown, layout)
}

/** A trace whose numbers are arrays: a figure from Python has them as text, which Plotly unpacks for itself alone. @type {(trace: any) => any} */
export function unpacked(trace) {
  const found = Object.entries(trace).filter(([, value]) => value?.bdata !== undefined)
  return found.length ? { ...trace, ...Object.fromEntries(found.map(([name, value]) => [name, numbersOf(value)])) } : trace
}

const TYPES = { f8: Float64Array, f4: Float32Array, i4: Int32Array, i2: Int16Array, i1: Int8Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array }

/** @type {(packed: { bdata: string, dtype: string, shape?: string }) => ArrayLike<any>} */
function numbersOf({ bdata, dtype, shape }) {
  const bytes = Uint8Array.from(atob(bdata), (letter) => letter.charCodeAt(0))
  const flat = new TYPES[/** @type {keyof typeof TYPES} */ (dtype)](bytes.buffer)
  const [rows, columns] = String(shape ?? "").split(",").map(Number)
  return columns ? Array.from({ length: rows }, (_, k) => flat.subarray(k * columns, (k + 1) * columns)) : flat
}

/** @type {(heat: any, layout: Record<string, any>) => Table} */
function ofHeatmap({ x, y, z }, { xaxis, yaxis }) {
  const columns = z[0]?.length ?? 0
  const place = (/** @type {number} */ k) => named(x ? x[k] : k, xaxis)
  const head = ["", ...[...z].map((_, j) => named(y ? y[j] : j, yaxis))]
  return { head, rows: Array.from({ length: Math.min(columns, MOST_ROWS) }, (_, k) => [place(k), ...[...z].map((row) => said(row[k]))]) }
}

/** @type {(traces: any[], layout: Record<string, any>) => Table} */
function ofLines(traces, { xaxis, yaxis }) {
  /** @type {Map<any, string[]>} */
  const rows = new Map()
  traces.forEach((trace, column) => {
    const flat = trace.orientation === "h"
    const [at, of] = flat ? [trace.y, trace.x] : [trace.x, trace.y]
    Array.from(of ?? []).forEach((value, k) => {
      const place = at ? at[k] : k
      if (place === null || place === undefined) return
      const row = rows.get(place) ?? [named(place, flat ? yaxis : xaxis), ...traces.map(() => "")]
      row[column + 1] = said(value)
      rows.set(place, row)
    })
  })
  return { head: ["", ...traces.map((trace, k) => plain(trace.name ?? String(k + 1)))], rows: [...rows.values()].slice(0, MOST_ROWS) }
}

/** @type {(traces: any[]) => Table} */
function ofPoints(traces) {
  const rows = traces.flatMap((trace) => Array.from(trace.x, (x, k) => [plain(trace.name ?? ""), said(x), said(trace.y[k]), said(trace.z[k])]))
  return { head: ["", "1", "2", "3"], rows: rows.slice(0, MOST_ROWS) }
}

/** What an axis writes at a place. @type {(place: any, axis?: Record<string, any>) => string} */
function named(place, axis) {
  const at = axis?.tickvals ? Array.from(axis.tickvals).indexOf(place) : -1
  return plain(String(at >= 0 ? axis?.ticktext?.[at] : place))
}

/** @type {(value: unknown) => string} */
function said(value) {
  return typeof value === "number" ? significant(value, DIGITS) : plain(String(value ?? ""))
}

/** Without the markup of Plotly's labels. @type {(text: string) => string} */
function plain(text) {
  return text.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim()
}

/**
 * A button that opens the table of a chart, over everything.
 * @type {(plot: () => PlotNode, name: () => string, strings: { as_table: string, close: string }) => HTMLButtonElement}
 */
export function tableButton(plot, name, strings) {
  const button = element("button", { class: "rx-as-table", type: "button", title: strings.as_table, "aria-label": strings.as_table, text: "▦" })
  button.onclick = (event) => {
    event.stopPropagation()
    const node = plot()
    const dialog = dialogOf(tableOf(node.data ?? [], node.layout), name(), strings)
    ;(button.closest(".rx-stage, .rx-root") ?? document.body).append(dialog)
    dialog.onclose = () => dialog.remove()
    dialog.showModal()
  }
  return button
}

/**
 * Gives every chart that Streamlit draws in a part of the page, now and later, a button that opens its table;
 * returns what ends it.
 * @type {(part: Element, strings: { as_table: string, close: string }) => () => void}
 */
export function tablesIn(part, strings) {
  const add = () => {
    for (const chart of part.querySelectorAll(".stPlotlyChart")) {
      const there = chart.querySelector(".rx-as-table")
      if (there?.getAttribute("title") === strings.as_table) continue
      there?.remove() // in the other language
      const plot = () => /** @type {any} */ (chart.querySelector(".js-plotly-plot"))
      chart.append(tableButton(plot, () => plot()?.layout?.title?.text || strings.as_table, strings))
    }
  }
  const watch = new MutationObserver(add)
  watch.observe(part, { childList: true, subtree: true })
  add()
  return () => watch.disconnect()
}

/** @type {(table: Table, name: string, strings: { close: string }) => HTMLDialogElement} */
function dialogOf({ head, rows }, name, strings) {
  const line = (/** @type {string[]} */ cells, /** @type {"th" | "td"} */ tag) =>
    element("tr", {}, ...cells.map((text, k) => element(k && tag === "td" ? "td" : "th", { scope: tag === "th" ? "col" : k ? null : "row", text })))
  const close = element("button", { class: "rx-button", type: "button", text: strings.close, autofocus: "" })
  const dialog = element("dialog", { class: "rx-table", "aria-label": name },
    element("header", { class: "rx-table-head" }, element("strong", { text: name }), close),
    element("div", { class: "rx-table-rows", tabindex: 0, role: "region", "aria-label": name },
      element("table", {}, element("thead", {}, line(head, "th")), element("tbody", {}, ...rows.map((row) => line(row, "td"))))))
  close.onclick = () => dialog.close()
  return dialog
}
