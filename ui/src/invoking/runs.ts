/** Invokes that this page asked for. They outlive the page that shows them, so that none is lost by looking elsewhere. */

import { signal, type Signal } from '@preact/signals';
import { GatewayError, onEvent, request } from '../gateway/connection';
import type { Json } from '../schema/fields';

export type Outcome = 'running' | 'cancelling' | 'waiting' | 'done' | 'failed' | 'cancelled';

export interface Run {
  key: string;
  nodeId: string;
  command: string;
  params: Json | undefined;
  startedAt: number;
  state: Signal<Outcome>;
  /** What came while it ran. */
  progress: Signal<string>;
  result: Signal<Json | undefined>;
  error: Signal<GatewayError | undefined>;
  /** The item that waits for the node. */
  queuedId: Signal<string | undefined>;
  endedAt: Signal<number | undefined>;
}

const MOST_RUNS = 10;
const MOST_PROGRESS = 200_000;

export const runs: Signal<readonly Run[]> = signal([]);

interface Answer {
  payload?: Json;
  queued?: boolean;
  queuedId?: string;
}

interface Item {
  id: string;
  state: string;
  payload?: Json;
  error?: { code?: string; message?: string };
}

/** Invoke a command; `queue` lets it wait when the node is away. */
export function start(nodeId: string, command: string, params: Json | undefined, queue: boolean, timeoutMs?: number): Run {
  const run: Run = {
    key: crypto.randomUUID(),
    nodeId,
    command,
    params,
    startedAt: Date.now(),
    state: signal<Outcome>('running'),
    progress: signal(''),
    result: signal(undefined),
    error: signal(undefined),
    queuedId: signal(undefined),
    endedAt: signal(undefined),
  };
  // Results may be large; what still runs is kept whatever its age.
  runs.value = [run, ...runs.value.filter((each, n) => n < MOST_RUNS - 1 || each.endedAt.value === undefined)];
  const stop = onEvent('node.invoke.progress', (told) => take(run, told as { idempotencyKey?: string; chunk?: string }));
  const asked = {
    nodeId,
    command,
    idempotencyKey: run.key,
    progress: true,
    ...(params === undefined ? {} : { params }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(queue ? { ifOffline: 'queue' as const } : {}),
  };
  // The node's own limit decides; the gateway answers every invoke, with TIMEOUT if need be.
  request<Answer>('node.invoke', asked, { timeoutMs: null })
    .then((answer) => (answer.queued ? wait(run, answer.queuedId as string) : end(run, 'done', answer.payload)))
    .catch((error: unknown) => fail(run, error))
    .finally(stop);
  return run;
}

/** Ask the gateway to stop a run, or to take its item back. */
export async function cancel(run: Run): Promise<void> {
  const before = run.state.value;
  const item = run.queuedId.value;
  run.state.value = 'cancelling';
  try {
    if (before === 'waiting' && item) await request('node.pending.cancel', { id: item });
    else await request('node.invoke.cancel', { nodeId: run.nodeId, idempotencyKey: run.key });
  } catch (error) {
    if (run.state.value === 'cancelling') run.state.value = before;
    throw error;
  }
}

function take(run: Run, told: { idempotencyKey?: string; chunk?: string }): void {
  if (told.idempotencyKey !== run.key || told.chunk === undefined) return;
  run.progress.value = (run.progress.value + told.chunk).slice(-MOST_PROGRESS);
}

function end(run: Run, state: Outcome, result?: Json): void {
  run.result.value = result;
  run.state.value = state;
  run.endedAt.value = Date.now();
}

function fail(run: Run, error: unknown): void {
  const later = error instanceof GatewayError ? (error.details as { code?: string; queuedActionId?: string } | undefined) : undefined;
  if (later?.code === 'QUEUED_UNTIL_FOREGROUND' && later.queuedActionId) {
    // The app is in the background: what the gateway calls an error is work that waits (PROTOCOL 14.3).
    wait(run, later.queuedActionId);
    return;
  }
  const told = error instanceof GatewayError ? error : new GatewayError({ code: 'UNKNOWN', message: String(error) });
  run.error.value = told;
  const code = (told.details as { nodeError?: { code?: string } } | undefined)?.nodeError?.code;
  end(run, run.state.value === 'cancelling' || code === 'CANCELLED' ? 'cancelled' : 'failed');
}

/** Follow an item of the queue until it is final. */
function wait(run: Run, id: string): void {
  run.queuedId.value = id;
  run.state.value = 'waiting';
  const look = async () => {
    const { item } = await request<{ item: Item }>('node.pending.get', { id });
    if (run.endedAt.value !== undefined || item.state === 'queued' || item.state === 'delivered') return;
    off();
    if (item.state === 'done') end(run, 'done', item.payload);
    else if (item.state === 'cancelled') end(run, 'cancelled');
    else fail(run, new GatewayError({ code: item.error?.code ?? item.state, message: item.error?.message ?? `The item is ${item.state}.` }));
  };
  const off = onEvent('node.pending.changed', (told) => {
    if ((told as { id?: string }).id === id) void look().catch(() => undefined);
  });
  // It may have been delivered before this page listened.
  void look().catch(() => undefined);
}
