// Loads what lies beside the modules, once: the installed package's Plotly.js, and style sheets.

import { element } from "./dom.js"

const FOLDER = "../" // of all modules, seen from here

let plotly
export function loadPlotly() {
  plotly ??= globalThis.Plotly ? Promise.resolve(globalThis.Plotly) : new Promise((resolve, reject) => {
    const script = element("script", { src: addressOf("plotly.min.js") })
    script.onload = () => resolve(globalThis.Plotly)
    script.onerror = () => reject(new Error("Plotly.js did not load"))
    document.head.append(script)
  })
  return plotly
}

export function loadStyle(name = "core/stage.css") {
  const id = name === "core/stage.css" ? "rx-style" : `rx-style-${name}`
  if (document.getElementById(id)) return null
  return new Promise((resolve) => {
    const link = element("link", { id, rel: "stylesheet", href: addressOf(name) })
    link.onload = resolve
    link.onerror = resolve
    document.head.append(link)
  })
}

function addressOf(name) {
  return new URL(FOLDER + name, import.meta.url).href
}
