// A view as one picture: its charts as Plotly draws them, and around them what stands on the stage, each in its place.

/** @import { PlotlyModule, PlotNode } from "../browser.js" */

import { svg } from "../core/dom.js"

const EDGE = 12 // pixels around the charts
const SCALE = 2 // pixels of a PNG for one on the screen
const CURSORS = ".rx-cursor, .rx-row-cursor"
const LEFT_OUT = `.js-plotly-plot, .rx-plot, .rx-transport, .rx-tip, .rx-spoken, .rx-as-table, .rx-details, details:not([open]), ${CURSORS}, math, select, input, canvas`
const LOOKS = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-opacity", "paint-order", "stroke-linejoin", "opacity", "font-size", "font-weight", "font-style", "font-family", "text-anchor", "dominant-baseline", "visibility", "display", "color"]
const CLEAR = /^(transparent|rgba\(.*, 0\))$/
const WIDEST = 16_000 // pixels that a canvas may have on a side

/** The charts of a part of the page that are drawn and in sight. @type {(part: Element) => PlotNode[]} */
export function chartsIn(part) {
  const found = /** @type {PlotNode[]} */ ([...part.querySelectorAll(".js-plotly-plot")])
  return found.filter((plot) => plot._fullLayout && plot.getClientRects().length && plot.checkVisibility())
}

