// What a reader takes away of a page: the view as a file that opens anywhere, a picture, its numbers, a script, a link.

/** @import { Root } from "../browser.js" */
/** @import { Away, AwayView, Strings } from "../types.js" */

import { element } from "../core/dom.js"
import { loadStyle, plotlySource, wholePlotly } from "../core/load.js"
import { chartsIn, pngFile, pictureOf, svgFile } from "./picture.js"
import { csvOf, htmlOf } from "./charts.js"

/** @type {(root: HTMLElement, data: Away) => void} */
export function mountAway(root, data) {
  loadStyle("away/away.css")
  const { views, strings, note } = data
  const said = element("p", { class: "rx-away-said", role: "status" })
  const tell = (/** @type {string} */ text) => (said.textContent = text)
  const ways = element("div", { class: "rx-away" })
  const draw = (/** @type {number} */ k) => ways.replaceChildren(...(views.length ? ofView(views[k], data, tell) : ofPage(data, tell)))
  const which = element("select", { "aria-label": strings.which, onchange: () => draw(which.selectedIndex) }, ...views.map(({ title }) => element("option", { text: title })))
  root.replaceChildren(element("div", { class: "rx-away" }, views.length > 1 ? which : null, ways, note ? element("p", { class: "rx-away-note", text: note }) : null, said))
  draw(0)
}

/** What can be taken away of a view. @type {(view: AwayView, data: Away, tell: (text: string) => void) => Node[]} */
function ofView(view, data, tell) {
  const { strings } = data
  const make = making(view.file, strings, tell)
  const served = (/** @type {string} */ end) => make(end, async () => {
    const answer = await fetch(addressOf(view, end))
    if (!answer.ok) throw new Error(String(answer.status))
    return answer.blob()
  })
  return [
    row(strings.page, ["HTML", served("html")]),
    ...(view.address ? [] : pictures(strings, make)),
    row(strings.numbers, ["CSV", served("csv")], ["npz", served("npz")]),
    row(strings.script, ["Python", make("py", () => new Blob([view.script], { type: "text/x-python" }))]),
    row(strings.link, [strings.copy, copying(linkOf(view), strings, tell)], [strings.embed, copying(frameOf(view, data), strings, tell)]),
  ]
}

/** What can be taken away of a page without a view of its own: its charts, where it has any, and its link. @type {(data: Away, tell: (text: string) => void) => Node[]} */
function ofPage({ strings, title, lang, file }, tell) {
  const make = making(file, strings, tell)
  const plots = () => chartsIn(page())
  const link = row(strings.link, [strings.copy, copying(location.href, strings, tell)])
  if (!plots().length) return [link, element("p", { class: "rx-away-note", text: strings.link_alone })]
  return [
    row(strings.page, ["HTML", make("html", async () => new Blob([htmlOf(plots(), title, lang, await plotlySource())], { type: "text/html" }))]),
    ...pictures(strings, make),
    row(strings.numbers, ["CSV", make("csv", () => new Blob([csvOf(plots())], { type: "text/csv" }))]),
    link,
  ]
}

const page = () => document.querySelector(".stMainBlockContainer") ?? document.body

/** @typedef {(end: string, blob: () => Promise<Blob> | Blob) => () => Promise<void>} Make */

/** Makes files of a name; what goes wrong is said. @type {(file: string, strings: Strings, tell: (text: string) => void) => Make} */
function making(file, strings, tell) {
  return (end, blob) => async () => {
    try {
      save(await blob(), `${file}.${end}`)
      tell("")
    } catch (error) {
      tell(`${strings.failed} ${error}`)
    }
  }
}

/** The page as it stands, as a picture. @type {(strings: Strings, make: Make) => Node[]} */
function pictures(strings, make) {
  const picture = async () => {
    for (const root of page().querySelectorAll(".rx-root")) await /** @type {Root} */ (root).rxStage?.whole()
    return pictureOf(page(), await wholePlotly(), groundOf(page()))
  }
  return [row(strings.picture, ["PNG", make("png", async () => pngFile(await picture()))], ["SVG", make("svg", async () => svgFile(await picture()))])]
}

/** @type {(what: string, strings: Strings, tell: (text: string) => void) => () => Promise<void>} */
function copying(what, strings, tell) {
  return async () => {
    await navigator.clipboard.writeText(what)
    tell(strings.copied)
  }
}

/** Where the server makes a file of the view, opened where the stage stands. @type {(view: AwayView, end: string) => string} */
function addressOf(view, end) {
  const { step, unit } = /** @type {HTMLElement | null} */ (document.querySelector(".rx-stage[data-step]"))?.dataset ?? {}
  return `${view.payload}.${end}?${new URLSearchParams({ title: view.title, step: step ?? "1", unit: unit ?? "1" })}`
}

/** @type {(view: AwayView) => string} */
function linkOf({ address }) {
  return address ? new URL(address, location.href).href : location.href
}

/** The figure alone, as a part of another page. @type {(view: AwayView, data: Away) => string} */
function frameOf(view, data) {
  const address = new URL(linkOf(view))
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
