// What Python sends to the stage. A test builds every payload and holds it against these types, so a name that
// one side adds, drops or changes is an error on the other. A stands for an array: a Place in the message,
// a Matrix once it is decoded.

import type { Matrix } from "./core/payload.js"

export interface Place {
  at: number
  shape: number[]
}

/** The arrays of a run by name: those named, and more where the kind has some for each gate, unit or state. */
type Arrays<A, Names extends string> = Record<Names, A> & Record<string, A>

export type Strings = Record<string, string>

/** Places 0..1 on a scale and their colours. */
export type Scale = [number, string][]

export type ThemeName = "light" | "dark"

export interface Theme {
  hues: Record<string, string>
  ground: string
  empty: string
  grid: string
  gates: Record<string, Scale>
  signed: Scale
  magnitude: Scale
}

/** A Plotly figure. A heatmap's numbers are left to the run's arrays; lines' y are decoded with them. */
export interface Figure {
  data: Trace[]
  layout: { meta?: any; [plotly: string]: any }
}

export interface Trace {
  type: string
  name?: string
  meta?: any
  [plotly: string]: any
}

/** One step's input: as shown, as typed, whether the network knows it, whether it is marked; how far another word in its place moves a later prediction, 0 for no cue word. */
export interface Token {
  label: string
  original: string
  known: boolean
  marked: boolean
  cue?: number
}

/** A number, a symbol, or an operator with its parts: see explorer/cells/equations.py. */
export type Expression = number | string | [string, ...(Expression | null)[]]

export interface Run<A = Matrix, Names extends string = string> {
  tokens: Token[]
  steps: number
  units: number
  arrays: Arrays<A, Names>
  lines: Figure[]
}

/** What every payload says. firstStep is the number of a run's first step, total that of the last there is. */
interface Payload<Kind extends string, R extends Run<any>> {
  kind: Kind
  id: string
  lang: "en" | "ko"
  mode: string
  strings: Strings
  /** What words of the other language mean, by word. */
  gloss: Record<string, string>
  firstStep: number
  total: number
  runs: R[]
  themes: Record<ThemeName, Theme>
}

/** Which panels are drawn, the one that leads first, none for all; large: as a lecture's projector needs it. */
export interface Show {
  panels: string[]
  large: boolean
}

// Step through time, and what is generated

export interface Signal {
  symbol: string
  role: "gate" | "candidate" | "state"
  hue: string
  name: string
}

export interface DiagramNode {
  key: string
  kind: "gate" | "op" | "end"
  x: number
  y: number
  text: string
  value: Expression | null
  hue: string
  label: string
}

export interface Wire {
  points: [number, number][]
  value: Expression | null
  hue: string
  arrow: boolean
}

/** A decoder's weights over an encoder's tokens, by its own steps, what it says there, and the heatmap. */
export interface Attended<A = Matrix> {
  weights: A
  said: string[]
  tokens: Token[]
  figure: Figure
}

export interface WalkRun<A = Matrix> extends Run<A, "h" | "x" | "weight_ih"> {
  cell: string
  inputs: number
  notation: string
  blocks: string[]
  recurrentBlocks: string[]
  peepholeBlocks: string[]
  badStep: number | null
  /** How far a number may be from what its equation gives of the others: beyond it, it was put there. */
  rounding: number
  signals: Signal[]
  equations: [string, Expression][]
  diagram: { nodes: DiagramNode[]; wires: Wire[] }
  readout: { top: string[][] } | null
  /** The names of the readout's rows; none where its weights are not sent, or it has one row. */
  outputs: string[]
  /** The row of the embedding that each step's input is; null without an embedding. */
  rows: number[] | null
  heatmaps: Figure[]
  /** One unit's gates and state over time; its numbers are left to the run's arrays. */
  valve: Figure
  attention?: Attended<A>
}

export interface WalkPayload<A = Matrix> extends Payload<"walk", WalkRun<A>> {
  mode: "one" | "two" | "changed"
  target: number | null
}

