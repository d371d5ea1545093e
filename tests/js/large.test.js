// What is said of a file that a page does not take.

import assert from "node:assert/strict"
import { test } from "node:test"

import { refusalOf, sentenceOf } from "../../explorer/stage/js/away/large.js"

test("a file that is too large is said with its megabytes, rounded up", () => {
  const said = "The file has {size} MB. Up to 16 MB are taken."
  assert.equal(sentenceOf(20e6, { limit: 16e6, said }), "The file has 20 MB. Up to 16 MB are taken.")
  assert.equal(sentenceOf(17_090_379, { limit: 16e6, said }), "The file has 17.1 MB. Up to 16 MB are taken.")
})

test("what the server refused is said by its reason, what Streamlit says of sizes is left to it", () => {
  const data = { refused: { 507: "disk", 429: "fast", lost: "lost" } }
  const told = (status) => refusalOf(`Error: AxiosError: Request failed with status code ${status}`, data)
  assert.deepEqual([507, 429, 403, 500].map(told), ["disk", "fast", "lost", "lost"])
  assert.equal(refusalOf("Error: AxiosError: Network Error", data), "lost")
  assert.equal(refusalOf("File must be 1.0MB or smaller.", data), "")
})
