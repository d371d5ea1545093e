// This window's place in a room: joins, hears what changes, says what is done. It belongs to the window, so that
// it goes on while another page of the app is shown; a cookie that no script reads is what the server knows it by.

/** @import { Counted, Curve, Raced, Question, View } from "../types.js" */

const RETRIES_MS = [1000, 2000, 4000, 8000]
const SAID_MS = 80 // a lecturer's steps are told at most so often

/** @typedef {"joining" | "in" | "gone" | "full" | "refused_join" | "lost" | "slow" | "over"} State */
/** @typedef {{ lecturer: boolean, number: number, key?: string }} Me */

/** The room that this window is in. @type {(code: string) => RoomClient} */
export function enter(code) {
  const window_ = /** @type {any} */ (globalThis)
  if (window_.rxRoom?.code === code) return window_.rxRoom
  window_.rxRoom?.close()
  window_.rxRoom = new RoomClient(code)
  window_.rxRoom.join()
  return window_.rxRoom
}

/** Opens a new room; returns its code, or the status that says why there is none. @type {() => Promise<string | number>} */
export async function open() {
  const answer = await post("/r/open", {})
  return answer.ok ? (await answer.json()).code : answer.status
}

export class RoomClient {
  /** @param {string} code */
  constructor(code) {
    this.code = code
    /** @type {State} */
    this.state = "joining"
    /** @type {Me | null} */
    this.me = null
    /** @type {{ number: number, seed: number | null, guess: number | null }} */
    this.you = { number: 0, seed: null, guess: null }
    /** @type {View | null} */
    this.view = null
    /** @type {Question | null} */
    this.question = null
    /** @type {Counted} */
    this.count = { here: 0, answered: 0 }
    /** @type {Raced | null} */
    this.race = null
    /** @type {{ race: number, points: [number, number | null][] } | null} */
    this.curve = null
    this.following = true
    this.retries = 0
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.saying = undefined
    /** @type {Set<(what: string) => void>} */
    this.listeners = new Set()
  }

  get url() {
    return `/r/${encodeURIComponent(this.code)}`
  }

  get lecturer() {
    return this.me?.lecturer ?? false
  }

  async join() {
    try {
      const answer = await post(`${this.url}/join`, {})
      if (answer.status === 429) return this.again(() => this.join(), "slow")
      if (!answer.ok) return this.stand(answer.status === 404 ? "gone" : answer.status === 503 ? "full" : "refused_join")
      this.me = await answer.json()
    } catch {
      return this.again(() => this.join())
    }
    this.listen()
  }

  listen() {
    if (this.closed) return
    this.source = new EventSource(`${this.url}/events`)
    for (const part of /** @type {const} */ (["you", "view", "question", "count", "race"])) {
      this.source.addEventListener(part, (message) => this.hear(part, JSON.parse(message.data)))
    }
    this.source.addEventListener("curve", (message) => this.grow(JSON.parse(message.data)))
    this.source.addEventListener("over", () => this.stand("over"))
    this.source.onerror = () => this.broke()
  }

  /** @param {"you" | "view" | "question" | "count" | "race"} part @param {any} said */
  hear(part, said) {
    this.retries = 0
    this[/** @type {"you"} */ (part)] = said
    if (this.state !== "in") this.stand("in")
    this.tell(part)
  }

  /** The curve of this device's seed has more points, or is that of another race. @param {Curve} more */
  grow({ race, from, points }) {
    const before = this.curve?.race === race ? this.curve.points.slice(0, from) : []
    this.curve = { race, points: [...before, ...points] }
    this.tell("curve")
  }

  /** @param {State} state */
  stand(state) {
    this.state = state
    if (state === "gone" || state === "over" || state === "full") this.source?.close()
    this.tell("state")
  }

  // The browser connects again by itself, unless the server answered with an error: then it joins anew.
  broke() {
    if (this.state === "over" || this.closed) return
    this.stand("lost")
    if (this.source?.readyState === EventSource.CLOSED) this.again(() => this.join())
  }

  /** @param {() => void} what @param {State} state */
  again(what, state = "lost") {
    if (this.closed) return
    this.stand(state)
    const wait = RETRIES_MS[Math.min(this.retries++, RETRIES_MS.length - 1)]
    clearTimeout(this.retry)
    this.retry = setTimeout(what, wait)
  }

  /** @param {string} what */
  tell(what) {
    for (const listener of this.listeners) listener(what)
  }

  /** Posts an act; returns the answer's status, 0 where nobody answers. @param {string} act @param {object} [asked] @returns {Promise<number>} */
  async post(act, asked = {}) {
    try {
      return (await post(`${this.url}/${act}`, asked)).status
    } catch {
      return 0
    }
  }

  /** Tells the room where its lecturer is, the last of what comes at once. @param {View} view */
  show(view) {
    const text = JSON.stringify(view)
    if (text === this.shown) return
    this.next = view
    this.saying ??= setTimeout(() => {
      this.saying = undefined
      this.shown = JSON.stringify(this.next)
      this.post("stand", this.next)
    }, SAID_MS)
  }

  /** @param {boolean} following */
  follow(following) {
    this.following = following
    this.tell("following")
  }

  close() {
    this.closed = true
    clearTimeout(this.retry)
    clearTimeout(this.saying)
    this.source?.close()
  }
}

/** @type {(url: string, asked: object) => Promise<Response>} */
function post(url, asked) {
  return fetch(url, { method: "POST", body: JSON.stringify(asked), headers: { "Content-Type": "application/json" } })
}
