// What the browser's EventSource is to a module: it is told whom to hear, and a test says what there is to hear.

export class Source {
  static CLOSED = 2
  /** @type {any[]} */
  static opened = []

  constructor(url) {
    Object.assign(this, { url, readyState: 1, listeners: {} })
    new.target.opened.push(this)
  }

  addEventListener(name, listener) {
    this.listeners[name] = listener
  }

  close() {
    this.readyState = Source.CLOSED
  }
}
