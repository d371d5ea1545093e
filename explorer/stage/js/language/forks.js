// How each said token came there, and what to ask for to have it otherwise. Tokens of the text count from 0,
// said ones from 1, as the address has them.

/** @import { GeneratePayload } from "../types.js" */

/** Whether the reader chose a token. @type {(payload: Pick<GeneratePayload, "prompt" | "forced">, token: number) => boolean} */
export function isForced({ prompt, forced }, token) {
  return token >= prompt && token - prompt + 1 in forced
}

/**
 * How the token after a step came there: typed, drawn, chosen; or why there is none.
 * @type {(payload: GeneratePayload, step: number) => "nothing" | "given" | "ended" | "over" | "forced" | "drawn"}
 */
export function stateOf(payload, step) {
  const next = payload.firstStep + step
  if (!payload.ahead[step]) return "nothing"
  if (next < payload.prompt) return "given"
  if (next === payload.text.length) return payload.ended ? "ended" : "over"
  return isForced(payload, next) ? "forced" : "drawn"
}

/** The choices with another one at a said token, or none there: those before it stay, those after it are dropped. @type {(forced: Record<string, number>, number: number, id?: number | null) => string} */
export function forkedAt(forced, number, id = null) {
  const kept = Object.entries(forced).filter(([step]) => Number(step) < number)
  return [...kept, ...(id === null ? [] : [[number, id]])].map(([step, token]) => `${step}:${token}`).join(";")
}

/** The first step of the window in which a step of a long text stands. @type {(step: number, window: number) => number} */
export function windowOf(step, window) {
  return window * Math.floor((step - 1) / window) + 1
}
