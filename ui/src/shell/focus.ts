/** Focus that would be lost with what had it goes to the nearest thing around it that is left, not to the top of everything. */

const PLACES = ':scope > summary, :scope > header :is(h1, h2)';

/** Watches over what is below an element; call what comes back to stop. */
export function keepFocus(root: HTMLElement): () => void {
  let around: HTMLElement[] = [];
  const note = (event: FocusEvent) => { around = event.composedPath().filter((each) => each instanceof HTMLElement); };
  const look = () => {
    if (document.activeElement !== document.body || around[0]?.isConnected !== false) return;
    const place = around.filter((each) => each.isConnected && root.contains(each)).map(placeOf).find((each) => each !== null);
    around = [];
    (place ?? root.querySelector('h1'))?.focus();
  };
  const observer = new MutationObserver(look);
  observer.observe(root, { childList: true, subtree: true });
  root.addEventListener('focusin', note);
  return () => {
    observer.disconnect();
    root.removeEventListener('focusin', note);
  };
}

function placeOf(each: HTMLElement): HTMLElement | null {
  return each.hasAttribute('tabindex') && each.tagName !== 'MAIN' ? each : each.querySelector<HTMLElement>(PLACES);
}
