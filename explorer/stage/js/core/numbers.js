// Numbers as people read them: four decimals, a true minus, powers of ten where four decimals say nothing.

/** @type {(value: number, digits?: number) => string} */
export function number(value, digits = 4) {
  if (Number.isNaN(value)) return "NaN"
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞"
  const size = Math.abs(value)
  if (size !== 0 && (size < 0.5 * 10 ** -digits || size >= 1e5)) {
    const [mantissa, power] = value.toExponential(2).split("e")
    return timesTen(mantissa, Number(power))
  }
  return minus(value.toFixed(digits))
}

/** A number where there is room for two decimals: what is under half of the second, and not nothing, is ~0. @type {(value: number) => string} */
export function short(value) {
  if (value !== 0 && Math.abs(value) < 0.005) return "~0"
  return number(value, 2)
}

/** Every digit that tells the number from its neighbours. @type {(value: number) => string} */
export function exact(value) {
  return Number.isFinite(value) ? written(String(value)) : number(value)
}

/** @type {(value: number) => string} */
export function percent(value) {
  if (value > 0 && value < 0.0005) return "< 0.1\u00a0%"
  return `${(100 * value).toFixed(value >= 0.0995 ? 0 : 1)}\u00a0%`
}

/** The two ends of a scale, short enough for a caption. @type {(range: [number, number]) => string} */
export function ends([low, high]) {
  const short = (/** @type {number} */ v) => (Number.isInteger(v) && Math.abs(v) < 1e5 ? String(v) : v.toPrecision(2))
  return `${written(short(low))} … ${written(short(high))}`
}

/** The ends of a scale of whole powers of ten. @type {(powers: number[]) => string} */
export function powers(of) {
  return of.map((power) => `10${raised(Math.round(power))}`).join(" … ")
}

/** A decimal logarithm as the number that it is of. @type {(power: number) => string} */
export function tenTo(power) {
  const whole = Math.floor(power)
  return timesTen((10 ** (power - whole)).toFixed(1), whole)
}

/** So many significant digits, written without a power of ten where four decimals suffice. @type {(value: number, digits: number) => string} */
export function significant(value, digits) {
  const rounded = Number(value.toPrecision(digits))
  const text = String(rounded)
  return number(rounded, text.includes("e") ? 4 : (text.split(".")[1] ?? "").length)
}

/** A whole number as an exponent. @type {(power: number) => string} */
export function raised(power) {
  return String(power).replace(/-|\d/g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)]))
}

/** @type {(mantissa: string, power: number) => string} */
function timesTen(mantissa, power) {
  return `${minus(mantissa)} × 10${raised(power)}`
}

/** A number that JavaScript wrote, as people write it. @type {(text: string) => string} */
export function written(text) {
  const [mantissa, power] = text.split("e")
  return power === undefined ? minus(text) : timesTen(mantissa, Number(power))
}

/** Hyphens as true minus signs. @type {(text: string) => string} */
export function minus(text) {
  return text.replaceAll("-", "−")
}

/** A template with its {names} filled in; a name without a value says nothing. @type {(template: string, values: Record<string, any>) => string} */
export function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "")
}
