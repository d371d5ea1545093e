// The stage as a widget of a notebook. MODULES, STYLES, GROUNDS and SCOPE stand before this text: see notebook.py.

let stage

// Each module as a blob, after those that it imports: a blob has no folder for a relative name to mean.
function load() {
  const urls = {}
  const imported = new RegExp(`(["'])${SCOPE}([\\w/.-]+\\.js)\\1`, "g")
  for (const [name, text] of MODULES) {
    const bound = text.replace(imported, (all, quote, other) => (urls[other] ? quote + urls[other] + quote : all))
    urls[name] = URL.createObjectURL(new Blob([bound], { type: "text/javascript" }))
  }
  return import(urls["stage.js"])
}

// Plotly.js comes from the kernel, once for each page, packed.
function plotly(model) {
  globalThis.rxPlotly ??= globalThis.Plotly ? Promise.resolve() : new Promise((resolve) => {
    const take = async (said, buffers) => {
      if (said !== "plotly") return
      model.off("msg:custom", take)
      const stream = new Blob([buffers[0]]).stream().pipeThrough(new DecompressionStream("gzip"))
      const script = document.createElement("script")
      script.textContent = await new Response(stream).text()
      document.head.append(script)
      resolve()
    }
    model.on("msg:custom", take)
    model.send("plotly")
  })
  return globalThis.rxPlotly
}

// JupyterLab and Notebook 7; VS Code; Colab.
function isDark() {
  const { jpThemeLight, vscodeThemeKind = "" } = document.body.dataset
  return jpThemeLight === "false" || vscodeThemeKind.includes("dark") || document.documentElement.getAttribute("theme") === "dark"
}

function dress(el) {
  for (const [id, text] of Object.entries(STYLES)) {
    if (document.getElementById(id)) continue
    const style = document.createElement("style")
    Object.assign(style, { id, textContent: text })
    document.head.append(style)
  }
  const dark = isDark()
  const ground = GROUNDS[dark ? "dark" : "light"]
  el.style.cssText = `--st-background-color: ${ground}; --st-font: "rx-bar", sans-serif; font-family: var(--st-font); background: ${ground}; color: ${dark ? "#e8edf3" : "#262f3d"}; padding: 8px; min-height: 560px`
}

// What is held in the layer, as text: f=1 unit=3 from=2 to=8. The kernel takes it, or its note says why not.
function holding(model) {
  const label = document.createElement("label")
  label.style.cssText = "margin-left: 12px; font-size: 13px"
  label.textContent = `${model.get("hold")} `
  const text = document.createElement("input")
  Object.assign(text, { value: model.get("clamp"), placeholder: model.get("example"), size: 32, spellcheck: false })
  text.onchange = () => model.send({ clamp: text.value })
  text.onkeydown = (event) => {
    event.stopPropagation() // a notebook has keys of its own
    if (event.key === "Enter") text.onchange()
  }
  model.on("change:clamp", () => (text.value = model.get("clamp")))
  label.append(text)
  return label
}

async function render({ model, el }) {
  dress(el)
  const root = document.createElement("div")
  const names = model.get("names")
  if (names.length > 1) {
    const which = document.createElement("select")
    for (const name of names) which.append(new Option(name))
    which.selectedIndex = model.get("layer")
    which.onchange = () => {
      model.set("layer", which.selectedIndex)
      model.save_changes()
    }
    model.on("change:layer", () => (which.selectedIndex = model.get("layer")))
    el.append(which)
  }
  if (model.get("example")) el.append(holding(model))
  const note = document.createElement("p")
  note.style.cssText = "margin: 6px 0; font-size: 13px"
  const tell = () => {
    note.textContent = model.get("note")
    note.hidden = !note.textContent
  }
  tell()
  model.on("change:note", tell)
  el.append(root, note)
  await plotly(model)
  stage ??= load()
  const { mount, unmount } = await stage
  let wish = 0
  const rest = ({ step, unit }) => {
    if (step === model.get("step") && unit === model.get("unit")) return
    model.set({ step, unit })
    model.save_changes()
  }
  let drawn
  let turn = Promise.resolve() // one after the other
  const mounted = () => {
    drawn = model.get("payload")
    const { buffer, byteOffset, byteLength } = drawn
    return mount(root, new Uint8Array(buffer, byteOffset, byteLength), { step: model.get("step"), unit: model.get("unit"), wish }, rest)
  }
  const draw = () => (turn = turn.then(mounted, mounted))
  const lead = () => {
    const { step, unit, payload } = root.rxStage ?? {}
    if (step + payload?.firstStep === model.get("step") && unit + 1 === model.get("unit")) return
    wish += 1
    draw()
  }
  await draw()
  model.on("change:payload", draw)
  model.on("change:step", lead)
  model.on("change:unit", lead)
  if (drawn !== model.get("payload")) await draw() // what was set from Python meanwhile
  lead()
  const theme = new MutationObserver(() => {
    dress(el)
    draw()
  })
  theme.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] })
  theme.observe(document.documentElement, { attributeFilter: ["theme"] })
  return () => {
    theme.disconnect()
    unmount(root)
  }
}

export default { render }
