// What a reader takes away of a page: the view as a file that opens anywhere, a picture, its numbers, a script, a link.

/** @import { Root } from "../browser.js" */
/** @import { Away } from "../types.js" */

import { element } from "../core/dom.js"
import { loadStyle, plotlySource, wholePlotly } from "../core/load.js"
import { chartsIn, pngFile, pictureOf, svgFile } from "./picture.js"
import { csvOf, htmlOf } from "./charts.js"

/** @type {(root: HTMLElement, data: Away) => void} */
export function mountAway(root, data) {
  loadStyle("away/away.css")
  const said = element("p", { class: "rx-away-said", role: "status" })
  const tell = (/** @type {string} */ text) => (said.textContent = text)
  root.replaceChildren(element("div", { class: "rx-away" }, ...rows(data, tell), ...(data.note ? [element("p", { class: "rx-away-note", text: data.note })] : []), said))
}

/** @type {(data: Away, tell: (text: string) => void) => HTMLElement[]} */
function rows(data, tell) {
  const { strings, file } = data
  const page = () => document.querySelector(".stMainBlockContainer") ?? document.body
  const make = (/** @type {string} */ end, /** @type {() => Promise<Blob> | Blob} */ blob) => async () => {
    if (!data.payload && !chartsIn(page()).length) return tell(strings.nothing)
    try {
      save(await blob(), `${file}.${end}`)
      tell("")
    } catch (error) {
      tell(`${strings.failed} ${error}`)
    }
  }
  const picture = async () => {
    for (const root of page().querySelectorAll(".rx-root")) await /** @type {Root} */ (root).rxStage?.whole()
    return pictureOf(page(), await wholePlotly(), groundOf(page()))
  }
  const text = (/** @type {string} */ written, /** @type {string} */ type) => new Blob([written], { type })
  const copied = (/** @type {string} */ what) => async () => {
    await navigator.clipboard.writeText(what)
    tell(strings.copied)
  }
  const served = (/** @type {string} */ end) => async () => {
    const answer = await fetch(addressOf(data, end))
    if (!answer.ok) throw new Error(String(answer.status))
    return answer.blob()
  }
  const html = async () => text(htmlOf(chartsIn(page()), data.title, data.lang, await plotlySource()), "text/html")
  const csv = () => text(csvOf(chartsIn(page())), "text/csv")
  const own = data.payload !== null
  return [
    row(strings.page, ["HTML", make("html", own ? served("html") : html)]),
    row(strings.picture, ["PNG", make("png", async () => pngFile(await picture()))], ["SVG", make("svg", async () => svgFile(await picture()))]),
    row(strings.numbers, ["CSV", make("csv", own ? served("csv") : csv)], ...(own ? [/** @type {[string, () => void]} */ (["npz", make("npz", served("npz"))])] : [])),
    ...(data.script === null ? [] : [row(strings.script, ["Python", () => save(text(/** @type {string} */ (data.script), "text/x-python"), `${file}.py`)])]),
    row(strings.link, [strings.copy, copied(location.href)], ...(own ? [/** @type {[string, () => void]} */ ([strings.embed, copied(frameOf(data))])] : [])),
  ]
}

/** Where the server makes a file of the view, opened where the stage stands. @type {(data: Away, end: string) => string} */
function addressOf(data, end) {
  const { step, unit } = /** @type {HTMLElement | null} */ (document.querySelector(".rx-stage[data-step]"))?.dataset ?? {}
  return `${data.payload}.${end}?${new URLSearchParams({ title: data.title, step: step ?? "1", unit: unit ?? "1" })}`
}

/** The stage alone, as a part of another page. @type {(data: Away) => string} */
function frameOf(data) {
  const address = new URL(location.href)
  address.searchParams.set("embed", "1")
  address.searchParams.set("lang", data.lang)
  const src = address.href.replace(/&/g, "&amp;").replace(/"/g, "%22")
  return `<iframe src="${src}" width="1100" height="720" style="border: 0"></iframe>`
}

/** @type {(name: string, ...ways: [label: string, press: () => void][]) => HTMLElement} */
function row(name, ...ways) {
  const buttons = ways.map(([label, onclick]) => element("button", { type: "button", onclick, text: label, "aria-label": `${name}: ${label}` }))
  return element("div", { class: "rx-away-row" }, element("span", { text: name }), ...buttons)
}

/** @type {(node: Element) => string} */
function groundOf(node) {
  return getComputedStyle(node).getPropertyValue("--st-background-color").trim() || "#ffffff"
}

/** @type {(blob: Blob, name: string) => void} */
function save(blob, name) {
  const href = URL.createObjectURL(blob)
  element("a", { href, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(href), 60_000)
}
