/** Work that waits for nodes, and what became of it. */

import { useState } from 'preact/hooks';
import { Ago, Badge, Button, Card, Dialog, Empty, ErrorNote, Page, Skeleton, Table, toast } from '../kit';
import { request } from '../gateway/connection';
import { devices, nodes } from '../gateway/state';
import type { PendingListParams } from '../gateway/protocol';
import { href } from '../router';
import { Result } from '../results/Result';
import type { Json } from '../schema/fields';
import { useLive } from './live';
import { actorText, nameOf, shortId, STATES } from './people';

export interface QueueItem {
  id: string;
  nodeId: string;
  type: string;
  foreground?: boolean;
  command?: string;
  state: string;
  priority: string;
  requestedBy: string;
  createdAtMs: number;
  expiresAtMs: number;
  deliveredAtMs?: number;
  finishedAtMs?: number;
  error?: { code?: string; message?: string };
  params?: Json;
  payload?: Json;
}

const GROUPS = {
  waiting: { word: 'Waiting', states: ['queued', 'delivered'] },
  done: { word: 'Done', states: ['done', 'drained'] },
  failed: { word: 'Failed', states: ['failed', 'unknown', 'expired', 'dropped'] },
  cancelled: { word: 'Cancelled', states: ['cancelled'] },
  all: { word: 'All', states: undefined },
} as const;
type GroupName = keyof typeof GROUPS;

const CHANGED = ['node.pending.changed'];

export function QueuePage({ itemId }: { itemId?: string | undefined }) {
  return itemId === undefined ? <QueueList /> : <QueueItemPage id={itemId} />;
}

function QueueList() {
  const [group, setGroup] = useState<GroupName>('waiting');
  const [nodeId, setNodeId] = useState('');
  const states = GROUPS[group].states;
  const params: PendingListParams = { limit: 200, ...(states ? { states: [...states] } : {}), ...(nodeId ? { nodeId } : {}) };
  const { data, error } = useLive<{ items: QueueItem[] }>(['node.pending.list', params], CHANGED);
  return (
    <Page title="Queue" lead="Work that waits for a node that is away. Finished work is kept for a day.">
      <div class="filters" role="group" aria-label="Filter">
        <div class="chips">
          {(Object.keys(GROUPS) as GroupName[]).map((each) => (
            <button type="button" class="chip" aria-pressed={each === group} onClick={() => setGroup(each)}>{GROUPS[each].word}</button>
          ))}
        </div>
        <label class="filter">
          <span>Node</span>
          <select class="input" value={nodeId} onChange={(event) => setNodeId(event.currentTarget.value)}>
            <option value="">All nodes</option>
            {nodes.value.map((node) => <option value={node.nodeId}>{nameOf(node)}</option>)}
          </select>
        </label>
      </div>
      <ErrorNote error={error} />
      {data === undefined ? !error && <Skeleton /> : data.items.length === 0 ? <NothingHere group={group} /> : <Items items={data.items} />}
    </Page>
  );
}

function NothingHere({ group }: { group: GroupName }) {
  return group === 'waiting' ? (
    <Empty title="Nothing waits">Open a node that is away and choose “Queue it” to leave a command for it.</Empty>
  ) : (
    <Empty title="No such work">Finished work is forgotten after a day; the audit keeps the record.</Empty>
  );
}

function Items({ items }: { items: QueueItem[] }) {
  return (
    <Table
      caption="Items, newest first"
      rows={items}
      keyOf={(item) => item.id}
      columns={[
        { head: 'What', cell: (item) => <a href={href(`/queue/${item.id}`)}>{whatOf(item)}</a> },
        { head: 'Node', cell: (item) => <a href={href(`/nodes/${item.nodeId}`)}>{nodeName(item.nodeId)}</a> },
        { head: 'State', cell: (item) => <StateBadge item={item} /> },
        { head: 'Priority', cell: (item) => item.priority },
        { head: 'Left', cell: (item) => <Ago at={item.createdAtMs} /> },
        { head: 'Action', cell: (item) => <CancelItem item={item} /> },
      ]}
    />
  );
}

