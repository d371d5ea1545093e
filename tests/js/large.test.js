// What is said of a file that a page does not take.

import assert from "node:assert/strict"
import { test } from "node:test"

import { sentenceOf } from "../../explorer/stage/js/away/large.js"

test("a file that is too large is said with its megabytes, rounded up", () => {
  const said = "The file has {size} MB. Up to 16 MB are taken."
  assert.equal(sentenceOf(20e6, { limit: 16e6, said }), "The file has 20 MB. Up to 16 MB are taken.")
  assert.equal(sentenceOf(17_090_379, { limit: 16e6, said }), "The file has 17.1 MB. Up to 16 MB are taken.")
})
