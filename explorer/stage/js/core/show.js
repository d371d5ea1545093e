// Which panels of a stage are drawn, and how large: all of it, or one that leads and up to two others.

/** @import { Show } from "../types.js" */

import { element } from "./dom.js"

const LARGE = 42 // a lecture's type is this part of the window's height; the back row reads a 45th
const BELOW = 8 // pixels left free below a lecture's panels
const LEAST = 240 // their least height in pixels, where the window is low

/** The size of a chart's type in pixels. @type {(width: number, large: boolean) => number} */
export function typeSize(width, large) {
  if (large) return Math.max(16, Math.round(globalThis.innerHeight / LARGE))
  return Math.round(Math.max(12, Math.min(20, width / 72)))
}

/** Leaves the named panels alone on a stage, side by side, and takes away the parts they stood in. @type {(node: HTMLElement, parts: (Node | null)[], show?: Show | null) => HTMLElement | null} */
export function arranged(node, parts, show) {
  const groups = (show?.panels ?? []).map((name) => [...node.querySelectorAll(`[data-panel="${name}"]`)])
  const found = groups.filter((group) => group.length)
  if (!found.length) return null
  const held = parts.filter((part) => part instanceof Element && (part.matches("[data-panel]") || part.querySelector("[data-panel]")))
  const place = element("div", { class: `rx-show rx-show-${found.length}` })
  node.insertBefore(place, held[0])
  for (const group of found) place.append(element("div", { class: `rx-shown rx-shown-of-${group.length}` }, ...group))
  for (const part of held) if (part.parentNode === node) node.removeChild(part)
  return place
}

/** Gives the panels the height that is left of the window. @type {(node: HTMLElement, place: HTMLElement | null) => void} */
export function fitted(node, place) {
  const top = (place ?? node).getBoundingClientRect().top + (scroller(node)?.scrollTop ?? 0)
  node.style.setProperty("--rx-room", `${Math.max(LEAST, Math.floor(globalThis.innerHeight - top - BELOW))}px`)
}

/** @type {(node: HTMLElement) => Element | null} */
function scroller(node) {
  return node.closest(".stMain")
}

/** What the stage of a lecture shares its page with: where that grows, less room is left. @type {(show?: Show | null) => Element[]} */
export function above(show) {
  return show?.large ? [...document.querySelectorAll(".stMainBlockContainer, .st-key-question")] : []
}

/** Whether two shows are the same. @type {(a?: Show | null, b?: Show | null) => boolean} */
export function alike(a, b) {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null)
}
