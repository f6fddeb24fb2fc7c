/** The audit trail, a page at a time, and what is appended while somebody looks. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { onEvent, request, scopes, status } from '../gateway/connection';
import type { AuditListParams } from '../gateway/protocol';

export const AUDIT_APPENDED = 'audit.appended';
const PAGE = 100;
/** More than this is not read on a page; filter, or use `openclaw audit`. */
const MOST = 2_000;

export interface AuditEvent {
  id: number;
  ts: number;
  kind: string;
  outcome: string;
  actor: string;
  subject?: string;
  remoteIp?: string;
  connId?: string;
  details?: Record<string, unknown>;
}

export interface AuditFilter {
  kinds?: string[] | undefined;
  actor?: string | undefined;
  subject?: string | undefined;
  outcome?: AuditListParams['outcome'];
  sinceMs?: number | undefined;
}

interface Answer {
  events: AuditEvent[];
  nextBeforeId?: number;
}

export interface Trail {
  events: AuditEvent[] | undefined;
  error: unknown;
  older: () => void;
  /** There are older entries. */
  more: boolean;
  busy: boolean;
}

export function useAudit(filter: AuditFilter, follow: boolean): Trail {
  const [events, setEvents] = useState<AuditEvent[]>();
  const [error, setError] = useState<unknown>();
  const [before, setBefore] = useState<number>();
  const [busy, setBusy] = useState(false);
  const newest = useRef(0);
  const key = JSON.stringify(filter);
  const open = status.value === 'open';
  const rights = scopes.value.join();

  useEffect(() => {
    if (!open) return undefined;
    let wanted = true;
    setEvents(undefined);
    setBefore(undefined);
    request<Answer>('audit.list', { ...filter, limit: PAGE }).then(
      (answer) => {
        if (!wanted) return;
        newest.current = answer.events[0]?.id ?? 0;
        setEvents(answer.events);
        setBefore(answer.nextBeforeId);
        setError(undefined);
      },
      (refusal: unknown) => wanted && setError(refusal),
    );
    return () => { wanted = false; };
  }, [key, open, rights]);

  useFollow(filter, open && follow && events !== undefined, newest, (found) => setEvents((held = []) => merged(found, held)), setError);

  const older = () => {
    if (before === undefined) return;
    setBusy(true);
    request<Answer>('audit.list', { ...filter, beforeId: before, limit: PAGE })
      .then((answer) => {
        setEvents((held = []) => merged(held, answer.events));
        setBefore(answer.nextBeforeId);
      }, setError)
      .finally(() => setBusy(false));
  };
  return { events, error, older, more: before !== undefined && (events?.length ?? 0) < MOST, busy };
}

/** Fetches what is appended and passes the filter, whenever the gateway says that something was. */
function useFollow(
  filter: AuditFilter,
  active: boolean,
  newest: { current: number },
  onNew: (events: AuditEvent[]) => void,
  onError: (error: unknown) => void,
): void {
  useEffect(() => {
    if (!active) return undefined;
    let wanted = true;
    const fetchNew = async () => {
      const answer = await request<Answer>('audit.list', { ...filter, afterId: newest.current, limit: 500 });
      if (!wanted || answer.events.length === 0) return;
      newest.current = answer.events[0]?.id ?? newest.current;
      onNew(answer.events);
    };
    const off = onEvent(AUDIT_APPENDED, () => void fetchNew().catch((refusal: unknown) => wanted && onError(refusal)));
    // Nobody gets this event unasked; everything else goes on coming.
    void request('events.subscribe', { events: ['*', AUDIT_APPENDED] }).then(fetchNew, () => undefined);
    return () => {
      wanted = false;
      off();
      void request('events.subscribe', { events: null }).catch(() => undefined);
    };
  }, [JSON.stringify(filter), active]);
}

/** Both, newest first, each entry once. */
function merged(newer: AuditEvent[], older: AuditEvent[]): AuditEvent[] {
  const last = newer[newer.length - 1]?.id ?? Infinity;
  return [...newer, ...older.filter((each) => each.id < last)].slice(0, MOST);
}
