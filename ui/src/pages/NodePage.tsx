/** One node: who it is, how it is, what it may do and why not, and doing it. */

import { useState } from 'preact/hooks';
import { Badge, Button, Card, Dialog, Empty, ErrorNote, Field, Page, Skeleton, toast } from '../kit';
import { request } from '../gateway/connection';
import type { PendingListParams } from '../gateway/protocol';
import { href, navigate } from '../router';
import { Commands, type CommandDetail, type Withheld } from '../invoking/Commands';
import { NodeFacts, type NodeEntry } from './NodeFacts';
import { useLive } from './live';
import { nameOf } from './people';

export interface NodeDetail extends NodeEntry {
  commandDetails: CommandDetail[];
  withheld: Withheld[];
}

/** Every event after which `node.describe` may answer otherwise. */
const CHANGED = [
  'presence', 'node.presence', 'node.hostStats', 'node.surface.changed', 'node.pair.requested', 'node.pair.resolved', 'plugins.changed',
];

export function NodePage({ nodeId, command }: { nodeId: string; command?: string | undefined }) {
  const about = (told: Record<string, unknown>) => told.nodeId === undefined || told.nodeId === nodeId;
  const { data: node, error } = useLive<NodeDetail>(['node.describe', { nodeId }], CHANGED, about);
  if (node === undefined) {
    return <Page title="Node" back={{ word: 'Nodes', to: '/nodes' }}>{!error ? <Skeleton /> : unknown(error) ? <Empty title="No such node">It was removed, or the address is cut short.</Empty> : <ErrorNote error={error} />}</Page>;
  }
  const name = nameOf(node);
  return (
    <Page
      title={name}
      back={{ word: 'Nodes', to: '/nodes' }}
      badges={
        <>
          {node.connected ? <Badge tone="good">Connected</Badge> : <Badge tone="plain">Away</Badge>}
          {node.approvalState !== 'approved' && <Badge tone="wait">{APPROVALS[node.approvalState] ?? node.approvalState}</Badge>}
        </>
      }
      actions={
        <>
          <RenameNode node={node} name={name} />
          <RemoveNode node={node} name={name} />
        </>
      }
    >
      <ErrorNote error={error} />
      {node.pendingRequestId && (
        <p class="note">{name} asks for more than it may do. <a href={href('/approvals')}>Review and approve</a></p>
      )}
      <WaitingWork nodeId={nodeId} name={name} />
      <Card title="About"><NodeFacts node={node} /></Card>
      <Commands nodeId={nodeId} name={name} connected={node.connected} details={node.commandDetails} withheld={node.withheld} chosen={command} />
    </Page>
  );
}

/** The gateway knows no such node. */
function unknown(error: unknown): boolean {
  return (error as { message?: string }).message === 'unknown nodeId';
}

/** What waits for this node in the queue, if anything does. */
function WaitingWork({ nodeId, name }: { nodeId: string; name: string }) {
  const params: PendingListParams = { nodeId, states: ['queued', 'delivered'], limit: 1000 };
  const { data } = useLive<{ items: unknown[] }>(['node.pending.list', params], ['node.pending.changed'], (told) => told.nodeId === nodeId);
  const count = data?.items.length ?? 0;
  if (count === 0) return null;
  return (
    <p class="note" role="status">
      {count === 1 ? 'One command waits' : `${count === 1000 ? '1000 or more' : count} commands wait`} for {name}. <a href={href('/queue')}>Show the queue</a>
    </p>
  );
}

const APPROVALS: Record<string, string> = {
  'pending-approval': 'Waits for approval', 'pending-reapproval': 'Asks for more', unapproved: 'Not approved',
};

function RenameNode({ node, name }: { node: NodeDetail; name: string }) {
  const [open, setOpen] = useState(false);
  const [label, setLabel] = useState(name);
  const save = async () => {
    await request('node.rename', { nodeId: node.nodeId, displayName: label.trim() });
    setOpen(false);
    toast(`Renamed to ${label.trim()}.`);
  };
  return (
    <>
      <Button small onClick={() => { setLabel(name); setOpen(true); }}>Rename</Button>
      <Dialog open={open} title={`Rename ${name}`} onClose={() => setOpen(false)} action={{ word: 'Save', run: save }}>
        <Field label="Name"><input class="input" maxLength={64} pattern=".*\S.*" title="A name that is not blank" required value={label} onInput={(event) => setLabel(event.currentTarget.value)} /></Field>
      </Dialog>
    </>
  );
}

function RemoveNode({ node, name }: { node: NodeDetail; name: string }) {
  const [open, setOpen] = useState(false);
  const remove = async () => {
    await request('node.pair.remove', { nodeId: node.nodeId });
    toast(`${name} was removed.`);
    navigate('/nodes');
  };
  return (
    <>
      <Button small tone="danger" onClick={() => setOpen(true)}>Remove</Button>
      <Dialog open={open} title={`Remove ${name}?`} onClose={() => setOpen(false)} action={{ word: 'Remove', tone: 'danger', run: remove }} dismiss="Keep it">
        <p>It is disconnected at once, what it was approved to do is forgotten, and work that waits for it is dropped. To come back it has to be paired and approved again.</p>
      </Dialog>
    </>
  );
}