/** A part of the page as one SVG: its stage with all that is written and drawn on it, and its charts. @type {(part: Element, Plotly: PlotlyModule, ground: string) => Promise<SVGSVGElement>} */
export async function pictureOf(part, Plotly, ground) {
  const plots = chartsIn(part)
  const stage = part.querySelector(".rx-stage")
  const boxes = [...plots, stage?.querySelector(".rx-strip") ?? stage].flatMap((node) => node?.getBoundingClientRect() ?? [])
  const left = Math.min(...boxes.map((at) => at.left)) - EDGE
  const top = Math.min(...boxes.map((at) => at.top)) - EDGE
  const painted = stage ? paint(stage, left, top) : []
  for (const plot of plots) painted.push(await drawn(plot, Plotly, left, top))
  if (stage) painted.push(...[...stage.querySelectorAll(CURSORS)].flatMap((cursor) => box(cursor, left, top)))
  const reach = (/** @type {string} */ side, /** @type {string} */ size) => Math.ceil(EDGE + Math.max(...painted.map((node) => [side, size].reduce((sum, name) => sum + (parseFloat(node.getAttribute(name) ?? "") || 0), 0))))
  const [width, height] = [reach("x", "width"), reach("y", "height")]
  return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` }, svg("rect", { width, height, fill: ground }), ...painted)
}

/** A chart as Plotly draws it. @type {(plot: PlotNode, Plotly: PlotlyModule, left: number, top: number) => Promise<Element>} */
async function drawn(plot, Plotly, left, top) {
  const at = plot.getBoundingClientRect()
  const size = { width: Math.round(at.width), height: Math.round(at.height) }
  const text = await Plotly.toImage(plot, { format: "svg", imageDataOnly: true, ...size })
  const found = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true)
  found.setAttribute("x", String(at.left - left))
  found.setAttribute("y", String(at.top - top))
  return found
}

/** What is written and drawn in a part beside its charts, from back to front. @type {(node: Element, left: number, top: number) => Element[]} */
function paint(node, left, top) {
  if (node.matches(LEFT_OUT) || isEmptyCard(node) || !node.checkVisibility({ visibilityProperty: true })) return []
  if (node instanceof SVGSVGElement) return [copied(node, left, top)]
  const found = box(node, left, top)
  for (const child of node.childNodes) {
    if (child instanceof Element) found.push(...paint(child, left, top))
    else if (child.textContent?.trim()) found.push(...lettering(/** @type {Text} */ (child), left, top))
  }
  return found
}

/** Whether a card's chart waits to be drawn. @type {(node: Element) => boolean} */
function isEmptyCard(node) {
  const plot = /** @type {PlotNode | null} */ (node.matches(".rx-chart") ? node.querySelector(".rx-plot") : null)
  return plot !== null && !plot._fullLayout
}

/** The ground and the border of an element, where it has any. @type {(node: Element, left: number, top: number) => Element[]} */
function box(node, left, top) {
  const at = node.getBoundingClientRect()
  const { backgroundColor, borderTopColor, borderTopWidth, borderTopStyle, borderTopLeftRadius, opacity } = getComputedStyle(node)
  const [line, bare] = [parseFloat(borderTopWidth), CLEAR.test(backgroundColor)]
  const edged = line > 0 && borderTopStyle !== "none" && !CLEAR.test(borderTopColor)
  if (!at.width || !at.height || (bare && !edged)) return []
  return [svg("rect", {
    x: at.left - left + line / 2, y: at.top - top + line / 2, width: Math.max(0, at.width - line), height: Math.max(0, at.height - line),
    rx: parseFloat(borderTopLeftRadius) || 0, fill: bare ? "none" : backgroundColor, opacity,
    ...(edged ? { stroke: borderTopColor, "stroke-width": line } : {}),
  })]
}

/** A text, a line for each line that it takes on the screen. @type {(text: Text, left: number, top: number) => Element[]} */
function lettering(text, left, top) {
  const style = getComputedStyle(/** @type {Element} */ (text.parentElement))
  /** @type {{ at: DOMRect, right: number, said: string }[]} */
  const lines = []
  const range = document.createRange()
  for (let k = 0; k < text.data.length; k++) {
    range.setStart(text, k)
    range.setEnd(text, k + 1)
    const at = range.getBoundingClientRect()
    const last = lines.at(-1)
    if (last && Math.abs(at.top - last.at.top) < 2) {
      last.said += text.data[k]
      if (text.data[k].trim()) last.right = at.right
    } else if (at.width && text.data[k].trim()) lines.push({ at, right: at.right, said: text.data[k] })
  }
  const { color, fontSize, fontWeight, fontStyle, fontFamily } = style
  return lines.map(({ at, right, said }) => svg("text", {
    x: at.left - left, y: at.top - top + at.height * 0.79, fill: color, "font-size": fontSize, "font-weight": fontWeight, "font-style": fontStyle, "font-family": fontFamily,
    textLength: right - at.left, lengthAdjust: "spacingAndGlyphs", text: said.trimEnd(), // a viewer may have other fonts
  }))
}

/** A drawing with the look that style sheets give it. @type {(drawing: SVGSVGElement, left: number, top: number) => Element} */
function copied(drawing, left, top) {
  const copy = /** @type {SVGSVGElement} */ (drawing.cloneNode(true))
  const [from, to] = [[drawing, ...drawing.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]]
  from.forEach((node, k) => {
    const style = getComputedStyle(node)
    for (const name of LOOKS) to[k].setAttribute(name, style.getPropertyValue(name))
    to[k].removeAttribute("style")
  })
  const at = drawing.getBoundingClientRect()
  for (const [name, value] of Object.entries({ x: at.left - left, y: at.top - top, width: at.width, height: at.height })) copy.setAttribute(name, String(value))
  return copy
}

/** @type {(picture: SVGSVGElement) => Blob} */
export function svgFile(picture) {
  return new Blob([new XMLSerializer().serializeToString(picture)], { type: "image/svg+xml" })
}

/** @type {(picture: SVGSVGElement) => Promise<Blob>} */
export async function pngFile(picture) {
  const [width, height] = ["width", "height"].map((side) => Number(picture.getAttribute(side)))
  const scale = Math.min(SCALE, WIDEST / Math.max(width, height))
  const address = URL.createObjectURL(svgFile(picture))
  const image = new Image()
  image.src = address
  await image.decode()
  const canvas = document.createElement("canvas")
  Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) })
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height)
  URL.revokeObjectURL(address)
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png"))
}
