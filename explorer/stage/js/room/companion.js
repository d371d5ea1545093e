// The companion of every page while its window is in a room: a thin bar below, the question above it. For a
// student it follows the lecturer's view; for the lecturer it tells the room where the stage stands.
// api.go(view, id): the page takes up a view; api.following(on): it is told whether it follows; api.out(): it
// leaves the room.

/** @import { CompanionData, View } from "../types.js" */
/** @import { RoomClient } from "./client.js" */

import { element } from "../core/dom.js"
import { loadStyle } from "../core/load.js"
import { fill } from "../core/numbers.js"
import { enter } from "./client.js"
import { SeedCurve } from "./curve.js"
import { experimentOf, placeIn, wayTo } from "./follow.js"
import { Sheet } from "./sheet.js"
import { seedSays } from "./words.js"

const AGAIN_MS = 2000

/** @typedef {{ go: (view: View, id: number) => void, following: (on: boolean) => void, out: () => void }} Api */

/** @type {(root: HTMLElement & { rxCompanion?: Companion }, data: CompanionData, api: Api) => void} */
export function mountCompanion(root, data, api) {
  loadStyle("room/room.css")
  if (root.rxCompanion && root.rxCompanion.room.code !== data.code) unmountCompanion(root)
  root.rxCompanion ??= new Companion(root, enter(data.code), data)
  root.rxCompanion.take(data, api)
}

/** @type {(root: HTMLElement & { rxCompanion?: Companion }) => void} */
export function unmountCompanion(root) {
  root.rxCompanion?.close()
  delete root.rxCompanion
}

export class Companion {
  /** @param {HTMLElement} root @param {RoomClient} room @param {CompanionData} data */
  constructor(root, room, data) {
    this.root = root
    this.room = room
    this.data = data
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.leaving = undefined
    this.asked = 0 // the view that was asked of the page last
    /** @type {{ from: string, as: string } | null} */
    this.arrived = null
    this.sheet = new Sheet(room, data)
    this.bar = element("div", { class: "rx-room-bar", role: "region" })
    this.cards = element("style")
    this.curve = new SeedCurve(room, data)
    root.replaceChildren(this.sheet.node, this.bar, this.cards)
    this.listen = (/** @type {string} */ what) => this.hear(what)
    room.listeners.add(this.listen)
    this.onplace = (/** @type {any} */ event) => this.stood(event.detail)
    addEventListener("rx-place", this.onplace)
  }

  /** What the page says of itself after each run. @param {CompanionData} data @param {Api} api */
  take(data, api) {
    const before = this.data
    this.data = data
    this.api = api
    this.sheet.take(data)
    this.curve.take(data)
    const { room } = this
    if (room.lecturer) this.tellView(data.view)
    else if (data.went === this.asked && before.went !== data.went && room.view) {
      this.arrived = { from: this.wanted, as: experimentOf(data.view) }
      this.following()
    } else if (data.went === this.asked && room.following && experimentOf(before.view) !== experimentOf(data.view) && room.view && wayTo(data.view, room.view, this.arrived) === "go") {
      this.follow(false) // the reader has chosen something else
    }
    this.draw()
  }

  /** @param {string} what */
  hear(what) {
    if (what === "state" && this.room.state === "in" && this.room.lecturer) this.tellView(this.data.view)
    if (what === "view" || what === "following") this.following()
    if (what === "view") this.curve.pass()
    if (what === "curve" || what === "race" || what === "state") this.curve.draw()
    if (what !== "view" && what !== "curve") this.draw()
    if (what === "question" || what === "count" || what === "you" || what === "state") this.sheet.draw()
  }

  // --- the lecturer's view

  /** @param {View} view */
  tellView(view) {
    if (view.page === "room") return
    const query = { ...view.query }
    if (this.place && this.place.of === experimentOf(view)) Object.assign(query, this.place.at)
    this.room.show({ page: view.page, query })
  }

