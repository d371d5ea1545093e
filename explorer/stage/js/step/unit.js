// One unit whose gates are given: c = f c + i x and h = o c, step by step. explorer/lab/hand.py says the same.

/** @typedef {{ f: number[], i: number[], o: number[] }} Gates */

/** What the unit holds and says after each step, from c = 0. @type {(gates: Gates, numbers: number[]) => { c: number[], h: number[] }} */
export function held({ f, i, o }, numbers) {
  let before = 0
  const c = numbers.map((x, t) => (before = f[t] * before + i[t] * x))
  return { c, h: c.map((value, t) => o[t] * value) }
}

/** The values with those from one step to another drawn along a straight line. @type {(values: number[], from: { step: number, value: number }, to: { step: number, value: number }) => number[]} */
export function stroke(values, from, to) {
  const [low, high] = from.step <= to.step ? [from, to] : [to, from]
  return values.map((value, t) => {
    if (t < low.step || t > high.step) return value
    if (low.step === high.step) return clipped(to.value)
    return clipped(low.value + ((high.value - low.value) * (t - low.step)) / (high.step - low.step))
  })
}

/** A gate's value: from 0 to 1, by hundredths; near an end it is the end. @type {(value: number) => number} */
export function clipped(value) {
  return value < 0.04 ? 0 : value > 0.96 ? 1 : Math.round(100 * value) / 100
}
