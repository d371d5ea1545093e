// What this browser keeps, as JSON by name: for good, or for as long as the window is open.

/** Returns what was kept, or nothing. @type {(storage: "localStorage" | "sessionStorage", name: string) => Record<string, any>} */
export function kept(storage, name) {
  try {
    const found = JSON.parse(globalThis[storage].getItem(name) ?? "")
    return found && typeof found === "object" && !Array.isArray(found) ? found : {}
  } catch {
    return {} // no storage allowed, or not ours
  }
}

/** @type {(storage: "localStorage" | "sessionStorage", name: string, all: Record<string, any>) => void} */
export function keep(storage, name, all) {
  try {
    globalThis[storage].setItem(name, JSON.stringify(all))
  } catch {
    // without storage nothing is kept
  }
}
