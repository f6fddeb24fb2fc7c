/** What this browser may do, and the way to more: a request that another operator approves. */

import { deviceId, scopes, WANTED } from '../gateway/connection';
import { covers, lacksAny } from '../gateway/rights';
import { askForMore, upgrade } from '../gateway/upgrade';
import { verificationCode } from '../gateway/verificationCode';
import { Badge, Button, Card, Copy, ErrorNote, Page } from '../kit';

const SAYS: Record<string, string> = {
  'operator.read': 'See nodes, what they may do, and the queue.',
  'operator.write': 'Run commands on nodes and queue work for them.',
  'operator.approvals': 'Answer the questions of agents.',
  'operator.pairing': 'Let devices in, and manage them and their tokens.',
  'operator.admin': 'Everything: approve what nodes may do, make codes, read the audit, look for new families.',
};

const ENDED: Partial<Record<string, string>> = {
  rejected: 'The request was rejected. This browser keeps the rights it has.',
  expired: 'Nobody decided in time. This browser keeps the rights it has; ask again when somebody is there.',
};

export function RightsPage() {
  return (
    <Page title="Rights of this browser" lead="What it was approved for. More takes the word of somebody who has it.">
      <Card title="What it may do">
        <ul class="rights">
          {Object.entries(SAYS).filter(([scope]) => WANTED.includes(scope)).map(([scope, says]) => (
            <li>
              {covers(scopes.value, scope) ? <Badge tone="good">Has it</Badge> : <Badge tone="plain">Lacks it</Badge>}
              <div><code>{scope}</code><p class="muted small">{says}</p></div>
            </li>
          ))}
        </ul>
      </Card>
      <Card title="More rights"><More /></Card>
    </Page>
  );
}

function More() {
  const { phase, requestId, error } = upgrade.value;
  // One place for every word, so that each is read out as it comes.
  return (
    <div role="status" class="stack">
      {!lacksAny() ? <p>This browser has every right.</p>
        : phase === 'granted' ? <p>Approved. It is in force as soon as what runs now has ended.</p>
          : phase === 'waiting' ? <Asked requestId={requestId ?? ''} />
            : (
              <>
                {ENDED[phase] && <p class="note">{ENDED[phase]}</p>}
                <ErrorNote error={error} />
                <p>Ask for every right: whoever may approve it sees the request among the approvals. Meanwhile this browser goes on with what it has.</p>
                <div><Button tone="primary" onClick={() => void askForMore()}>{phase === 'none' ? 'Ask for every right' : 'Ask again'}</Button></div>
              </>
            )}
    </div>
  );
}

function Asked({ requestId }: { requestId: string }) {
  const code = verificationCode(deviceId.value);
  return (
    <>
      <p><span class="spinner" aria-hidden="true" /> Waiting for somebody to approve it. This page goes on by itself, and you need not stay on it.</p>
      {code && (
        <div class="code"><span class="muted small">Verification code of this browser</span><strong>{code}</strong>
          <span class="muted small">Whoever approves it sees the same one.</span></div>
      )}
      <div>
        <p class="muted small">Approve it on the page Approvals of a browser that has every right, or type where the gateway is:</p>
        <Copy text={`openclaw devices approve ${requestId}`} label="the command" block />
      </div>
    </>
  );
}
