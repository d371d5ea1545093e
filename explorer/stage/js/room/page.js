// The room's page. Without a room: open one, or join one by its code. The lecturer's: code, picture, own
// questions, the class's race. A student's: what is awaited.

/** @import { RoomData } from "../types.js" */

import { element } from "../core/dom.js"
import { loadStyle } from "../core/load.js"
import { fill } from "../core/numbers.js"
import { enter, open } from "./client.js"
import { Wall } from "./wall.js"
import { intervalSays, raceSays, seedSays } from "./words.js"

const MOST_ANSWERS = 5
const TROUBLE = /** @type {Record<number, string>} */ ({ 0: "lost", 429: "slow", 503: "rooms_full" })

/** @typedef {{ enter: (code: string) => void }} Api */

/** @type {(root: HTMLElement & { rxRoomPage?: RoomPage }, data: RoomData, api: Api) => void} */
export function mountRoom(root, data, api) {
  loadStyle("room/room.css")
  const old = root.rxRoomPage
  if (old && old.data.code === data.code && old.data.lang === data.lang) {
    old.api = api
    return
  }
  old?.close()
  root.rxRoomPage = new RoomPage(root, data, api)
}

/** @type {(root: HTMLElement & { rxRoomPage?: RoomPage }) => void} */
export function unmountRoom(root) {
  root.rxRoomPage?.close()
  delete root.rxRoomPage
}

class RoomPage {
  /** @param {HTMLElement} root @param {RoomData} data @param {Api} api */
  constructor(root, data, api) {
    this.root = root
    this.data = data
    this.api = api
    this.node = element("section", { class: "rx-room", "aria-label": data.strings.title })
    root.replaceChildren(this.node)
    if (!data.code) {
      this.node.append(...this.door())
      return
    }
    this.room = enter(data.code)
    this.listen = (/** @type {string} */ what) => this.hear(what)
    this.room.listeners.add(this.listen)
    this.draw()
  }

  /** @param {string} text @param {() => void} onclick @param {boolean} [strong] */
  button(text, onclick, strong = false) {
    return element("button", { class: `rx-room-button${strong ? " rx-strong" : ""}`, type: "button", text, onclick })
  }

  /** @param {string} label @param {HTMLElement} input */
  field(label, input) {
    return element("label", { class: "rx-room-field" }, element("span", { text: label }), input)
  }

  // --- before a room

  door() {
    const { strings } = this.data
    const said = element("p", { class: "rx-room-trouble", role: "alert" })
    const code = element("input", { class: "rx-room-code", maxlength: 8, autocomplete: "off", autocapitalize: "characters", spellcheck: "false", enterkeyhint: "go", "aria-label": strings.code })
    const join = element("form", {
      class: "rx-room-card", onsubmit: (event) => {
        event.preventDefault()
        const typed = code.value.trim().toUpperCase()
        if (typed) this.api.enter(typed)
      },
    }, element("h2", { text: strings.join }), element("p", { text: strings.join_how }), this.field(strings.code, code),
    element("button", { class: "rx-room-button rx-strong", type: "submit", text: strings.join }))
    const begin = element("div", { class: "rx-room-card" }, element("h2", { text: strings.open }), element("p", { text: strings.open_how }),
      this.button(strings.open, async () => {
        const found = await open().catch(() => 0)
        if (typeof found === "string") this.api.enter(found)
        else said.textContent = strings[TROUBLE[found] ?? "lost"]
      }, true))
    return [element("p", { text: strings.lead }), element("div", { class: "rx-room-door" }, join, begin), said]
  }

  // --- in a room

  /** @param {string} what */
  hear(what) {
    const role = this.room.state === "in" ? this.room.lecturer : null
    if (what === "state" && role !== this.role) this.draw()
    else this.update(what)
  }

