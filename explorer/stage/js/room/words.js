// What a room says in words.

/** @import { Strings } from "../types.js" */
/** @import { RoomClient } from "./client.js" */

import { percents } from "../core/exact.js"
import { fill, minus } from "../core/numbers.js"

/** How the seed of this device stands, in a race: `waiting` until the server has said more. @type {(room: Pick<RoomClient, "race" | "you">) => string} */
export function seedState({ race, you }) {
  return race?.states[you.seed ?? -1] ?? "waiting"
}

/** Whether a seed has an end to come. @type {(state: string) => boolean} */
export function isToCome(state) {
  return state === "waiting" || state === "running"
}

/** How the seed of this device does, in a sentence; nothing without a race. @type {(room: RoomClient, strings: Strings) => string} */
export function seedSays({ race, you }, strings) {
  if (!race) return ""
  if (you.seed === null) return race.over ? "" : strings.no_seed
  return `${fill(strings.your_seed, { seed: you.seed })} ${fill(strings[`seed_${seedState({ race, you })}`], { step: race.steps[you.seed] ?? 0 })}`
}

/** "k of n passed", how many are to come, and whether the server had no place for them. @type {(room: RoomClient, strings: Strings) => string} */
export function raceSays({ race }, strings) {
  if (!race) return ""
  const left = race.states.filter(isToCome).length
  const said = fill(strings.passed, { k: race.passed, n: race.finished })
  return [said, left ? fill(strings.still, { n: left }) : "", race.unkept ? strings.unkept : ""].filter(Boolean).join(" · ")
}

/** What the race says of all seeds, once it is over. @type {(room: RoomClient, strings: Strings) => string} */
export function intervalSays({ race }, strings) {
  if (!race?.over || !race.finished) return ""
  const [low, high] = percents(race.passed, race.finished)
  return fill(strings.interval, { low, high })
}

/** A guess or an answer in words. @type {(question: import("../types.js").Question, guess: number, lang: string) => string} */
export function answerSays(question, guess, lang) {
  return question.answers ? question.answers[guess][lang] : minus(Number(guess.toPrecision(4)).toLocaleString(lang))
}
