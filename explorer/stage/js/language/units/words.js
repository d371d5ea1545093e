// What is said of a unit at a token, and how its numbers are written.

/** @import { Feature, UnitsPayload, UnitsToken } from "../../types.js" */

import { fill, number } from "../../core/numbers.js"

/** Two decimals; what is less than half of one is 0.00. @type {(value: number) => string} */
export function short(value) {
  return Math.abs(value) < 0.005 ? "0.00" : number(value, 2)
}

/** @type {(value: number) => string} */
export function signed(value) {
  return value >= 0.005 ? `+${short(value)}` : short(value)
}

/** Number and meaning of a token for a unit, line by line. @type {(payload: UnitsPayload, feature: Feature | null, k: number, unit: number) => string[]} */
export function about({ runs: [{ arrays, tokens }], states, strings }, feature, k, unit) {
  const { label, original, known } = tokens[k]
  const lines = [`t = ${k + 1}  ${known ? label : `${label} (${original})`}`]
  for (const name of states) lines.push(`${name} = ${number(arrays[name].at(k, unit))}`)
  if (feature) lines.push(`${feature.name}: ${meaning(feature, arrays[`value.${feature.kind}`].row(k))}`)
  const nats = arrays.nats.at(k)
  if (!Number.isNaN(nats)) {
    lines.push(fill(strings.surprise, { nats: short(nats), change: signed(arrays.lost.at(k, unit)), unit: unit + 1 }))
  }
  return lines
}

/** What a feature is at a token: a number, one of two sides, or one of its categories. @type {(feature: Feature, values: Float64Array) => string} */
export function meaning({ names }, values) {
  if (!names.length) return number(values[0], 0)
  if (values.length === 1) return values[0] === 0 ? "–" : names[values[0] > 0 ? 0 : 1]
  return names[values.indexOf(1)] ?? "–"
}

/** What is lost without a unit: over the whole text, and where the feature is decided. @type {(payload: UnitsPayload, feature: Feature | null, unit: number) => string} */
export function cause({ runs: [{ arrays, steps }], strings }, feature, unit) {
  const [all, without] = [arrays.perplexity.at(0), arrays.without.at(unit)]
  if (!Number.isFinite(all)) return steps === 1 ? strings.too_short : strings.not_finite
  const says = [fill(strings.cause, { unit: unit + 1, with: number(all, 2), without: number(without, 2) })]
  const [decided, others] = feature ? arrays[`mean.${feature.kind}`].row(unit) : [NaN, NaN]
  if (feature && !Number.isNaN(decided)) {
    says.push(fill(strings[`cause_${feature.kind}`], { decided: signed(decided), others: signed(others) }))
    const [meanDecided, meanOthers] = arrays[`averaged.${feature.kind}`].row(unit)
    says.push(fill(strings.cause_mean, { decided: signed(meanDecided), others: signed(meanOthers) }))
  }
  return says.join(" ")
}

/** Tokens as they are read, from a step up to another. @type {(tokens: UnitsToken[], unit: string, from: number, to: number) => string} */
export function written(tokens, unit, from, to) {
  const some = tokens.slice(Math.max(0, from), Math.max(0, to))
  return some.map(({ label }) => (label === "␣" ? " " : label)).join(unit === "word" ? " " : "")
}
