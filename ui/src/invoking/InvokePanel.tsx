/** The form of one command, and what came of running it. */

import { useState } from 'preact/hooks';
import type { RefObject } from 'preact';
import { Badge, Button, Card } from '../kit';
import { Form } from '../schema/Form';
import { Prose } from '../schema/Prose';
import type { Refusal } from '../schema/problems';
import type { Json } from '../schema/fields';
import type { CommandDetail } from './Commands';
import { RunView } from './RunView';
import { runs, start, type Run } from './runs';

interface Props {
  nodeId: string;
  nodeName: string;
  connected: boolean;
  command: CommandDetail;
  heading: RefObject<HTMLHeadingElement | null>;
}

const HINTS: Record<string, [string, 'bad' | 'plain' | 'wait']> = {
  dangerous: ['Dangerous', 'bad'],
  destructive: ['Changes things', 'wait'],
  readOnly: ['Only reads', 'plain'],
  foreground: ['App must be open', 'wait'],
};

export function InvokePanel({ nodeId, nodeName, connected, command, heading }: Props) {
  const [seconds, setSeconds] = useState('');
  const queueable = command.hints?.queueable === true;
  const own = runs.value.filter((run) => run.nodeId === nodeId && run.command === command.name);
  const last = own[0];
  const submit = (params: Json | undefined) => {
    const limit = Number(seconds) > 0 ? Math.round(Number(seconds) * 1000) : undefined;
    start(nodeId, command.name, params, !connected && queueable, limit);
  };
  return (
    <Card title={command.name} headingRef={heading} badges={<Hints hints={command.hints ?? {}} />}>
      {command.description && <p class="prose"><Prose text={paragraphs(command.description)} /></p>}
      {!command.validated && <p class="note">No family of this gateway knows this command: it is relayed as it is, unchecked.</p>}
      {!connected && <p class="note">{nodeName} is away. {queueable ? 'What you send waits in the queue, for at most a day.' : 'This command cannot wait; run it when the node is back.'}</p>}
      {command.private && <p class="note">It is not run from here. {command.private}</p>}
      {!command.private && (
        <Form id={`params-${command.name}`} schema={command.paramsSchema} examples={command.examples ?? []} refusal={refusalOf(last)} onSubmit={submit}>
          <Button type="submit" tone="primary" disabled={!connected && !queueable}>{connected || !queueable ? 'Run' : 'Queue it'}</Button>
          <label class="filter"><span>Time limit (s)</span>
            <input class="input input-number" type="number" min={1} step="any" value={seconds} placeholder={String((command.timeoutMs ?? 30_000) / 1000)}
              onInput={(event) => setSeconds(event.currentTarget.value)} />
          </label>
        </Form>
      )}
      {own.length > 0 && (
        <section class="runs" aria-label="Runs">
          {own.map((run, n) => <RunView key={run.key} run={run} open={n === 0} queueable={queueable} />)}
        </section>
      )}
    </Card>
  );
}

function Hints({ hints }: { hints: Record<string, boolean> }) {
  return <>{Object.entries(HINTS).filter(([name]) => hints[name]).map(([, [word, tone]]) => <Badge tone={tone}>{word}</Badge>)}</>;
}

/** Docstrings break their lines where the source does; only an empty line is meant. */
function paragraphs(text: string): string {
  return text.split(/\n\s*\n/).map((each) => each.replace(/\s*\n\s*/g, ' ')).join('\n\n');
}

/** What the gateway found wrong with the params of the last run. */
function refusalOf(run: Run | undefined): Refusal | undefined {
  const details = run?.error.value?.details as { problems?: Refusal['problems'] } | undefined;
  return details?.problems ? { problems: details.problems } : undefined;
}
