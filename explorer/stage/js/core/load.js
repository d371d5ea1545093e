// Loads what lies beside the modules, once: the installed package's Plotly.js, and style sheets.

import { element } from "./dom.js"

const FOLDER = "../" // of all modules, seen from here

/** @import { PlotlyModule } from "../browser.js" */

/** @type {Promise<PlotlyModule> | undefined} */
let plotly

/** @type {() => Promise<PlotlyModule>} */
export function loadPlotly() {
  const { Plotly } = /** @type {any} */ (globalThis)
  plotly ??= Plotly ? Promise.resolve(Plotly) : new Promise((resolve, reject) => {
    const script = element("script", { src: addressOf("plotly.min.js") })
    script.onload = () => resolve(/** @type {any} */ (globalThis).Plotly)
    script.onerror = () => reject(new Error("Plotly.js did not load"))
    document.head.append(script)
  })
  return plotly
}

/** Plotly.js with every kind of trace that it has, where a page drew the first kinds alone until now. @type {() => Promise<PlotlyModule>} */
export async function wholePlotly() {
  const Plotly = await loadPlotly()
  Plotly.rest?.()
  return Plotly
}

/** The text of Plotly.js. @type {() => Promise<string>} */
export async function plotlySource() {
  return (await fetch(addressOf("plotly.min.js"))).text()
}

/** Resolves once the style sheet is there. @type {(name?: string) => Promise<unknown>} */
export async function loadStyle(name = "core/stage.css") {
  const id = name === "core/stage.css" ? "rx-style" : `rx-style-${name}`
  if (document.getElementById(id)) return
  await new Promise((resolve) => {
    const link = element("link", { id, rel: "stylesheet", href: addressOf(name) })
    link.onload = resolve
    link.onerror = resolve
    document.head.append(link)
  })
}

/** @type {(name: string) => string} */
function addressOf(name) {
  return new URL(FOLDER + name, import.meta.url).href
}
