/** One run: what comes while it runs, how to stop it, and what came of it. */

import { useEffect, useState } from 'preact/hooks';
import { Badge, Button, ErrorNote } from '../kit';
import { href } from '../router';
import { Result } from '../results/Result';
import { runOf } from '../results/shapes';
import { isObject } from '../schema/fields';
import { cancel, start, type Outcome, type Run } from './runs';
import type { Tone } from '../pages/people';

const WORDS: Record<Outcome, { word: string; tone: Tone }> = {
  running: { word: 'Running', tone: 'wait' },
  cancelling: { word: 'Stopping', tone: 'wait' },
  waiting: { word: 'Waiting for the node', tone: 'wait' },
  done: { word: 'Done', tone: 'good' },
  failed: { word: 'Failed', tone: 'bad' },
  cancelled: { word: 'Cancelled', tone: 'plain' },
};

export function RunView({ run, open, queueable }: { run: Run; open: boolean; queueable: boolean }) {
  const [refused, setRefused] = useState<unknown>();
  const state = run.state.value;
  const active = state === 'running' || state === 'waiting';
  const progress = run.progress.value;
  return (
    <details class="run" open={open}>
      <summary>
        <span role="status"><Badge tone={WORDS[state].tone}>{WORDS[state].word}</Badge></span>
        <time dateTime={new Date(run.startedAt).toISOString()}>{new Date(run.startedAt).toLocaleTimeString()}</time>
        <span class="muted"><Elapsed run={run} /></span>
      </summary>
      {active && (
        <div class="run-actions">
          <Button small onClick={() => cancel(run).catch(setRefused)}>{state === 'waiting' ? 'Take it back' : 'Cancel'}</Button>
          {run.queuedId.value && <a href={href(`/queue/${run.queuedId.value}`)}>Show it in the queue</a>}
        </div>
      )}
      <ErrorNote error={refused} />
      {progress !== '' && !repeats(run) && <pre class="progress" role="log" aria-label="Output so far" tabIndex={0}>{progress}</pre>}
      {state === 'failed' && <Failed run={run} queueable={queueable} />}
      {state === 'done' && <Result value={run.result.value} caption={run.command} />}
    </details>
  );
}

/** A result that holds all that was printed takes the place of what came bit by bit. */
function repeats(run: Run): boolean {
  const result = run.result.value;
  return isObject(result) && runOf(result) !== null;
}

function Failed({ run, queueable }: { run: Run; queueable: boolean }) {
  const error = run.error.value;
  const away = (error?.details as { code?: string } | undefined)?.code === 'NOT_CONNECTED';
  return (
    <>
      <ErrorNote error={error} />
      {away && queueable && run.params !== undefined && (
        <Button small onClick={() => start(run.nodeId, run.command, run.params, true)}>Queue it instead</Button>
      )}
    </>
  );
}

function Elapsed({ run }: { run: Run }) {
  const [now, setNow] = useState(Date.now());
  const ended = run.endedAt.value;
  useEffect(() => {
    if (ended !== undefined) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [ended]);
  const ms = Math.max(0, (ended ?? now) - run.startedAt);
  return <>{ended === undefined ? `${Math.floor(ms / 1000)} s` : `${(ms / 1000).toFixed(1)} s`}</>;
}
