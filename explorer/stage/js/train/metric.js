// A race's metric as people read it: an error, or a share of right answers with how sure so many of them make it.

/** @import { RaceFacts, Strings } from "../types.js" */

import { fill, number, significant } from "../core/numbers.js"

/** Digits are significant ones where it is no error of four decimals. @type {(value: number | null | undefined, digits: number, facts: RaceFacts) => string} */
export function said(value, digits, { metric }) {
  if (value === null || value === undefined) return "NaN"
  if (metric === "accuracy") return `${Number((100 * value).toPrecision(digits))}\u00a0%`
  return digits === 4 ? number(value) : significant(value, digits)
}

/** What the brackets are. @type {(facts: RaceFacts, strings: Strings) => string} */
export function explained({ trials, alone }, strings) {
  return trials ? fill(strings[alone ? "between_alone" : "between_together"], { n: trials.toLocaleString("en") }) : ""
}
