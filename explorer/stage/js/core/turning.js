// A press on a link turns the page: the stage is silent from then on, and the next page is seen from its top.

/** Whether a click turns the page. @type {(event: MouseEvent) => boolean} */
export function turns({ target, ctrlKey, metaKey, shiftKey }) {
  return !ctrlKey && !metaKey && !shiftKey && target instanceof Element && target.closest("[data-testid=stPageLink]") !== null
}

/** Goes to the top where a page is turned: a busy browser leaves the next where the last was scrolled to. @type {(event: MouseEvent) => void} */
export function toTop(event) {
  if (turns(event)) document.querySelector(".stMain")?.scrollTo(0, 0)
}
