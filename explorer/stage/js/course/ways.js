// Links in the words of a page: they lead within the session, as those that Streamlit draws, not into a new tab.

/** @typedef {HTMLElement & { rxWays?: () => void }} Inside */

/** Takes up the links of the container around it. @type {(root: Inside) => void} */
export function mountWays(root) {
  unmountWays(root)
  const around = root.closest("[class*=st-key-]:not(.st-key-ways)") ?? document.body
  around.addEventListener("click", follow)
  root.rxWays = () => around.removeEventListener("click", follow)
}

/** @type {(root: Inside) => void} */
export function unmountWays(root) {
  root.rxWays?.()
  delete root.rxWays
}

// As Back and Forward do: the address first, then the page is told. Streamlit offers no other way in.
/** @param {Event} event */
function follow(event) {
  const { target, button, ctrlKey, metaKey, shiftKey, altKey } = /** @type {MouseEvent} */ (event)
  const link = target instanceof Element ? target.closest("a[href^='/']") : null
  if (!link || button || ctrlKey || metaKey || shiftKey || altKey) return
  event.preventDefault()
  history.pushState(null, "", /** @type {HTMLAnchorElement} */ (link).href)
  dispatchEvent(new PopStateEvent("popstate"))
  document.querySelector(".stMain")?.scrollTo(0, 0)
}
