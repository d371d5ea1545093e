// The charts of a page without a stage, as one HTML file that needs no network, and as a table.

/** @import { PlotNode } from "../browser.js" */

import { tableOf } from "../core/table.js"

/** What a chart is called: its own title, or that of the card it stands in. @type {(plot: PlotNode, n: number) => string} */
export function nameOf(plot, n) {
  const own = plot.layout?.title?.text ?? plot.closest(".rx-chart")?.querySelector(".rx-title")?.textContent
  return own ? String(own).replace(/<[^>]*>/g, " ").trim() : String(n + 1)
}

/** Every chart as a table, one below the other. @type {(plots: PlotNode[]) => string} */
export function csvOf(plots) {
  return plots
    .map((plot, n) => {
      const { head, rows } = tableOf(plot.data ?? [], plot.layout)
      return [[nameOf(plot, n)], head, ...rows].map((row) => `${row.map(cell).join(",")}\n`).join("")
    })
    .join("\n")
}

/** @type {(text: string) => string} */
function cell(text) {
  const plain = text.replace(/−/g, "-")
  return /[",\n]/.test(plain) ? `"${plain.replace(/"/g, '""')}"` : plain
}

/** @type {(plots: PlotNode[], title: string, lang: string, source: string) => string} */
export function htmlOf(plots, title, lang, source) {
  const figures = plots.map(({ data, layout }) => ({ data, layout: { ...layout, width: undefined, autosize: true } }))
  const bare = (/** @type {string} */ _key, /** @type {unknown} */ value) => (ArrayBuffer.isView(value) ? Array.from(/** @type {any} */ (value)) : value)
  const json = JSON.stringify(figures, bare).replace(/</g, "\\u003c")
  const library = source.replace(/<(?=\/script|!--)/gi, "\\x3c")
  const said = title.replace(/&/g, "&amp;").replace(/</g, "&lt;")
  const policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
  return `<!DOCTYPE html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${said}</title>
<style>body { font-family: sans-serif; margin: 1rem auto; max-width: 1400px; padding: 0 1rem }</style>
</head>
<body>
<h1>${said}</h1>
<script>${library}</script>
<script type="application/json" id="figures">${json}</script>
<script>
Plotly.rest?.()
for (const { data, layout } of JSON.parse(document.getElementById("figures").textContent)) {
  Plotly.newPlot(document.body.appendChild(document.createElement("div")), data, layout, { responsive: true })
}
</script>
</body>
</html>
`
}
