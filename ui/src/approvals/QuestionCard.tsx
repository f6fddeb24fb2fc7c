/** An agent wants something that takes a person's word. */

import { useState } from 'preact/hooks';
import { request } from '../gateway/connection';
import type { Question } from '../gateway/replies';
import { APPROVALS, lacking } from '../gateway/rights';
import { Ago, Badge, Button, Card, ErrorNote, toast } from '../kit';

type Decision = 'allow-once' | 'deny';

export function QuestionCard({ question, onDone }: { question: Question; onDone: () => void }) {
  const [busy, setBusy] = useState<Decision>();
  const [error, setError] = useState<unknown>();
  const { title, description, detail, severity } = question.request;
  const why = lacking(APPROVALS);
  const decide = async (decision: Decision) => {
    setBusy(decision);
    setError(undefined);
    await request('plugin.approval.resolve', { id: question.id, decision }).then(() => {
      toast(decision === 'deny' ? `${title}: denied.` : `${title}: allowed, once.`);
      onDone();
    }, setError);
    setBusy(undefined);
  };
  return (
    <Card title={title} badges={<Badge tone={severity === 'critical' ? 'bad' : 'wait'}>{severity === 'critical' ? 'May destroy something' : 'Needs your word'}</Badge>}>
      <p>{description}.</p>
      {detail && detail !== '{}' && <pre class="arguments" tabIndex={0} aria-label="With these arguments">{pretty(detail)}</pre>}
      <ErrorNote error={error} />
      <div class="decision">
        <p class="muted small">Asked <Ago at={question.createdAtMs} />; the question ends <Ago at={question.expiresAtMs} />.</p>
        <div class="actions">
          <Button tone="danger" busy={busy === 'deny'} disabled={why !== undefined} onClick={() => void decide('deny')} label={`Deny: ${title}`}>Deny</Button>
          <Button tone="primary" busy={busy === 'allow-once'} why={why} onClick={() => void decide('allow-once')} label={`Allow once: ${title}`}>Allow once</Button>
        </div>
      </div>
    </Card>
  );
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json; // it was cut to fit
  }
}
