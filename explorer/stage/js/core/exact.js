// How sure a share is: the exact interval that explorer/exact.py computes, for numbers that come as one looks on.

const TAIL = 0.025 // on either side of an interval of 95 %
const HALVINGS = 50

/** @type {number[]} log n! by n, as far as it was asked for */
const FACTORIALS = [0]

/** The bounds of the share behind hits out of trials. Clopper & Pearson 1934. @type {(hits: number, trials: number) => [low: number, high: number]} */
export function interval(hits, trials) {
  return [lowest(hits, trials), 1 - lowest(trials - hits, trials)]
}

/** The same in percent, rounded outwards; with a decimal where they are under 5 apart. @type {(hits: number, trials: number) => [low: string, high: string]} */
export function percents(hits, trials) {
  const [low, high] = interval(hits, trials).map((bound) => 100 * bound)
  const tenth = high - low < 5 ? 10 : 1
  return [String(Math.floor(low * tenth) / tenth), String(Math.ceil(high * tenth) / tenth)]
}

/** The bounds of a measured share of so many trials, in percent; null of what is no estimate, or no number. @type {(share: number | null | undefined, of: { trials: number }) => [low: string, high: string] | null} */
export function between(share, { trials }) {
  return trials && Number.isFinite(share) ? percents(Math.round(Number(share) * trials), trials) : null
}

/** The same where there is little room, after what it belongs to; "" where there is none. @type {(share: number | null | undefined, of: { trials: number }) => string} */
export function bracketed(share, of) {
  const bounds = between(share, of)
  return bounds ? `[${bounds.join(", ")}]` : ""
}

/** The share with which so many hits or more come in one case of forty. @type {(hits: number, trials: number) => number} */
function lowest(hits, trials) {
  if (hits === 0) return 0
  let [low, high] = [0, hits / trials] // with the measured share they come every other time at least
  for (let k = 0; k < HALVINGS; k += 1) {
    const middle = (low + high) / 2
    if (atLeast(hits, trials, middle) > TAIL) high = middle
    else low = middle
  }
  return (low + high) / 2
}

/** How probable so many hits or more are, where the share is at most theirs: each term is less than the one before. @type {(hits: number, trials: number, share: number) => number} */
function atLeast(hits, trials, share) {
  const ways = logFactorial(trials) - logFactorial(hits) - logFactorial(trials - hits)
  let term = Math.exp(ways + hits * Math.log(share) + (trials - hits) * Math.log1p(-share))
  let sum = term
  for (let k = hits; k < trials && term > 1e-17 * sum; k += 1) {
    term *= ((trials - k) / (k + 1)) * (share / (1 - share))
    sum += term
  }
  return sum
}

/** @type {(n: number) => number} */
function logFactorial(n) {
  for (let k = FACTORIALS.length; k <= n; k += 1) FACTORIALS.push(FACTORIALS[k - 1] + Math.log(k))
  return FACTORIALS[n]
}
