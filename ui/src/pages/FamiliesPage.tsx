/** Installed families of capabilities: what each brings, and what is wrong with one that did not load. */

import { useState } from 'preact/hooks';
import { request } from '../gateway/connection';
import type { FamilyPackage } from '../gateway/replies';
import { ADMIN, lacking } from '../gateway/rights';
import { Badge, Button, Card, Empty, ErrorNote, Page, Skeleton, toast } from '../kit';
import { Cure } from '../kit/Cure';
import { useLive } from './live';

const CHANGED = ['plugins.changed'];

interface Reloaded {
  added: string[];
  removed: string[];
  replaced: string[];
  plugins: FamilyPackage[];
}

export function FamiliesPage() {
  const { data, error } = useLive<{ plugins: FamilyPackage[] }>(['plugins.list'], CHANGED);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<unknown>();
  const look = async () => {
    setBusy(true);
    setRefusal(undefined);
    await request<Reloaded>('plugins.reload').then((told) => toast(changesText(told)), setRefusal);
    setBusy(false);
  };
  const families = data && [...data.plugins].sort((a, b) => Number(a.state === 'loaded') - Number(b.state === 'loaded'));
  return (
    <Page title="Families" lead="A family is a Python package that teaches gateway and nodes a kind of work. Install one beside the gateway, and it is served without a restart."
      actions={<Button busy={busy} onClick={() => void look()} why={lacking(ADMIN)}>Look for changes</Button>}>
      <ErrorNote error={refusal ?? error} />
      {families === undefined ? !error && <Skeleton /> : families.length === 0 ? (
        <Empty title="No family is installed">Without one, nodes can be paired and do nothing yet. Families are packages whose names begin with <code>openclaw-</code>; install one with pip where the gateway is.</Empty>
      ) : <div class="families">{families.map((family) => <FamilyCard key={`${family.distribution} ${family.name}`} family={family} />)}</div>}
    </Page>
  );
}

function FamilyCard({ family }: { family: FamilyPackage }) {
  const { commands = [] } = family;
  return (
    <Card title={family.title ?? family.name} badges={family.state === 'loaded' ? <Badge tone="good">Loaded</Badge> : <Badge tone="bad">Failed</Badge>}>
      <p class="muted small">{family.distribution ?? family.name}{family.version && ` ${family.version}`}</p>
      {family.state === 'failed' && (
        <div class="stack">
          <p class="error">{family.reason}</p>
          {family.cure && <p><Cure text={family.cure} to="To cure it" /></p>}
        </div>
      )}
      {family.state === 'loaded' && (commands.length === 0 ? <p class="muted small">Brings no commands.</p> : (
        <details>
          <summary>{commands.length === 1 ? 'One command' : `${commands.length} commands`}</summary>
          <ul class="names">{commands.map((name) => <li><code>{name}</code></li>)}</ul>
        </details>
      ))}
    </Card>
  );
}

function changesText({ added, removed, replaced, plugins }: Reloaded): string {
  const failed = plugins.filter((each) => each.state === 'failed').map((each) => each.name);
  const said = [['New', added], ['Gone', removed], ['Changed', replaced], ['Failed', failed]] as const;
  const words = said.filter(([, names]) => names.length > 0).map(([word, names]) => `${word}: ${names.join(', ')}.`);
  return words.join(' ') || 'Nothing changed.';
}
