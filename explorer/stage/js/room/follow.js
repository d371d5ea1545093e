// Following: what of the lecturer's view this browser sets by itself, and what the page has to compute.

/** @import { View } from "../types.js" */

const IN_BROWSER = ["step", "unit", "card"]

/** A view without what is set in the browser, the same text for the same view. @type {(view: View) => string} */
export function experimentOf({ page, query }) {
  const kept = Object.entries(query).filter(([name]) => !IN_BROWSER.includes(name)).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([page, kept])
}

/** @type {(view: View) => { step: number, unit: number }} */
export function placeIn({ query }) {
  return { step: Number(query.step ?? 1), unit: Number(query.unit ?? 1) }
}

/**
 * What a follower has to do, from where it stands to where the lecturer is. here: the page's own view; arrived: as
 * what the page took the class's view last, where it wrote that otherwise (another language, a model it has not).
 * @type {(here: View, there: View, arrived?: { from: string, as: string } | null) => "stand" | "go" | "none"}
 */
export function wayTo(here, there, arrived = null) {
  if (there.page === "room") return "none"
  const [mine, theirs] = [experimentOf(here), experimentOf(there)]
  return mine === theirs || (arrived?.from === theirs && arrived.as === mine) ? "stand" : "go"
}
