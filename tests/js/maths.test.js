// Maths in a line of text: what stands in a template is typeset, what is filled in stays text.

import assert from "node:assert/strict"
import { test } from "node:test"

// An element is told of what it gets later: its parent reads it when the whole is read.
class Late {
  constructor(tag = "") {
    Object.assign(this, { tag, parts: [] })
  }

  append(...parts) {
    this.parts.push(...parts)
  }

  toString() {
    const inner = this.parts.map((part) => (part instanceof Late ? String(part) : part.replaceAll("<", "&lt;"))).join("")
    return this.tag ? `<${this.tag}>${inner}</${this.tag}>` : inner
  }
}

globalThis.document = { createElement: (tag) => new Late(tag), createDocumentFragment: () => new Late() }
const { plain, typeset } = await import("../../explorer/stage/js/core/maths.js")

test("italics, indices and powers become elements", () => {
  const norm = "‖d<i>L</i><sub>t</sub>/d<i>h</i><sub>k</sub>‖ = {value}"
  assert.equal(String(typeset(norm, { value: 3 })), "‖d<i>L</i><sub>t</sub>/d<i>h</i><sub>k</sub>‖ = 3")
  assert.equal(String(typeset("10<sup>−<i>n</i></sup>")), "10<sup>−<i>n</i></sup>")
  assert.equal(plain(norm), "‖dLt/dhk‖ = {value}")
})

test("what is filled in and every other tag stay text", () => {
  assert.equal(String(typeset("<i>{s}</i>: {token}", { s: "h", token: "<i>x</i><img src=x>" })), "<i>h</i>: &lt;i>x&lt;/i>&lt;img src=x>")
  assert.equal(String(typeset("<b>bold</b> <img src=x>")), "&lt;b>bold&lt;/b> &lt;img src=x>")
  assert.equal(String(typeset("</i>a</sub>")), "a")
  assert.equal(String(typeset(undefined)), "")
})
