// Loads Plotly.js and the stage while Streamlit's page waits for its server: reading Plotly.js takes as long as a
// whole stage, and until the first answer the browser has nothing else to do. A stage that comes sooner loads both itself.

import "./stage.js"
import { loadPlotly } from "./core/load.js"

const CONNECTED = '[data-test-connection-state="CONNECTED"]' // how Streamlit's page says that it has asked for its first run

const watch = new MutationObserver(look)
watch.observe(document, { subtree: true, childList: true, attributeFilter: ["data-test-connection-state"] })
look()

function look() {
  if (!document.querySelector(CONNECTED)) return
  watch.disconnect()
  const soon = globalThis.requestIdleCallback ?? setTimeout
  soon(() => void loadPlotly())
}