  draw() {
    const { room } = this
    const { strings } = this.data
    this.role = room.state === "in" ? room.lecturer : null
    this.wall?.close()
    this.wall = undefined
    if (room.state !== "in") this.node.replaceChildren(element("p", { class: "rx-room-large", role: "status", text: strings[room.state] ?? "" }), ...(["gone", "over"].includes(room.state) ? this.door() : []))
    else if (room.lecturer) this.node.replaceChildren(this.reach(), this.own(), this.experiment())
    else this.node.replaceChildren(element("p", { class: "rx-room-large", text: strings.waiting }), this.mine())
    this.update("all")
  }

  /** @param {string} what */
  update(what) {
    const { room } = this
    const { strings } = this.data
    if (room.state !== "in") return
    if (!room.lecturer) {
      const says = [seedSays(room, strings), raceSays(room, strings), intervalSays(room, strings)]
      this.said.forEach((line, k) => {
        line.textContent = says[k]
        line.hidden = !says[k]
      })
      return
    }
    this.here.textContent = fill(strings.here, { n: room.count.here })
    if (what === "race" || what === "all") this.raced()
    else this.begin.textContent = fill(strings.start, { n: Math.max(1, room.count.here) })
  }

  // A student's own seed, all of them, what they say together: a line each
  mine() {
    this.said = Array.from({ length: 3 }, () => element("p", { class: "rx-room-large", hidden: "" }))
    return element("div", { role: "status" }, ...this.said)
  }

  // Code, address, picture
  reach() {
    const { room } = this
    const { strings } = this.data
    this.here = element("p", { class: "rx-room-here", role: "status" })
    const said = element("div", { class: "rx-room-reach" })
    this.address(said)
    const link = element("input", { class: "rx-room-link", readonly: "", "aria-label": strings.own_link, value: `${location.origin}/r/${room.code}/teach#key=${room.me.key}`, onfocus: (event) => event.target.select() })
    const own = element("details", {}, element("summary", { text: strings.own_link }), element("p", { text: strings.own_link_how }), link)
    return element("div", { class: "rx-room-top" }, element("div", {}, element("p", { class: "rx-room-large-code", text: room.code }), this.here, element("p", { text: strings.lecturer_view }), this.ending(), own), said)
  }

