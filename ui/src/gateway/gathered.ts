/** Asking again after events, however many there are. */

/** Events within this many ms of each other cause one request. */
const GATHER_MS = 150;

export interface Gathered {
  now: () => void;
  soon: () => void;
  stop: () => void;
}

/**
 * One request at a time: what is wanted meanwhile is one more after the answer, so that a gateway
 * whose events come faster than its answers is still shown, and is not asked faster than it answers.
 *
 * @param ask resolves when it was answered, or refused
 */
export function gathered(ask: () => Promise<void>): Gathered {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsking = false;
  let isDue = false;
  const now = async () => {
    clearTimeout(timer);
    timer = undefined;
    isDue = isAsking;
    if (isAsking) return;
    isAsking = true;
    await ask();
    isAsking = false;
    if (isDue) soon();
  };
  const soon = () => { timer ??= setTimeout(now, GATHER_MS); };
  const stop = () => {
    clearTimeout(timer);
    isDue = false;
  };
  return { now: () => void now(), soon, stop };
}
