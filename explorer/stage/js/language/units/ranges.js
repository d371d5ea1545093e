// Which units are on throughout a marked range, and where else in the text the same units are on.
// A range is its first and last step, both from 0; it does not go past the end of a line.

/** @import { Matrix } from "../../core/payload.js" */

/**
 * A state of every unit over a text. starts: the first step of each line; threshold: how far a unit is from 0 where it is on.
 * @typedef {{ values: Matrix, steps: number, units: number, starts: number[], threshold: number }} States
 * @typedef {[first: number, last: number]} Range
 * @typedef {{ j: number, sign: number }} On a unit that is on, and the side of 0 where it is
 */

/** Units on throughout a range with one sign, and off just before and after; without these two where there are none. @type {(states: States, range: Range) => { units: On[], off: boolean }} */
export function unitsOn(states, [a, b]) {
  const beside = [...(goesOn(states, a - 1) ? [a - 1] : []), ...(goesOn(states, b) ? [b + 1] : [])]
  const units = Array.from({ length: states.units }, (_, j) => ({ j, sign: Math.sign(states.values.at(a, j)) }))
  const on = units.filter((unit) => unit.sign && stretch(a, b).every((k) => isOn(states, unit, k)))
  const alone = on.filter((unit) => !beside.some((k) => isOn(states, unit, k)))
  return alone.length ? { units: alone, off: true } : { units: on, off: false }
}

/** Stretches elsewhere in which all of the units are on, or as many of them as there are anywhere, at least half; the likest in length first. @type {(states: States, range: Range, units: On[]) => { places: Range[], least: number }} */
export function elsewhere(states, range, units) {
  const counts = stretch(0, states.steps - 1).map((k) => units.filter((unit) => isOn(states, unit, k)).length)
  for (let least = units.length; least > 0 && least >= units.length / 2; least--) {
    const places = stretches(states, counts, least).filter(([first, last]) => last < range[0] || first > range[1])
    if (places.length) return { places: likest(places, range), least }
  }
  return { places: [], least: 0 }
}

/** Where at least so many are on, line by line. @type {(states: States, counts: number[], least: number) => Range[]} */
function stretches(states, counts, least) {
  /** @type {Range[]} */
  const found = []
  for (let k = 0; k < states.steps; k++) {
    if (counts[k] < least) continue
    const first = k
    while (goesOn(states, k) && counts[k + 1] >= least) k++
    found.push([first, k])
  }
  return found
}

/** @type {(places: Range[], range: Range) => Range[]} */
function likest(places, [a, b]) {
  const gap = (/** @type {Range} */ [first, last]) => Math.abs(last - first - (b - a))
  return places.toSorted((one, other) => gap(one) - gap(other) || one[0] - other[0])
}

/** @type {(states: States, unit: On, k: number) => boolean} */
function isOn({ values, threshold }, { j, sign }, k) {
  return sign * values.at(k, j) >= threshold
}

/** Whether a step and the one after it are in one line of the text. @type {(states: States, k: number) => boolean} */
function goesOn({ steps, starts }, k) {
  return k >= 0 && k + 1 < steps && !starts.includes(k + 1)
}

/** @type {(first: number, last: number) => number[]} */
function stretch(first, last) {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n)
}
