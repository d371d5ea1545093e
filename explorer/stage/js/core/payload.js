// Reads the stage's payload: a JSON header and a block of float64 numbers (see payload.py).

/** @import { AnyPayload, Place, Run } from "../types.js" */

/** @type {(bytes: Uint8Array) => AnyPayload} */
export function decode(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(0, true)
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
  const start = Math.ceil((4 + length) / 8) * 8
  const numbers = new Float64Array(bytes.slice(start).buffer)
  for (const run of header.runs) {
    run.arrays = Object.fromEntries(
      Object.entries(/** @type {Record<string, Place>} */ (run.arrays)).map(([name, place]) => [name, new Matrix(numbers, place)]),
    )
    if (run.attention) run.attention.weights = new Matrix(numbers, run.attention.weights)
    for (const figure of run.lines) {
      for (const trace of figure.data) {
        if (trace.y?.array) trace.y = Array.from(new Matrix(numbers, trace.y.array).values)
      }
    }
  }
  return header
}

/** Numbers by row and column; a vector is one column, and the axes between the first and last are one with the first. */
export class Matrix {
  /** @param {Float64Array} numbers @param {Place} place */
  constructor(numbers, { at, shape }) {
    const size = shape.reduce((a, b) => a * b, 1)
    this.values = numbers.subarray(at, at + size)
    this.shape = shape
    this.columns = shape.length > 1 ? shape[shape.length - 1] : 1
  }

  /** @param {number} row @param {number} [column] */
  at(row, column = 0) {
    return this.values[row * this.columns + column]
  }

  /** @param {number} k */
  row(k) {
    return this.values.subarray(k * this.columns, (k + 1) * this.columns)
  }
}

/** A signal of a run by step and unit. @type {(run: Pick<Run, "arrays">, symbol: string) => (step: number, unit: number) => number} */
export function ofSignal(run, symbol) {
  const gate = run.arrays[`gate.${symbol}`]
  if (gate) return (t, j) => gate.at(t, j)
  return (t, j) => run.arrays[symbol].at(t + 1, j)
}
