// Prints by cell and symbol how far what the browser computes from the equations is from the trace: payloads in, JSON out.

import { readFileSync } from "node:fs"

import { decode } from "../../explorer/stage/js/core/payload.js"
import { Evaluator } from "../../explorer/stage/js/step/expression.js"
import { shares } from "../../explorer/stage/js/step/sources.js"

function gap(run, symbol, expression) {
  const evaluator = new Evaluator(run)
  let most = 0
  for (let t = 0; t < run.steps; t++) {
    for (let j = 0; j < run.units; j++) {
      const value = evaluator.value(symbol, j, t)
      const computed = [evaluator.value(expression, j, t)]
      if (symbol.startsWith("pre_")) computed.push(evaluator.contributions(expression, j, t).reduce((sum, part) => sum + part.value, 0))
      const given = symbol === run.valve.data.at(-1).meta.signal ? shares(run, evaluator, symbol, j, t) : null
      if (given) computed.push(given.written.reduce((sum, part) => sum + part, given.start))
      for (const one of computed) most = Math.max(most, Math.abs(one - value) / Math.max(1, Math.abs(value)))
    }
  }
  return most
}

const found = process.argv.slice(2).map((path) => {
  const { runs } = decode(new Uint8Array(readFileSync(path)))
  return runs.map((run) => Object.fromEntries(run.equations.map(([symbol, expression]) => [symbol, gap(run, symbol, expression)])))
})
console.log(JSON.stringify(found))
