// Prints the bounds of each count of a list [hits, trials], as numbers and as they are said: JSON in, JSON out.

import { interval, percents } from "../../explorer/stage/js/core/exact.js"

const counts = JSON.parse(process.argv[2])
console.log(JSON.stringify(counts.map(([hits, trials]) => [interval(hits, trials), percents(hits, trials)])))
