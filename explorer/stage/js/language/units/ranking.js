// Which units come first, and by what. Units count from 0 here.

/** @import { Feature, UnitsRun } from "../../types.js" */

/** All units, the largest measure first; one without a number is last, equals stand as they are. @type {(count: number, measure: (unit: number) => number) => number[]} */
export function ranked(count, measure) {
  const size = (/** @type {number} */ j) => (Number.isNaN(measure(j)) ? -Infinity : measure(j))
  return Array.from({ length: count }, (_, j) => j).sort((a, b) => size(b) - size(a) || a - b)
}

/** The first units of an order; a unit of interest too, in the last one's place where it is not among them. @type {(order: number[], count: number, unit: number) => number[]} */
export function leading(order, count, unit) {
  const first = order.slice(0, count)
  return first.includes(unit) ? first : [...first.slice(0, -1), unit]
}

/** The feature to show: the chosen one, or the first that the text has; null where it has none. @type {(features: Feature[], chosen: string) => Feature | null} */
export function shown(features, chosen) {
  const there = features.filter((feature) => feature.there)
  return there.find((feature) => feature.kind === chosen) ?? there[0] ?? null
}

/** All units, the best first: by how closely a state follows the feature, or by what is lost without them where there is no feature. @type {(run: UnitsRun, feature: Feature | null, shade: string) => number[]} */
export function byFeature({ arrays, units }, feature, shade) {
  return ranked(units, feature ? (j) => Math.abs(arrays[`r.${shade}.${feature.kind}`].at(j)) : (j) => arrays.without.at(j))
}

/** The unit to open with: of those that follow the feature more than chance would, the one that is missed most where the feature decides; else the first of the order. @type {(run: UnitsRun, feature: Feature | null, shade: string, order: number[]) => number} */
export function foremost({ arrays }, feature, shade, order) {
  if (!feature) return order[0]
  const [r, missed] = [arrays[`r.${shade}.${feature.kind}`], arrays[`mean.${feature.kind}`]]
  const chance = arrays[`chance.${shade}.${feature.kind}`].at(0)
  const tracking = order.filter((j) => Math.abs(r.at(j)) > chance && Number.isFinite(missed.at(j, 0)))
  return tracking.reduce((best, j) => (missed.at(j, 0) > missed.at(best, 0) ? j : best), tracking[0] ?? order[0])
}

/** What is lost without a unit beside the most that is lost without any, -1..1, in nats. @type {(run: UnitsRun, most: number) => (unit: number) => number} */
export function lossShare({ arrays }, most) {
  const lost = (/** @type {number} */ j) => Math.log(arrays.without.at(j) / arrays.perplexity.at(0))
  const largest = lost(most) || 1
  return (j) => Math.max(-1, Math.min(1, lost(j) / largest))
}

/** How long a bar of so many steps is, 0..1: by its logarithm, up to a thousand. @type {(steps: number) => number} */
export function memoryShare(steps) {
  return Number.isFinite(steps) ? Math.min(1, Math.log1p(steps) / Math.log(1000)) : 1
}