export function StateBadge({ item }: { item: Pick<QueueItem, 'state'> }) {
  const known = STATES[item.state];
  return <Badge tone={known?.tone ?? 'plain'}>{known?.word ?? item.state}</Badge>;
}

function CancelItem({ item }: { item: QueueItem }) {
  const [asking, setAsking] = useState(false);
  if (!isOpen(item)) return null;
  const cancel = async () => {
    const { delivered } = await request<{ delivered: boolean }>('node.pending.cancel', { id: item.id });
    setAsking(false);
    toast(delivered ? 'Cancelled. The node has it already and may still run it.' : 'Cancelled.');
  };
  return (
    <>
      <Button small onClick={() => setAsking(true)} label={`Cancel ${whatOf(item)} for ${nodeName(item.nodeId)}`}>Cancel</Button>
      <Dialog open={asking} title={`Cancel ${whatOf(item)}?`} onClose={() => setAsking(false)}
        action={{ word: 'Cancel it', tone: 'danger', run: cancel }} dismiss="Keep it">
        <p>{nodeName(item.nodeId)} will not get it any more.{item.state === 'delivered' && ' It has it already, so it may still run it; what it reports is recorded.'}</p>
      </Dialog>
    </>
  );
}

function QueueItemPage({ id }: { id: string }) {
  const { data, error } = useLive<{ item: QueueItem }>(['node.pending.get', { id }], CHANGED, (told) => told.id === id);
  const item = data?.item;
  return (
    <Page title={item ? whatOf(item) : 'Queue item'} back={{ word: 'Queue', to: '/queue' }}>
      {unknown(error) ? <NothingHere group="all" /> : <ErrorNote error={error} />}
      {item === undefined ? !error && <Skeleton /> : <ItemDetail item={item} />}
    </Page>
  );
}

/** The gateway knows no such item any more. */
function unknown(error: unknown): boolean {
  return (error as { details?: { reason?: string } } | undefined)?.details?.reason === 'unknown-item';
}

function ItemDetail({ item }: { item: QueueItem }) {
  const facts: [string, preact.ComponentChildren][] = [
    ['State', <StateBadge item={item} />],
    ['Node', <a href={href(`/nodes/${item.nodeId}`)}>{nodeName(item.nodeId)}</a>],
    ['Priority', item.priority],
    ['Asked by', actorText(item.requestedBy, new Map(devices.value.map((each) => [each.deviceId, nameOf(each)])))],
    ['Left', <Ago at={item.createdAtMs} />],
    ['Delivered', item.deliveredAtMs && <Ago at={item.deliveredAtMs} />],
    ['Finished', item.finishedAtMs && <Ago at={item.finishedAtMs} />],
    ['Expires', isOpen(item) && <Ago at={item.expiresAtMs} />],
  ];
  return (
    <>
      <Card title="What became of it" actions={<CancelItem item={item} />}>
        <p class="muted" aria-live="polite">{STATES[item.state]?.says}</p>
        <dl class="facts">
          {facts.filter(([, value]) => value).map(([name, value]) => <div><dt>{name}</dt><dd>{value}</dd></div>)}
        </dl>
        {item.error && <ErrorNote error={item.error} />}
      </Card>
      {'payload' in item && <Card title="Result"><Result value={item.payload} caption={whatOf(item)} /></Card>}
      {'params' in item && <Card title="Params"><pre tabIndex={0} aria-label="Params">{JSON.stringify(item.params, null, 2)}</pre></Card>}
    </>
  );
}

function isOpen(item: QueueItem): boolean {
  return item.state === 'queued' || item.state === 'delivered';
}

function whatOf(item: QueueItem): string {
  return item.command ?? item.type;
}

function nodeName(nodeId: string): string {
  const node = nodes.value.find((each) => each.nodeId === nodeId);
  return node ? nameOf(node) : shortId(nodeId);
}
