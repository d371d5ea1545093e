// What the modules hand each other in the browser.

import type { Stage } from "./core/base.js"
import type { RaceView } from "./train/race.js"
import type { Asked } from "./types.js"

export type OnRest = (place: { step: number; unit: number }) => void
export type OnAct = (changes: Record<string, string>) => void

/** The element that a component is drawn into; it remembers what stands there. */
export type Root = HTMLElement & { rxStage?: Stage; rxRace?: RaceView; rxAsked?: Asked; rxTurn?: Promise<unknown> }

/** What the stage asks of a chart. */
export interface Drawn {
  plot: PlotNode
  draw(Plotly: any): Promise<void>
  close(): void
  whole?(): Promise<void>
  said?(at: { step: number; unit: number }): string[]
}

/** Plotly.js as the stage uses it: no types of its own come with the installed package. */
export type PlotlyModule = any

/** An element in which Plotly has drawn. */
export type PlotNode = HTMLDivElement & { on(event: string, listener: (said: any) => void): void; _fullLayout?: any; data?: any[]; layout?: any }
