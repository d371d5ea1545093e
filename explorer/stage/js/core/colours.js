// The theme of the page and colours along a scale.

export function themeOf(element) {
  const ground = getComputedStyle(element).getPropertyValue("--st-background-color").trim()
  const [r, g, b] = rgb(ground || "#ffffff")
  return 0.299 * r + 0.587 * g + 0.114 * b < 128 ? "dark" : "light"
}

export function rgb(colour) {
  if (colour.startsWith("#")) {
    const hex = colour.length === 4 ? [...colour.slice(1)].map((c) => c + c).join("") : colour.slice(1)
    return [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16))
  }
  return (colour.match(/[\d.]+/g) ?? ["255", "255", "255"]).slice(0, 3).map(Number)
}

// A table of 64 colours of a Plotly scale: looking one up costs nothing.
export function ramp(scale) {
  const stops = scale.map(([at, colour]) => [at, rgb(colour)])
  return Array.from({ length: 64 }, (_, k) => {
    const at = k / 63
    const upper = Math.max(1, stops.findIndex(([stop]) => stop >= at))
    const [low, high] = [stops[upper - 1], stops[upper]]
    const share = (at - low[0]) / (high[0] - low[0])
    const mixed = low[1].map((channel, c) => Math.round(channel + share * (high[1][c] - channel)))
    return `rgb(${mixed.join(",")})`
  })
}

export function along(table, value, low, high) {
  if (!Number.isFinite(value)) return "#888"
  const share = (value - low) / (high - low)
  return table[Math.max(0, Math.min(63, Math.round(63 * share)))]
}
