// A guess before the figure: the choices of a card's question. The figure stays covered until one is chosen, or
// until the lecturer goes on; the choice stays. Kept in this browser: for good, in a lecture for its window.

/** @import { Guess } from "../types.js" */

import { element } from "../core/dom.js"
import { loadStyle } from "../core/load.js"
import { keep, kept } from "./kept.js"
import { offer, withdraw } from "./turns.js"

const KEPT = "rx-guesses"

/** @typedef {{ choice?: number, open?: boolean, answered?: boolean }} State */

/** What is kept of a question; of what somebody else wrote there nothing. @type {(data: Guess) => State} */
export function stateOf(data) {
  const found = kept(data.lecture ? "sessionStorage" : "localStorage", KEPT)[nameOf(data)] ?? {}
  const choice = Number.isInteger(found.choice) && found.choice >= 0 && found.choice < data.choices.length ? found.choice : undefined
  return { choice, open: choice !== undefined || found.open === true, answered: found.answered === true }
}

/** @type {(data: Guess) => string} */
function nameOf({ key, lecture }) {
  return lecture ? `${lecture} ${key}` : key
}

/** @type {(data: Guess, state: State) => void} */
function keepState(data, state) {
  const storage = data.lecture ? "sessionStorage" : "localStorage"
  keep(storage, KEPT, { ...kept(storage, KEPT), [nameOf(data)]: state })
}

/** The rules that show what is open: what the server covers stays covered without them. @type {(data: Guess, state: State) => string} */
export function rulesOf({ cover, reveal }, { open, answered }) {
  return [
    open && cover && `.stMain .stMainBlockContainer .st-key-${cover} .st-key-covered > * { visibility: visible; opacity: 1 } .stMain .stMainBlockContainer .st-key-${cover} .st-key-covered::before { display: none }`,
    answered && reveal && `.stApp .stMain .stMainBlockContainer :is(.st-key-${reveal}, .st-key-${reveal}_more) { visibility: visible; opacity: 1; display: flex }`,
  ].filter(Boolean).join("\n")
}

/** @typedef {HTMLElement & { rxTurns?: Record<string, import("./turns.js").Turn> }} Asking */

/** Draws the choices. @type {(root: Asking, data: Guess) => void} */
export function mountGuess(root, data) {
  loadStyle("course/guess.css")
  /** @type {State} */
  let state = stateOf(data)
  const become = (/** @type {State} */ next) => {
    state = { ...state, ...next }
    keepState(data, state)
    show()
  }
  const show = () => {
    sheet().textContent = rulesOf(data, state)
    root.replaceChildren(drawn())
  }
  const drawn = () => element("div", { class: "rx-guess" },
    element("div", { class: "rx-guess-choices", role: "group", "aria-label": data.strings.choices },
      ...data.choices.map((text, k) => element("button", {
        type: "button", text, "aria-pressed": String(k === state.choice), onclick: () => become({ choice: k, open: true }),
        class: `rx-guess-choice${state.answered && k === data.right ? " rx-right" : ""}`,
        title: state.answered && k === data.right ? data.strings.right : null,
      }))),
    data.reveal && state.open && !state.answered && !data.lecture
      ? element("button", { type: "button", class: "rx-guess-answer", text: data.strings.answer, onclick: () => become({ answered: true }) })
      : null)
  root.rxTurns = {
    guess: { order: 1, due: () => Boolean(data.cover) && !state.open, take: () => become({ open: true }) },
    answer: { order: 3, due: () => Boolean(data.reveal) && !state.answered, take: () => become({ open: true, answered: true }) },
  }
  for (const [name, turn] of Object.entries(root.rxTurns)) offer(name, turn)
  show()
}

/** The next question may stand there before this one is gone: its turns stay. @type {(root: Asking) => void} */
export function unmountGuess(root) {
  for (const [name, turn] of Object.entries(root.rxTurns ?? {})) withdraw(name, turn)
}

function sheet() {
  const found = document.getElementById("rx-guess-open")
  if (found) return found
  const made = element("style", { id: "rx-guess-open" })
  document.head.append(made)
  return made
}
