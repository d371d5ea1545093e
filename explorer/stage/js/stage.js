// The stage: owns the charts of a page and steps through them without the server.
// show(element, {payload, step, unit, wish, show}, onRest, onAct) draws what lies at an address, mount what is there;
// onRest({step, unit}) reports where the user rests, onAct({field: "value"}) what they chose on the stage that
// the page has to compute anew. A kind of stage is loaded when it is first drawn.

/** @import { OnAct, OnRest, Root } from "./browser.js" */
/** @import { AnyPayload, Asked, Standing } from "./types.js" */
/** @import { Stage } from "./core/base.js" */

import { themeOf } from "./core/colours.js"
import { decode } from "./core/payload.js"
import { alike } from "./core/show.js"

/** @typedef {new (...given: ConstructorParameters<typeof Stage<any>>) => Stage<any>} Kind */

/** @type {Record<AnyPayload["kind"], () => Promise<Kind>>} */
const KINDS = {
  walk: async () => (await import("./step/walk.js")).WalkStage,
  flow: async () => (await import("./gradients/flow.js")).FlowStage,
  pairs: async () => (await import("./language/pairs.js")).PairsStage,
  generate: async () => (await import("./language/generate.js")).GenerateStage,
  predict: async () => (await import("./language/predict.js")).PredictStage,
  memory: async () => (await import("./language/memory.js")).MemoryStage,
  units: async () => (await import("./language/units/stage.js")).UnitsStage,
  deep: async () => (await import("./architectures/deep.js")).DeepStage,
  space: async () => (await import("./dynamics/space.js")).SpaceStage,
  charts: async () => (await import("./architectures/charts.js")).ChartsStage,
  race: async () => (await import("./train/told.js")).RaceStage,
}

/** Draws what lies at an address; of what is asked while one is drawn, the last alone is drawn next. @type {(root: Root, asked: Asked, onRest: OnRest?, onAct?: OnAct?) => Promise<unknown>} */
export function show(root, asked, onRest, onAct) {
  root.rxAsked = asked
  const draw = async () => {
    if (root.rxAsked !== asked) return
    const old = root.rxStage
    if (old?.address === asked.payload && old.themeName === themeOf(root) && alike(old.shows, asked.show)) return stay(old, asked, onRest, onAct)
    const answer = await fetch(asked.payload)
    if (!answer.ok) throw new Error(`no payload at ${asked.payload}`)
    const bytes = new Uint8Array(await answer.arrayBuffer())
    if (root.rxAsked !== asked) return
    const stage = await mount(root, bytes, asked, onRest, onAct)
    stage.address = asked.payload
  }
  root.rxTurn = (root.rxTurn ?? Promise.resolve()).then(draw, draw)
  return root.rxTurn
}

/** The stage that stands there shows the payload already. @type {(old: Stage, place: Standing, onRest: OnRest?, onAct?: OnAct?) => Stage} */
function stay(old, place, onRest, onAct) {
  Object.assign(old, { onRest, onAct })
  if (old.wish !== place.wish) {
    old.stand(place)
    old.told = `${place.step} ${place.unit}`
  }
  return old
}

/** Draws a payload, into the stage that stands there where it fits. @type {(root: Root, bytes: Uint8Array, place: Standing, onRest: OnRest?, onAct?: OnAct?) => Promise<Stage>} */
export async function mount(root, bytes, place, onRest, onAct) {
  const theme = themeOf(root)
  const old = root.rxStage
  const payload = decode(bytes)
  const same = old?.themeName === theme && alike(old.shows, place.show)
  if (same && old.payload.id === payload.id) return stay(old, place, onRest, onAct)
  if (same && old.payload.kind === payload.kind && (await old.take(payload))) {
    Object.assign(old, { onRest, onAct })
    if (old.wish === place.wish) old.update()
    else old.stand(place)
    return old
  }
  const stage = new (await KINDS[payload.kind]())(root, payload, theme, onRest, onAct)
  stage.shows = place.show
  const keep = old && old.payload.kind === payload.kind && old.wish === place.wish && old.payload.firstStep === payload.firstStep
  old?.close()
  root.rxStage = stage
  stage.wish = place.wish
  await stage.build()
  stage.told = keep ? old.told : `${place.step} ${place.unit}`
  stage.stand(keep ? { step: old.step + payload.firstStep, unit: old.unit + 1, wish: place.wish } : place)
  if (keep) stage.rest() // what the old stage had not yet said
  return stage
}

/** @type {(root: Root) => void} */
export function unmount(root) {
  root.rxAsked = undefined
  root.rxStage?.close()
  delete root.rxStage
}
