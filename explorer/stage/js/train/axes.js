// Axes and points of a race's charts: where an axis ends, its ticks, which of many points are drawn.

import { minus } from "../core/numbers.js"

/** The end of an axis: a number from a short list, so that it moves seldom. @type {(value: number, least: number) => number} */
export function roomFor(value, least) {
  const wanted = Math.max(value, least)
  const decade = 10 ** Math.floor(Math.log10(wanted))
  return [1, 1.5, 2, 3, 4, 6, 8].map((m) => m * decade).find((end) => end >= wanted - 1e-9) ?? 10 * decade
}

/** The place in the middle of the steps that the mean up to a place is over: it is drawn there, not behind. @type {(k: number, window: number) => number} */
export function middle(k, window) {
  return k - (Math.min(k + 1, window) - 1) / 2
}

/** The places of some of many values, evenly, and of the last: no more than so many. @type {(values: unknown[], most: number) => number[]} */
export function thinned(values, most) {
  const every = Math.ceil(values.length / most)
  return Array.from({ length: Math.ceil(values.length / every) || 0 }, (_, n) => Math.min((n + 1) * every, values.length) - 1)
}

/** The places of the lowest and the highest of every few neighbours: no more than so many, and no peak is lost. @type {(values: (number | null)[], most: number) => number[]} */
export function outlined(values, most) {
  const every = Math.ceil((2 * values.length) / most)
  return Array.from({ length: Math.ceil(values.length / every) || 0 }, (_, n) => extremes(values, n * every, every)).flat()
}

/** The places of the lowest and the highest of some neighbours, in order; of the first that is null, alone. @type {(values: (number | null)[], start: number, count: number) => number[]} */
export function extremes(values, start, count) {
  let [low, high] = [start, start]
  for (let k = start; k < Math.min(start + count, values.length); k++) {
    const value = values[k]
    if (value === null) return [k]
    if (value < Number(values[low])) low = k
    if (value > Number(values[high])) high = k
  }
  return low === high ? [low] : [Math.min(low, high), Math.max(low, high)]
}

/** What of a band is shown: its values up to a step, and none after, so that it does not tell the ending. @type {(steps: number[], values: (number | null)[], last: number) => (number | null)[]} */
export function uncovered(steps, values, last) {
  return values.map((value, k) => (steps[k] <= last ? value : null))
}

/** Ticks of a log axis between two powers: powers of ten, and parts of them where few are in sight. @type {(low: number, high: number, most: number) => { tickvals: number[], ticktext: string[] }} */
export function ticks(low, high, most) {
  const parts = high - low <= 1 ? [1, 2, 3, 5] : high - low <= 2.2 ? [1, 3] : [1]
  const every = parts.length === 1 ? Math.max(1, Math.ceil((high - low) / most)) : 1
  const found = []
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    if (power % every) continue
    for (const m of parts) {
      const at = power + Math.log10(m)
      if (at >= low - 1e-9 && at <= high + 1e-9) found.push({ m, power })
    }
  }
  return { tickvals: found.map(({ m, power }) => m * 10 ** power), ticktext: found.map(({ m, power }) => tick(m, power)) }
}

/** @type {(m: number, power: number) => string} */
function tick(m, power) {
  if (power >= -3 && power <= 3) return String(Number((m * 10 ** power).toPrecision(3)))
  const raised = minus(`10<sup>${power}</sup>`)
  return m === 1 ? raised : `${m}·${raised}`
}
