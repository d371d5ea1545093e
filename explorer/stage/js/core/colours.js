// The theme of the page and colours along a scale.

/** @import { Scale, Theme, ThemeName } from "../types.js" */

/** @typedef {[red: number, green: number, blue: number]} Channels 0..255 each */

/** @type {(element: Element) => ThemeName} */
export function themeOf(element) {
  const ground = getComputedStyle(element).getPropertyValue("--st-background-color").trim()
  return luminance(ground || "#ffffff") < 0.2 ? "dark" : "light"
}

/** The relative luminance of a colour, 0..1, as WCAG 2 defines it. @type {(colour: string) => number} */
export function luminance(colour) {
  const [r, g, b] = rgb(colour).map((channel) => (channel <= 10 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

/** How well one colour is read on another, 1..21, as WCAG 2 defines it. @type {(one: string, other: string) => number} */
export function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

/** Ink or ground of the theme, whichever is read more easily on a colour. @type {(colour: string, theme: Theme) => string} */
export function inkOn(colour, { hues, ground }) {
  return contrast(hues.ink, colour) > contrast(ground, colour) ? hues.ink : ground
}

/** @type {(colour: string) => Channels} */
export function rgb(colour) {
  if (colour.startsWith("#")) {
    const hex = colour.length === 4 ? [...colour.slice(1)].map((c) => c + c).join("") : colour.slice(1)
    return /** @type {Channels} */ ([0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16)))
  }
  return /** @type {Channels} */ ((colour.match(/[\d.]+/g) ?? ["255", "255", "255"]).slice(0, 3).map(Number))
}

/** A table of 64 colours of a Plotly scale: looking one up costs nothing. @type {(scale: Scale) => string[]} */
export function ramp(scale) {
  const stops = scale.map(([at, colour]) => ({ at, channels: rgb(colour) }))
  return Array.from({ length: 64 }, (_, k) => {
    const at = k / 63
    const upper = Math.max(1, stops.findIndex((stop) => stop.at >= at))
    const [low, high] = [stops[upper - 1], stops[upper]]
    const share = (at - low.at) / (high.at - low.at)
    const mixed = low.channels.map((channel, c) => Math.round(channel + share * (high.channels[c] - channel)))
    return `rgb(${mixed.join(",")})`
  })
}

/** A value's colour between low and high; grey where it is not finite. @type {(table: string[], value: number, low: number, high: number) => string} */
export function along(table, value, low, high) {
  if (!Number.isFinite(value)) return "#888"
  const share = (value - low) / (high - low)
  return table[Math.max(0, Math.min(63, Math.round(63 * share)))]
}