/** What may come next after a step: ids and labels, most probable first; why some are cut; the id that came. */
export interface Ahead {
  ids: number[]
  labels: string[]
  cut: string[]
  next: number | null
}

export interface GeneratePayload<A = Matrix> extends Payload<"generate", WalkRun<A>> {
  window: number
  prompt: number
  text: Token[]
  pieces: { at: number; texts: string[] }[]
  spaced: boolean
  ahead: (Ahead | null)[]
  forced: Record<string, number>
  longestForks: number
  ended: boolean
  asked: number
}

// Gradients through time

export interface FlowRun<A = Matrix> extends Run<A, "norm" | "chain"> {
  cell: string
  heatmaps: Figure[]
}

export interface FlowPayload<A = Matrix> extends Payload<"flow", FlowRun<A>> {
  lossRow: number
  state: string
  bad: number | null
  decays: string[]
}

// Language models

/** A sentence of the text: n counts from 1, from is how many of its tokens stand before those shown. */
export interface PairsSentence {
  n: number
  text: string
  total: number
  from: number
  ids: number[]
}

export interface Vocabulary {
  size: number
  tokens: [id: number, label: string, count: number][]
}

export interface Windows {
  length: number
  rows: number
  of: [number: number, ids: number[]][]
  alphabet: Vocabulary
}

export type Shapes = Record<"x" | "embedding" | "layer" | "dense" | "y" | "one_hot", number[]>

export interface PairsPayload<A = Matrix> extends Payload<"pairs", Run<A>> {
  cell: string
  joint: string
  rows: [sentence: number, at: number][]
  sentences: PairsSentence[]
  vocabulary: Vocabulary
  columns: number
  windows: Windows | null
  shapes: { last: Shapes; each: Shapes }
}

export interface PredictRun<A = Matrix> extends Run<A, "p" | "nats" | "surprise" | "running" | "rank" | "distance" | "top_p"> {
  truth: (Token | null)[]
  top: string[][]
}

/** A step of the run free of the text: what the text has, what is foreseen from it, what the network says. */
export interface FreeColumn {
  text: string
  forced: string
  right: boolean
  free: string
  same: boolean
  own: boolean
}

export interface PredictPayload<A = Matrix> extends Payload<"predict", PredictRun<A>> {
  V: number
  said: string
  free: { start: number; parts: number | null; columns: FreeColumn[]; said: string[] }
  badStep: number | null
}

export interface MemoryRun<A = Matrix> extends Run<A, "ids" | "baseline" | "guessed"> {
  kind: string
  heatmaps: Figure[]
  names: Record<string, string>
  tested: number
  about: string
  notice: string | null
  said: Record<string, string[]>
}

export interface MemoryPayload<A = Matrix> extends Payload<"memory", MemoryRun<A>> {
  states: string[]
  state: string
  bare: boolean
}

/** apart: whether something stands between a token and the one before. */
export interface UnitsToken extends Token {
  apart: boolean
}

export interface UnitsRun<A = Matrix> extends Run<A, "h" | "lost" | "nats" | "perplexity" | "without"> {
  cell: string
  tokens: UnitsToken[]
}

/** Something that a unit may track: names are of its two sides, or of its categories. */
export interface Feature {
  kind: string
  name: string
  there: boolean
  names: string[]
}

export interface UnitsPayload<A = Matrix> extends Payload<"units", UnitsRun<A>> {
  unit: string
  starts: number[]
  own: number
  measured: number
  ranked: boolean
  bad: number | null
  keep: string | null
  features: Feature[]
  feature: string
  states: string[]
  shade: string
  pattern: string
  same: string
}

// Architectures

export interface DeepRun<A = Matrix> extends Run<A, "gradient"> {
  heatmaps: Figure[]
  rows: { layer: number; reverse: boolean }[]
  tags: string[]
  asked: number[]
  undecided: number[]
  others: string[][]
}

export interface DeepPayload<A = Matrix> extends Payload<"deep", DeepRun<A>> {
  shown: "one" | "both"
  networks: { name: string; hue: string; label: string }[]
  powers: [number, number]
  most: number
  bad: number | null
}

