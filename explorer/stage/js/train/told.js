// A race away from its page: all that its events tell, drawn as the live view draws it, without a server.

/** @import { RacePayload, Standing } from "../types.js" */

import { Stage } from "../core/base.js"
import { mountRace, unmountRace } from "./race.js"

/** @extends {Stage<RacePayload>} */
export class RaceStage extends Stage {
  async build() {
    const { race, events } = this.payload
    this.view = await mountRace(this.root, { ...race, told: events, show: this.shows })
    this.node = this.view.node
  }

  // There is nothing to step through.

  /** @param {Standing} place */
  stand({ wish }) {
    this.wish = wish
  }

  rest() {}

  async whole() {}

  close() {
    unmountRace(this.root)
  }
}