  /** @param {HTMLElement} said */
  async address(said) {
    const { strings } = this.data
    const answer = await fetch(`${this.room.url}/address`).catch(() => null)
    if (!answer?.ok) return
    const { address, qr } = await answer.json()
    if (!address) said.replaceChildren(element("p", { class: "rx-room-trouble", text: strings.unreachable }))
    else said.replaceChildren(element("img", { class: "rx-room-qr", src: qr, alt: address }), element("p", { class: "rx-room-address", text: address.replace(/^https?:\/\//, "") }))
  }

  ending() {
    const { strings } = this.data
    const end = this.button(strings.end, () => {
      if (end.textContent === strings.end) end.textContent = strings.end_sure
      else this.room.post("end")
    })
    return end
  }

  // A question of one's own
  own() {
    const { strings, numbers } = this.data
    const said = element("p", { class: "rx-room-trouble", role: "alert" })
    const text = element("textarea", { class: "rx-room-text", rows: 2, maxlength: 300, "aria-label": strings.question })
    const answers = Array.from({ length: MOST_ANSWERS }, (_, k) => element("input", { class: "rx-room-text", maxlength: 80, "aria-label": fill(strings.answer, { n: k + 1 }), placeholder: fill(strings.answer, { n: k + 1 }) }))
    const right = element("select", { class: "rx-room-text" }, element("option", { value: "", text: strings.right_unknown }), ...answers.map((_, k) => element("option", { value: k, text: fill(strings.answer, { n: k + 1 }) })))
    const [low, high, truth] = [0, 1, 2].map(() => element("input", { class: "rx-room-text", type: "number", step: "any" }))
    const about = element("select", { class: "rx-room-text" }, ...numbers.map((name) => element("option", { value: name, text: strings[`about_${name}`] })))
    const kinds = [
      { name: strings.choices, node: element("div", { class: "rx-room-grid" }, ...answers, this.field(strings.right, right)), asked: () => chosen(answers.map((input) => input.value), right.value), trouble: strings.refused },
      { name: strings.number, node: element("div", { class: "rx-room-grid" }, this.field(strings.low, low), this.field(strings.high, high), this.field(strings.truth, truth)), asked: () => numbered(low.value, high.value, truth.value), trouble: strings.refused_number },
      { name: strings.measured, node: element("div", {}, this.field(strings.measured_how, about)), asked: () => ({ about: about.value }), trouble: strings.refused_about },
    ]
    let kind = kinds[0]
    const tabs = kinds.map((one) => element("button", { class: "rx-room-tab", type: "button", text: one.name, "aria-pressed": String(one === kind), onclick: () => turn(one) }))
    const place = element("div", {}, kind.node)
    const turn = (/** @type {typeof kind} */ one) => {
      kind = one
      place.replaceChildren(one.node)
      typed.hidden = one === kinds[2]
      tabs.forEach((tab, k) => tab.setAttribute("aria-pressed", String(kinds[k] === one)))
    }
    const typed = this.field(strings.question, text)
    const put = async () => {
      const status = await this.room.post("ask", { text: text.value, ...kind.asked() })
      said.textContent = status === 200 ? "" : status === 400 ? kind.trouble : strings[TROUBLE[status] ?? "lost"]
    }
    return element("details", { class: "rx-room-card" }, element("summary", { text: strings.ask_own }), typed,
      element("div", { class: "rx-room-tabs", role: "group" }, ...tabs), place, this.button(strings.put, put, true), said)
  }

  // The class is the experiment
  experiment() {
    const { strings, offers } = this.data
    this.wall = new Wall(this.room, "race")
    const offer = element("select", { class: "rx-room-text" }, ...offers.map((one) => element("option", { value: one.key, text: one.label })))
    this.begin = this.button("", async () => {
      if ((await this.room.post("race", { offer: offer.value })) === 200) card.scrollIntoView({ block: "start" })
    }, true)
    this.halt = this.button(strings.stop, () => this.room.post("stop"))
    this.choice = element("div", { class: "rx-room-row" }, this.field(strings.offer, offer), this.begin)
    this.result = element("p", { class: "rx-room-large", role: "status" })
    this.span = element("p", { class: "rx-room-interval" })
    this.keep = element("a", { class: "rx-room-button", href: `${this.room.url}/result.json`, download: "class.json", text: strings.result })
    this.again = element("code", { class: "rx-room-command" })
    this.after = element("div", { class: "rx-room-row" }, this.keep, this.halt)
    this.command = element("p", { class: "rx-room-small" }, element("span", { text: `${strings.command} ` }), this.again)
    const card = element("div", { class: "rx-room-card" }, element("h2", { text: strings.experiment }), element("p", { text: strings.experiment_how }), this.choice, this.result, this.span, this.wall.node, this.after, this.command)
    return card
  }

  raced() {
    const { room } = this
    const { race } = room
    const { strings, offers } = this.data
    const on = race !== null && !race.over
    this.begin.textContent = fill(strings.start, { n: Math.max(1, room.count.here) })
    this.begin.disabled = on
    this.halt.hidden = !on
    this.after.hidden = this.command.hidden = this.wall.node.hidden = !race
    this.keep.hidden = on
    this.result.textContent = raceSays(room, strings)
    this.span.textContent = intervalSays(room, strings)
    if (!race) return
    this.again.textContent = fill(offers.find(({ key }) => key === race.offer)?.command ?? "", { n: race.states.length })
    this.wall.draw(this.data)
  }

  close() {
    if (this.room) this.room.listeners.delete(this.listen)
    this.wall?.close()
  }
}

/** @type {(answers: string[], right: string) => object} */
function chosen(answers, right) {
  const given = answers.map((answer) => answer.trim())
  const kept = given.filter(Boolean)
  const at = right === "" || !given[Number(right)] ? null : given.slice(0, Number(right)).filter(Boolean).length
  return { answers: kept, right: at }
}

/** @type {(low: string, high: string, truth: string) => object} */
function numbered(low, high, truth) {
  return { low: low === "" ? null : Number(low), high: high === "" ? null : Number(high), right: truth === "" ? null : Number(truth) }
}