// Dynamics

/** A fixed or slow point: what the network answers there, how it is called, what is said of it, what it parts. */
export interface SpacePoint {
  name: string
  title: string
  unstable: number
  exact: boolean
  said: string[]
  parts: string[]
}

/** states, mean, axes, points and directions are rows of a state's numbers; x is the constant input. */
export interface SpaceRun<A = Matrix> extends Run<A, "states" | "points" | "mean" | "axes" | "directions" | "real" | "imaginary" | "x"> {
  cell: string
  inputs: number
  states: string[]
  blocks: string[]
  recurrentBlocks: string[]
  peepholeBlocks: string[]
  /** null for a stack of layers, which is not stepped in the browser. */
  equations: [string, Expression][] | null
  space: Figure
  eigen: Figure
  heatmaps: Figure[]
  /** Of each point, how many of the rows of directions are its own. */
  leaves: number[]
  points: SpacePoint[]
  groups: { name: string; rows: number[]; unstable: number; exact: boolean }[]
  found: string[]
}

export interface SpacePayload<A = Matrix> extends Payload<"space", SpaceRun<A>> {
  point: number
  push: number
  /** Names all but the chosen point. */
  body: string
}

/** A view of charts alone: each figure in both themes; clocked: the number of its first trace that a clock measured. */
export interface ChartsPayload<A = Matrix> extends Payload<"charts", Run<A>> {
  figures: { name: string; clocked: number | null; light: Figure; dark: Figure }[]
  /** What else the view found, by name. */
  numbers: Record<string, unknown>
}

export interface RaceRun<A = Matrix> extends Run<A> {
  racer: string
}

/** A race as far as its events tell of it. */
export interface RacePayload<A = Matrix> extends Payload<"race", RaceRun<A>> {
  race: RaceData
  events: RaceEvent[]
}

export type AnyPayload<A = Matrix> =
  | WalkPayload<A> | FlowPayload<A> | PairsPayload<A> | GeneratePayload<A> | PredictPayload<A>
  | MemoryPayload<A> | UnitsPayload<A> | DeepPayload<A> | SpacePayload<A>
  | ChartsPayload<A> | RacePayload<A>

// A race: what the view is sent once, and the events that follow

export interface RacerLook {
  index: number
  name: string
  label: string
  cell: string
  hue: string
  dash: string
  marker: string
  shade: number
  budget: number
}

export interface RaceFacts {
  title: string
  metric: "error" | "accuracy"
  goal: number | null
  baseline: number | null
  chance: number
  /** The metric from which on a racer has left what a guess without memory comes to. */
  left: number
  labels: string[]
  marked: boolean[]
  /** Whether the metric is measured on sequences that are learned, for want of others. */
  seen: boolean
  /** How many answers an accuracy is estimated from; 0 where it is an error, or of all there is to ask. */
  trials: number
  /** Whether each of them is of a sequence of its own. */
  alone: boolean
}

export interface RaceTheme extends Omit<Theme, "gates" | "signed"> {
  racers: string[]
}

export interface RaceData {
  id: string
  key: string
  attempt: number
  lang: "en" | "ko"
  strings: Strings
  facts: RaceFacts
  racers: RacerLook[]
  figures: { loss: Figure; metric: Figure; norm: Figure; power: Figure[]; gates: Figure[] }
  scale: { low: number; high: number }
  mean: number
  themes: Record<ThemeName, RaceTheme>
  show?: Show | null
  /** All that there is to tell, where nothing follows. */
  told?: RaceEvent[]
}

export type RacerStatus = "running" | "passed" | "spent" | "diverged" | "stopped"

/** A racer begins, or goes on from a step. */
export interface RacerEvent {
  kind: "racer"
  racer: number
  name: string
  cell: string
  parameters: number
  step: number
  budget: number
  tokens: number
}