  /** The stage stands somewhere. @param {{ step: number, unit: number }} place */
  stood({ step, unit }) {
    if (!this.room.lecturer) return
    this.place = { of: experimentOf(this.data.view), at: { step: String(step), unit: String(unit) } }
    this.tellView(this.data.view)
  }

  // --- the students'

  following() {
    const { room, data } = this
    if (room.lecturer || !room.following || !room.view) return
    const way = wayTo(data.view, room.view, this.arrived)
    if (way === "stand") {
      dispatchEvent(new CustomEvent("rx-stand", { detail: placeIn(room.view) }))
      this.turn(room.view.query.card ?? "")
    } else if (way === "go") this.go(room.view)
  }

  /** Shows a card of those that the page holds ready. @param {string} card */
  turn(card) {
    const read = `.st-key-read_${CSS.escape(card)}`
    this.cards.textContent = card ? `.st-key-read ${read} { display: flex !important; }` : ""
  }

  /** @param {boolean} on */
  follow(on) {
    this.room.follow(on)
    this.api?.following(on)
  }

  /** @param {View} view */
  go(view) {
    const wanted = experimentOf(view)
    if (wanted === this.wanted && this.asked !== this.data.went) return // it is on its way
    this.wanted = wanted
    this.asked = Math.max(this.asked, this.data.went) + 1
    this.api?.go(view, this.asked)
  }

  /** Leaves a room that is none any more: whoever types its code again asks for it anew. */
  leave() {
    this.room.close()
    delete (/** @type {any} */ (globalThis)).rxRoom
    this.api?.out()
    this.leaving = setInterval(() => this.api?.out(), AGAIN_MS) // a server that was just started does not hear the first
    this.draw()
  }

  // --- words

  draw() {
    const { room, data } = this
    const { strings } = data
    this.bar.setAttribute("aria-label", fill(strings.bar, { code: room.code }))
    const name = element("a", { class: "rx-room-name", href: data.room, text: fill(strings.bar, { code: room.code }) })
    const said = element("span", { class: "rx-room-said", role: "status", text: this.says() })
    this.bar.replaceChildren(this.curve.node, name, said, ...this.buttons())
    this.bar.dataset.state = room.state
    this.bar.dataset.role = room.lecturer ? "lecturer" : "student"
    this.bar.hidden = this.leaving !== undefined || room.lecturer && data.view.page === "room" && !room.question
    this.bar.dataset.following = String(room.following)
    this.dress(true, room.following && !room.lecturer)
  }

  /** Says to the page's style where it is: a question to the whole tree at every change (`:has`) slows every chart. @param {boolean} here @param {boolean} follows */
  dress(here, follows) {
    const { classList } = document.documentElement
    classList.toggle("rx-in-room", here)
    classList.toggle("rx-follows", follows)
  }

  says() {
    const { room } = this
    const { strings } = this.data
    if (room.state !== "in") return strings[room.state]
    if (room.lecturer) return fill(strings.here, { n: room.count.here })
    return [room.following ? strings.following : "", seedSays(room, strings)].filter(Boolean).join(" · ")
  }

  buttons() {
    const { room } = this
    const { strings, questions } = this.data
    const button = (/** @type {string} */ text, /** @type {() => void} */ onclick, strong = false) =>
      element("button", { class: `rx-room-button${strong ? " rx-strong" : ""}`, type: "button", text, onclick })
    if (["gone", "over", "full", "refused_join"].includes(room.state)) return [button(strings.close, () => this.leave())]
    if (room.state !== "in") return []
    if (room.lecturer) {
      if (room.question) return [button(strings.question, () => this.sheet.open(true), true)]
      return questions.map((question) => button(strings.ask, () => room.post("ask", question)))
    }
    if (room.following) return [button(strings.leave, () => this.follow(false))]
    return [button(strings.follow, () => this.follow(true), true)]
  }

  close() {
    clearInterval(this.leaving)
    this.room.listeners.delete(this.listen)
    removeEventListener("rx-place", this.onplace)
    this.sheet.close()
    this.curve.close()
    this.dress(false, false)
  }
}
