// A vector over a matrix over the products of one row, side by side with others: one Plotly figure, pure.

/** @import { Scale } from "../types.js" */

/**
 * One factor of a sum: its numbers, the matrix that they go through, and what that gives for the chosen row.
 * @typedef {{ letter: string, vector: number[] | null, over: string, matrix: number[][], names: string[], hue: string }} Part
 */

const GAP = 0.035 // between two parts, of the whole width
const LEAST = 3 // columns that a narrow part is as wide as
const ROWS = { vector: [0.9, 0.99], matrix: [0.34, 0.82], products: [0, 0.24] } // domains from the top down

/** The largest size of some numbers; 1 where all are 0. @type {(all: number[] | Float64Array) => number} */
export function largest(all) {
  return Array.from(all).reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0) || 1
}

/** What each column adds for a row: weight times number; the weight itself where there is no vector. @type {(part: Part, row: number) => number[]} */
export function products({ vector, matrix }, row) {
  return matrix[row].map((weight, k) => (vector ? weight * vector[k] : weight))
}

/** Where each part stands across, from 0 to 1. @type {(parts: Part[]) => [number, number][]} */
export function domains(parts) {
  const wide = parts.map(({ matrix }) => Math.max(LEAST, matrix[0].length))
  const room = 1 - GAP * (parts.length - 1)
  const whole = wide.reduce((sum, one) => sum + one, 0)
  let left = 0
  return wide.map((one) => {
    const right = left + (room * one) / whole
    const domain = /** @type {[number, number]} */ ([left, Math.min(1, right)])
    left = right + GAP
    return domain
  })
}

/**
 * The figure: all matrices share one scale, so do all vectors, and all products one axis. meta of a trace names its
 * part and what it is.
 * @type {(parts: Part[], row: number, rows: string[], signed: Scale, hues: Record<string, string>) => { data: any[], layout: any }}
 */
export function grid(parts, row, rows, signed, hues) {
  const weight = largest(parts.flatMap(({ matrix }) => matrix.flat()))
  const input = largest(parts.flatMap(({ vector }) => vector ?? []))
  const given = parts.map((part) => products(part, row))
  const reach = 1.08 * largest(given.flat())
  const across = domains(parts)
  const heat = { type: "heatmap", colorscale: signed, showscale: false, hoverongaps: false }
  const data = parts.flatMap((part, n) => {
    const axis = n ? `x${n + 1}` : "x"
    const made = [{ ...heat, z: part.matrix, x: part.matrix[0].map((_, k) => k), xaxis: axis, yaxis: "y", zmin: -weight, zmax: weight, meta: { part: n, what: "matrix" },
      customdata: part.matrix.map((_, j) => part.names.map((name) => `${part.letter}[${rows[j]}, ${name}]`)), hovertemplate: "%{customdata} = %{z}<extra></extra>" }]
    if (part.vector) {
      made.push(/** @type {any} */ ({ ...heat, z: [part.vector], x: part.vector.map((_, k) => k), xaxis: axis, yaxis: "y2", zmin: -input, zmax: input, meta: { part: n, what: "vector" },
        customdata: [part.names], hovertemplate: "%{customdata} = %{z}<extra></extra>" }))
    }
    made.push(/** @type {any} */ ({ type: "bar", x: given[n].map((_, k) => k), y: given[n], xaxis: axis, yaxis: "y3", marker: { color: hues[part.hue] }, meta: { part: n, what: "products" },
      customdata: part.names, hovertemplate: "%{customdata}: %{y}<extra></extra>" }))
    return made
  })
  const quiet = { showgrid: false, zeroline: false, fixedrange: true, showticklabels: false, ticks: "" }
  /** @type {any} */
  const layout = {
    showlegend: false, dragmode: false, hovermode: "closest", paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", bargap: 0.15,
    yaxis: { ...quiet, domain: ROWS.matrix, range: [rows.length - 0.5, -0.5] },
    yaxis2: { ...quiet, domain: ROWS.vector, range: [-0.5, 0.5] },
    yaxis3: { ...quiet, domain: ROWS.products, range: [-reach, reach], zeroline: true, zerolinecolor: hues.x },
    shapes: across.map(([x0, x1]) => ({ type: "rect", xref: "paper", yref: "y", x0, x1, y0: row - 0.5, y1: row + 0.5, line: { color: hues.ink, width: 2 } })),
    annotations: parts.flatMap(({ letter, over, hue }, n) => [
      { text: letter, y: ROWS.matrix[1], hue, n }, ...(over ? [{ text: over, y: ROWS.vector[1], hue, n }] : []),
    ]).map(({ text, y, hue, n }) => ({ text, x: across[n][0], y, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false, font: { color: hues[hue] } })),
  }
  parts.forEach(({ matrix }, n) => {
    layout[n ? `xaxis${n + 1}` : "xaxis"] = { ...quiet, domain: across[n], range: [-0.5, matrix[0].length - 0.5], anchor: "y3" }
  })
  return { data, layout }
}
