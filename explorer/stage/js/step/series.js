// One unit's values over time, and the scale that runs beside each other share.

/** @import { Run } from "../types.js" */

import { ofSignal } from "../core/payload.js"

/** A signal of a unit at every step. @type {(run: Run, symbol: string, unit: number) => Float64Array} */
export function series(run, symbol, unit) {
  const of = ofSignal(run, symbol)
  return Float64Array.from({ length: run.steps }, (_, t) => of(t, unit))
}

/** Values with the first and the last twice: where a line that keeps each value for its step begins and ends. @type {(values: Float64Array) => number[]} */
export function edged(values) {
  return [values[0], ...values, values[values.length - 1]]
}

/** From the lowest to the highest of all finite values, 0 included; −1 to 1 where all are 0. @type {(all: Float64Array[]) => [number, number]} */
export function span(all) {
  const finite = all.flatMap((values) => [...values.filter(Number.isFinite)])
  const [low, high] = [Math.min(0, ...finite), Math.max(0, ...finite)]
  return high === low ? [-1, 1] : [low, high]
}
