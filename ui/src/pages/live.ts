/** What a page shows of the gateway, asked for once and again whenever an event says that it changed. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { onEvent, request, scopes, status, type MethodCall } from '../gateway/connection';
import { gathered, type Gathered } from '../gateway/gathered';

export interface Live<T> {
  /** The last answer; kept, greyed by the page's frame, while the gateway is away. */
  data: T | undefined;
  /** Why there is none, or why the last one may be old. */
  error: unknown;
}

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
  const key = JSON.stringify(call);
  const shown = useRef('');
  const asking = useRef<Gathered | undefined>(undefined);
  const open = status.value === 'open';
  const rights = scopes.value.join();

  useEffect(() => {
    if (!open) return undefined;
    if (shown.current !== key) {
      setData(undefined);
      setError(undefined);
    }
    let wanted = true;
    const here = gathered(async () => {
      try {
        const answer = await request<T>(...call);
        if (!wanted) return;
        shown.current = key;
        setData(answer);
        setError(undefined);
      } catch (refusal) {
        if (wanted) setError(refusal);
      }
    });
    asking.current = here;
    here.now();
    return () => {
      wanted = false;
      here.stop();
    };
  }, [key, open, rights]);

  const relevant = useRef(concerns);
  relevant.current = concerns;
  useEffect(() => {
    const hear = (payload: unknown) => {
      if (relevant.current((payload ?? {}) as Record<string, unknown>)) asking.current?.soon();
    };
    const off = events.map((name) => onEvent(name, hear));
    return () => off.forEach((each) => each());
  }, [events.join()]);
  return { data, error };
}
