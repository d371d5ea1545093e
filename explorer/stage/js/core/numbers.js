// Numbers as people read them: four decimals, a true minus, powers of ten where four decimals say nothing.

export function number(value, digits = 4) {
  if (Number.isNaN(value)) return "NaN"
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞"
  const size = Math.abs(value)
  if (size !== 0 && (size < 0.5 * 10 ** -digits || size >= 1e5)) {
    const [mantissa, power] = value.toExponential(2).split("e")
    return minus(`${mantissa}e${Number(power)}`)
  }
  return minus(value.toFixed(digits))
}

export function exact(value) {
  return Number.isFinite(value) ? minus(String(value)) : number(value)
}

export function percent(value) {
  if (value > 0 && value < 0.0005) return "< 0.1 %"
  return `${(100 * value).toFixed(value >= 0.0995 ? 0 : 1)} %`
}

// The two ends of a scale, short enough for a caption.
export function ends([low, high]) {
  const short = (v) => (Number.isInteger(v) && Math.abs(v) < 1e5 ? String(v) : v.toPrecision(2).replace("e+", "e"))
  return `${minus(short(low))} … ${minus(short(high))}`
}

function minus(text) {
  return text.replace("-", "−")
}

export function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "")
}
