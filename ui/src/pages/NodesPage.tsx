/** Every node: whether it is there, what it is, what it may do, what waits. */

import { useState } from 'preact/hooks';
import { Ago, AskForMore, Badge, Button, Empty, ErrorNote, Page, Skeleton, Table } from '../kit';
import { nodeList, stateError } from '../gateway/state';
import { lacking, READ } from '../gateway/rights';
import { sizeText } from '../results/shapes';
import { href } from '../router';
import type { NodeEntry } from './NodeFacts';
import { nameOf, shortId } from './people';

const FILTERS = { all: 'All', here: 'Online', away: 'Away', waiting: 'Waiting for approval' } as const;
type Filter = keyof typeof FILTERS;

/** Rows that a browser draws without a thought; more on demand. */
const AT_ONCE = 100;

export function NodesPage() {
  const [filter, setFilter] = useState<Filter>('all');
  const [text, setText] = useState('');
  const [most, setMost] = useState(AT_ONCE);
  const all = nodeList.value;
  const refusal = lacking(READ);
  const add = <a class="button primary" href={href('/pair')}>Pair a device</a>;
  if (all === undefined) {
    return <Page title="Nodes">{refusal ? <p class="note">{refusal} <AskForMore /></p> : stateError.value ? <ErrorNote error={stateError.value} /> : <Skeleton />}</Page>;
  }
  if (all.length === 0) {
    return (
      <Page title="Nodes" actions={add}>
        <Empty title="No node is paired yet">A node is a device that does things for you: a phone, a laptop, a Raspberry Pi. <a href={href('/pair')}>Pair the first one</a></Empty>
      </Page>
    );
  }
  const found = all.filter((node) => isOf(node, filter) && matches(node, text));
  const here = all.filter((node) => node.connected).length;
  return (
    <Page title="Nodes" lead={`${here} of ${all.length} online`} actions={add}>
      <div class="chips" role="group" aria-label="Show">
        {(Object.keys(FILTERS) as Filter[]).map((name) => (
          <button type="button" class="chip" aria-pressed={filter === name} onClick={() => setFilter(name)}>
            {FILTERS[name]} <span class="chip-count">{all.filter((node) => isOf(node, name)).length}</span>
          </button>
        ))}
        <label class="search"><span class="visually-hidden">Find a node</span>
          <input class="input" type="search" placeholder="Find by name, system, address…" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
      </div>
      {found.length === 0 ? <Empty title="No node fits">Choose another filter, or clear the search.</Empty> : (
        <Table caption="Nodes" rows={found.slice(0, most)} keyOf={(node) => node.nodeId} columns={COLUMNS} />
      )}
      {found.length > most && <div><Button onClick={() => setMost(most + AT_ONCE)}>Show {Math.min(AT_ONCE, found.length - most)} more of {found.length}</Button></div>}
    </Page>
  );
}

const COLUMNS = [
  { head: 'Node', cell: (node: NodeEntry) => <Name node={node} /> },
  { head: 'Status', cell: (node: NodeEntry) => <Presence node={node} /> },
  { head: 'May do', cell: (node: NodeEntry) => <May node={node} /> },
  { head: 'Machine', cell: (node: NodeEntry) => <Machine node={node} /> },
  { head: 'Address', cell: (node: NodeEntry) => <div><span class="nowrap">{node.remoteIp ?? 'this machine'}</span>{versionOf(node) && <div class="muted small">version {versionOf(node)}</div>}</div> },
];

function Name({ node }: { node: NodeEntry }) {
  return (
    <div class="cell-name">
      <a class="strong" href={href(`/nodes/${encodeURIComponent(node.nodeId)}`)}>{nameOf(node)}</a>
      <div class="muted small">{[node.platform, node.modelIdentifier ?? node.deviceFamily].filter(Boolean).join(', ')} <span class="mono">{shortId(node.nodeId)}</span></div>
    </div>
  );
}

function Presence({ node }: { node: NodeEntry }) {
  const seen = node.connected ? node.connectedAtMs : (node.lastSeenAtMs ?? node.lastDisconnectedAtMs);
  return (
    <div>
      {node.connected ? <Badge tone="good">Online</Badge> : <Badge tone="plain">Away</Badge>}
      <div class="muted small">{seen ? <>{node.connected ? 'since ' : 'last seen '}<Ago at={seen} /></> : !node.connected && 'never seen'}</div>
    </div>
  );
}

function May({ node }: { node: NodeEntry }) {
  const withheld = node.withheldCount ?? 0;
  return (
    <div>
      <span class="nowrap">{count(node.commands.length, 'command')}</span>
      {withheld > 0 && <span class="muted nowrap"> · {withheld} withheld</span>}
      {node.caps.length > 0 && <div class="muted small">{node.caps.join(', ')}</div>}
      {node.pendingRequestId ? (
        <div><a class="wait-link" href={href(`/approvals/${node.pendingRequestId}`)}>{node.approvalState === 'pending-reapproval' ? 'Asks for more: review' : 'Waits for approval: review'}</a></div>
      ) : node.approvalState === 'unapproved' && <div class="muted small">not approved</div>}
    </div>
  );
}

function Machine({ node }: { node: NodeEntry }) {
  const { hostStats: stats } = node;
  if (stats === undefined) return null;
  const load = stats.loadAverage?.[0];
  return (
    <div class="muted small">
      {load !== undefined && <div class="nowrap">load {load.toFixed(2)} on {count(stats.cpuCount, 'core')}</div>}
      <div class="nowrap">{sizeText(stats.memoryFreeBytes)} of {sizeText(stats.memoryTotalBytes)} free</div>
    </div>
  );
}

function isOf(node: NodeEntry, filter: Filter): boolean {
  if (filter === 'here') return node.connected;
  if (filter === 'away') return !node.connected;
  return filter === 'all' || node.pendingRequestId !== undefined || node.approvalState === 'pending-approval';
}

function matches(node: NodeEntry, text: string): boolean {
  const words = [nameOf(node), node.nodeId, node.platform, node.modelIdentifier, node.deviceFamily, node.remoteIp, ...node.caps];
  return words.some((word) => word?.toLowerCase().includes(text.trim().toLowerCase()));
}

function versionOf(node: NodeEntry): string | undefined {
  return node.coreVersion ?? node.version;
}

function count(many: number, word: string): string {
  return `${many} ${word}${many === 1 ? '' : 's'}`;
}
