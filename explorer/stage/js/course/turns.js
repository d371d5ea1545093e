// What the next key of a lecture does before it turns to the next view: each part of the page offers its turn.

/** @typedef {{ order: number, due: () => boolean, take: () => void }} Turn */

/** @type {Map<string, Turn>} */
const turns = new Map()

/** Offers a part's turn, in the place of the one it offered before. @type {(name: string, turn: Turn) => void} */
export function offer(name, turn) {
  turns.set(name, turn)
}

/** Takes a part's turn back, unless another has taken its place. @type {(name: string, turn: Turn | undefined) => void} */
export function withdraw(name, turn) {
  if (turns.get(name) === turn) turns.delete(name)
}

/** @type {(name: string) => boolean} */
export function offered(name) {
  return turns.has(name)
}

/** Takes the first turn that is due and says whether there was one. @type {() => boolean} */
export function takeTurn() {
  const [turn] = [...turns.values()].filter(({ due }) => due()).sort((a, b) => a.order - b.order)
  turn?.take()
  return turn !== undefined
}
