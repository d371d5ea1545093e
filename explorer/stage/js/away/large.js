// A file that is larger than a page takes is not sent: the sentence about it is said here.

/** @import { Large } from "../types.js" */

import { element } from "../core/dom.js"

/** @typedef {HTMLElement & { rxLarge?: () => void }} Inside */

/** Looks at each file that is given to the ways in around it. @type {(root: Inside, data: Large) => void} */
export function mountLarge(root, data) {
  unmountLarge(root)
  const around = root.closest(".stVerticalBlock") ?? document.body
  const look = (/** @type {Event} */ event) => {
    const given = event instanceof DragEvent ? event.dataTransfer?.files : /** @type {HTMLInputElement} */ (event.target).files
    if (!given) return
    const file = [...given].find(({ size }) => size > data.limit)
    root.replaceChildren(...(file ? [element("p", { role: "alert", class: "rx-too-large", text: sentenceOf(file.size, data) })] : []))
  }
  for (const kind of ["change", "drop"]) around.addEventListener(kind, look, true)
  root.rxLarge = () => ["change", "drop"].forEach((kind) => around.removeEventListener(kind, look, true))
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
