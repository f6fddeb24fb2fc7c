/** What a page shows of the gateway, asked for once and again whenever an event says that it changed. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { onEvent, request, status, type MethodCall } from '../gateway/connection';

export interface Live<T> {
  /** The last answer; kept, greyed by the page's frame, while the gateway is away. */
  data: T | undefined;
  /** Why there is none, or why the last one may be old. */
  error: unknown;
  reload: () => void;
}

/** Events within this many ms of each other cause one request. */
const GATHER_MS = 150;

/**
 * The answer of a method, kept true.
 *
 * @param call the method and what it is asked
 * @param events names of the events that change the answer
 * @param concerns whether an event's payload is about this answer
 */
export function useLive<T>(
  call: MethodCall,
  events: readonly string[],
  concerns: (payload: Record<string, unknown>) => boolean = () => true,
): Live<T> {
  const [data, setData] = useState<T>();
  const [error, setError] = useState<unknown>();
  const [asked, setAsked] = useState(0);
  const key = JSON.stringify(call);
  const shown = useRef('');
  const open = status.value === 'open';

  useEffect(() => {
    if (!open) return undefined;
    if (shown.current !== key) {
      setData(undefined);
      setError(undefined);
    }
    let wanted = true;
    request<T>(...call).then(
      (answer) => {
        if (!wanted) return;
        shown.current = key;
        setData(answer);
        setError(undefined);
      },
      (refusal: unknown) => wanted && setError(refusal),
    );
    return () => { wanted = false; };
  }, [key, open, asked]);

  useEvents(events, concerns, () => setAsked((n) => n + 1));
  return { data, error, reload: () => setAsked((n) => n + 1) };
}

/** Calls `then` once for the events that come close together and are of concern. */
function useEvents(events: readonly string[], concerns: (payload: Record<string, unknown>) => boolean, then: () => void): void {
  const last = useRef({ concerns, then });
  last.current = { concerns, then };
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hear = (payload: unknown) => {
      if (timer !== undefined || !last.current.concerns((payload ?? {}) as Record<string, unknown>)) return;
      timer = setTimeout(() => {
        timer = undefined;
        last.current.then();
      }, GATHER_MS);
    };
    const off = events.map((name) => onEvent(name, hear));
    return () => {
      off.forEach((each) => each());
      clearTimeout(timer);
    };
  }, [events.join()]);
}
