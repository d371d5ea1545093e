// The stage: owns the charts of a page and steps through them without the server.
// mount(element, bytes, onRest, onAct) draws a payload; onRest({step, unit}) reports where the user rests,
// onAct({field: "value"}) what they chose on the stage that the page has to compute anew.

/** @import { OnAct, OnRest, Root } from "./browser.js" */
/** @import { AnyPayload } from "./types.js" */
/** @import { Stage } from "./core/base.js" */

import { DeepStage } from "./architectures/deep.js"
import { themeOf } from "./core/colours.js"
import { decode, placeOf } from "./core/payload.js"
import { SpaceStage } from "./dynamics/space.js"
import { FlowStage } from "./gradients/flow.js"
import { GenerateStage } from "./language/generate.js"
import { MemoryStage } from "./language/memory.js"
import { PairsStage } from "./language/pairs.js"
import { PredictStage } from "./language/predict.js"
import { UnitsStage } from "./language/units/stage.js"
import { WalkStage } from "./step/walk.js"

/** @type {Record<AnyPayload["kind"], new (...given: ConstructorParameters<typeof Stage<any>>) => Stage<any>>} */
const KINDS = {
  walk: WalkStage, flow: FlowStage, pairs: PairsStage, generate: GenerateStage, predict: PredictStage, memory: MemoryStage, units: UnitsStage, deep: DeepStage,
  space: SpaceStage,
}

/** Draws a payload, into the stage that stands there where it fits. @type {(root: Root, bytes: Uint8Array, onRest: OnRest?, onAct?: OnAct?) => Promise<Stage>} */
export async function mount(root, bytes, onRest, onAct) {
  const theme = themeOf(root)
  const place = placeOf(bytes)
  const old = root.rxStage
  const payload = decode(bytes)
  if (old && old.payload.id === payload.id && old.themeName === theme) {
    Object.assign(old, { onRest, onAct })
    if (old.wish !== place.wish) {
      old.stand(place)
      old.told = `${place.step} ${place.unit}`
    }
    return old
  }
  if (old?.themeName === theme && old.payload.kind === payload.kind && (await old.take(payload))) {
    Object.assign(old, { onRest, onAct })
    if (old.wish === place.wish) old.update()
    else old.stand(place)
    return old
  }
  const stage = new KINDS[payload.kind](root, payload, theme, onRest, onAct)
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
  root.rxStage?.close()
  delete root.rxStage
}