/** Steps from one on; seconds of CPU time up to the last of them. null is not finite. */
export interface StepsEvent {
  kind: "steps"
  racer: number
  from: number
  loss: (number | null)[]
  norm: (number | null)[]
  seconds: number
  metric?: number | null
}

/** A look inside: the gradient's power of ten by source step, each gate's mean by time step. */
export interface LookEvent {
  kind: "look"
  racer: number
  step: number
  power: (number | null)[]
  gates: Record<string, number[]>
}

export interface KeptEvent {
  kind: "kept"
  racer: number
  step: number
}

export interface EndEvent {
  kind: "end"
  racer: number
  status: RacerStatus
  step: number
}

/** The race itself is over, until it is taken up again. */
export interface OverEvent {
  kind: "done" | "stopped" | "killed" | "failed"
  error?: string
}

export type RaceEvent = RacerEvent | StepsEvent | LookEvent | KeptEvent | EndEvent | OverEvent

/** Which cards of a lesson there are, [key, title], and the one that is open. */
export interface Progress {
  lesson: string
  cards: [key: string, title: string][]
  card: string | null
  strings: Strings
}

/** Gates to be drawn by hand: what is read, what was learned, what each says. */
export interface HandData {
  figure: Figure
  numbers: number[]
  target: number
  unit: number
  said: number
  answer: number
  guess: number
  strings: Strings
}

// A class

/** A page and the fields that differ from the default, as an address has them. */
export interface View {
  page: string
  query: Record<string, string>
}

/** A question put to a room, its words by language; tally and right once the answers are shown. */
export interface Question {
  id: number
  words: Strings
  answers?: Strings[]
  low?: number
  high?: number
  shown: boolean
  tally?: number[]
  right?: number | null
}

export interface Counted {
  here: number
  answered: number
}

/** A class's race: how each seed stands and at which step; how many that came to their end have passed. */
export interface Raced {
  offer: string
  states: string[]
  steps: number[]
  passed: number
  finished: number
  over: boolean
  unkept: boolean
}

/** What is new of the curve of this device's seed: race numbers the race, points follow those before `from`. */
export interface Curve {
  race: number
  from: number
  points: [number, number | null][]
}

export interface RoomData {
  code: string
  lang: string
  strings: Strings
  offers: { key: string; label: string; command: string }[]
  /** Numbers that the model answers when they are shown; strings has a question for each. */
  numbers: string[]
}

export interface CompanionData {
  code: string
  lang: string
  strings: Strings
  room: string
  view: View
  went: number
  questions: { lesson: string; card: string }[]
}

/** A question's choices: right is the one that holds; cover and reveal are keys of the page's containers. */
export interface Guess {
  key: string
  choices: string[]
  right: number
  cover: string
  reveal: string
  /** Names the lecture in whose window the guess is kept; empty where it is kept for good. */
  lecture: string
  strings: Strings
}

/** A view of a lecture: its place in the list, its minutes, and when it should begin. */
export interface Lecture {
  lecture: string
  at: number
  total: number
  title: string
  minutes: number
  begins: number
  strings: Strings
}

/** A view that a page shows: payload is the address of its numbers; address the view's own, empty where it is the page's. */
export interface AwayView {
  payload: string
  file: string
  title: string
  script: string
  address: string
}

/** What can be taken away of a page: its views, that of the page first; none where it shows no figure of its own. */
export interface Away {
  views: AwayView[]
  file: string
  title: string
  lang: string
  /** What is to be known of the link; empty where it holds the whole view. */
  note: string
  strings: Strings
}

/** What is said of a file of more bytes than a page takes, `{size}` stands for its megabytes; and of one that the
 * server refused, by the status of its answer, `lost` for all others. */
export interface Large {
  limit: number
  said: string
  refused: Record<string, string> & { lost: string }
}

/** Where the page wishes the stage to stand: step and unit from 1, how many wishes there were, what is drawn. */
export interface Standing {
  step: number
  unit: number
  wish?: number
  show?: Show | null
}

/** What the page asks a stage to show: the address of a payload, and where to stand. */
export interface Asked extends Standing {
  payload: string
}
