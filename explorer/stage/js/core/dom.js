// Small helpers to build elements. Text always goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg"
const MATH = "http://www.w3.org/1998/Math/MathML"

/**
 * `text` is the node's text, `on...` a listener; an attribute without a value is left out.
 * @typedef {Record<string, any>} Attributes
 * @typedef {Node | string | null | undefined} Child
 */

/** @type {<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes?: Attributes, ...children: Child[]) => HTMLElementTagNameMap[Tag]} */
export function element(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children)
}

/** @type {<Tag extends keyof SVGElementTagNameMap>(tag: Tag, attributes?: Attributes, ...children: Child[]) => SVGElementTagNameMap[Tag]} */
export function svg(tag, attributes = {}, ...children) {
  return dress(document.createElementNS(SVG, tag), attributes, children)
}

/** @type {<Tag extends keyof MathMLElementTagNameMap>(tag: Tag, attributes?: Attributes, ...children: Child[]) => MathMLElementTagNameMap[Tag]} */
export function math(tag, attributes = {}, ...children) {
  return dress(document.createElementNS(MATH, tag), attributes, children)
}

/** @type {(node: any, attributes: Attributes, children: Child[]) => any} */
function dress(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value) // not node[name]: what it returns would cancel the event
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value)
  }
  node.append(...children.filter((child) => child !== null && child !== undefined))
  return node
}

/** What makes of any element a button: a click, Enter and the space bar press it. @type {(press: (event: Event) => void) => Attributes} */
export function pressable(press) {
  return { role: "button", tabindex: 0, onclick: press, onkeydown: (/** @type {KeyboardEvent} */ event) => ["Enter", " "].includes(event.key) && press(event) }
}
