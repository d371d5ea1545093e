// A file that a page does not take, too large to be sent or refused by the server: the sentence about it is said here.

/** @import { Large } from "../types.js" */

import { element } from "../core/dom.js"

/** @typedef {HTMLElement & { rxLarge?: () => void }} Inside */

const FAILED = ".stFileUploader .stFileChip:has([role=alert])"

/** Looks at each file that is given to the ways in around it, and at what became of it. @type {(root: Inside, data: Large) => void} */
export function mountLarge(root, data) {
  unmountLarge(root)
  const around = root.closest(".stVerticalBlock") ?? document.body
  const look = (/** @type {Event} */ event) => {
    const given = event instanceof DragEvent ? event.dataTransfer?.files : /** @type {HTMLInputElement} */ (event.target).files
    if (!given) return
    const file = [...given].find(({ size }) => size > data.limit)
    say(file ? sentenceOf(file.size, data) : "")
  }
  const say = (/** @type {string} */ text) => root.replaceChildren(...(text ? [element("p", { role: "alert", class: "rx-too-large", text })] : []))
  const failed = new MutationObserver(() => {
    for (const chip of around.querySelectorAll(FAILED)) {
      const text = refusalOf(chip.querySelector("[role=alert]")?.textContent ?? "", data)
      if (!text) continue
      say(text)
      chip.querySelector("button")?.click() // the way in is empty again
    }
  })
  failed.observe(around, { childList: true, subtree: true })
  for (const kind of ["change", "drop"]) around.addEventListener(kind, look, true)
  root.rxLarge = () => {
    failed.disconnect()
    for (const kind of ["change", "drop"]) around.removeEventListener(kind, look, true)
  }
}

/** @type {(root: Inside) => void} */
export function unmountLarge(root) {
  root.rxLarge?.()
  delete root.rxLarge
}

/** @type {(size: number, data: Large) => string} */
export function sentenceOf(size, { said }) {
  return said.replace("{size}", String(Math.ceil(size / 1e5) / 10))
}

/** What Streamlit tells of a file that did not arrive, as a sentence; nothing for what it says of sizes. @type {(told: string, data: Pick<Large, "refused">) => string} */
export function refusalOf(told, { refused }) {
  const status = /status code (\d{3})/.exec(told)?.[1]
  if (status) return refused[status] ?? refused.lost
  return /AxiosError|Network Error/.test(told) ? refused.lost : ""
}
