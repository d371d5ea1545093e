// Small helpers to build elements. Text always goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg"
const MATH = "http://www.w3.org/1998/Math/MathML"

export function element(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children)
}

export function svg(tag, attributes = {}, ...children) {
  return dress(document.createElementNS(SVG, tag), attributes, children)
}

export function math(tag, attributes = {}, ...children) {
  return dress(document.createElementNS(MATH, tag), attributes, children)
}

function dress(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value
    else if (name.startsWith("on")) node[name] = value
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value)
  }
  node.append(...children.filter((child) => child !== null && child !== undefined))
  return node
}
