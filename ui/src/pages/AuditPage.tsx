/** Who did what, from where, and every refusal: filtered by the gateway, followed by its events. */

import { useState } from 'preact/hooks';
import { Badge, Button, Empty, ErrorNote, Page, Skeleton, Table } from '../kit';
import { devices } from '../gateway/state';
import { labelOf } from '../schema/fields';
import { useAudit, type AuditEvent, type AuditFilter } from './audit';
import { actorText, nameOf, shortId, type Tone } from './people';

const OUTCOMES: Record<string, { word: string; tone: Tone }> = {
  ok: { word: 'Done', tone: 'good' },
  refused: { word: 'Refused', tone: 'bad' },
  failed: { word: 'Failed', tone: 'bad' },
};
/** First words of kinds, as the gateway groups them. */
const KINDS: Record<string, string> = {
  invoke: 'Invokes', pending: 'Queue', connect: 'Connections', node: 'Nodes', surface: 'Node approvals', device: 'Devices',
  token: 'Tokens', setup: 'Setup codes', auth: 'Lock-outs', tool: 'Agents', plugins: 'Families',
};
const SPANS: Record<string, number> = { '15 minutes': 900_000, 'an hour': 3_600_000, 'a day': 86_400_000, 'a week': 604_800_000 };

export function AuditPage() {
  const [filter, setFilter] = useState<AuditFilter>({});
  const [follow, setFollow] = useState(true);
  const { events, error, older, more, busy } = useAudit(filter, follow);
  const names = new Map(devices.value.map((each) => [each.deviceId, nameOf(each)]));
  return (
    <Page title="Audit" lead="Who did what to which device, from where, and every refusal. Entries cannot be changed or removed.">
      <Filters filter={filter} onChange={setFilter} follow={follow} onFollow={setFollow} />
      <ErrorNote error={error} />
      {events === undefined ? !error && <Skeleton /> : events.length === 0 ? (
        <Empty title="No entry matches">Widen the filter to see more.</Empty>
      ) : (
        <div class="audit"><Entries events={events} names={names} /></div>
      )}
      {more && <Button onClick={older} busy={busy}>Show older</Button>}
    </Page>
  );
}

interface FilterProps {
  filter: AuditFilter;
  onChange: (filter: AuditFilter) => void;
  follow: boolean;
  onFollow: (follow: boolean) => void;
}

function Filters({ filter, onChange, follow, onFollow }: FilterProps) {
  const set = (part: Partial<AuditFilter>) => {
    const next = { ...filter, ...part };
    onChange(Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined && value !== '')) as AuditFilter);
  };
  return (
    <form class="filters" role="search" aria-label="Filter the audit" onSubmit={(event) => event.preventDefault()}>
      <label class="filter"><span>What</span>
        <select class="input" value={filter.kinds?.[0] ?? ''} onChange={(event) => set({ kinds: event.currentTarget.value ? [event.currentTarget.value] : undefined })}>
          <option value="">Everything</option>
          {Object.entries(KINDS).map(([kind, word]) => <option value={kind}>{word}</option>)}
        </select>
      </label>
      <label class="filter"><span>Outcome</span>
        <select class="input" value={filter.outcome ?? ''} onChange={(event) => set({ outcome: (event.currentTarget.value || undefined) as AuditFilter['outcome'] })}>
          <option value="">Any</option>
          {Object.entries(OUTCOMES).map(([value, { word }]) => <option value={value}>{word}</option>)}
        </select>
      </label>
      <DeviceFilter label="By" value={filter.actor} onChange={(actor) => set({ actor })} />
      <DeviceFilter label="About" value={filter.subject} onChange={(subject) => set({ subject })} />
      <label class="filter"><span>Since</span>
        <select class="input" onChange={(event) => set({ sinceMs: event.currentTarget.value ? Date.now() - Number(event.currentTarget.value) : undefined })}>
          <option value="">Ever</option>
          {Object.entries(SPANS).map(([word, span]) => <option value={String(span)}>{word} ago</option>)}
        </select>
      </label>
      <label class="filter filter-check">
        <input type="checkbox" class="checkbox" checked={follow} onChange={(event) => onFollow(event.currentTarget.checked)} />
        <span>Follow live</span>
      </label>
    </form>
  );
}

/** A device by name, or the beginning of any id. */
function DeviceFilter({ label, value, onChange }: { label: string; value: string | undefined; onChange: (value: string | undefined) => void }) {
  const known = devices.value;
  return (
    <label class="filter"><span>{label}</span>
      <select class="input" value={value ?? ''} onChange={(event) => onChange(event.currentTarget.value || undefined)}>
        <option value="">Anyone</option>
        {known.map((each) => <option value={each.deviceId}>{nameOf(each)}</option>)}
        {label === 'By' && <option value="client:">Clients without a key</option>}
        {label === 'By' && <option value="rule:">The gateway’s rules</option>}
      </select>
    </label>
  );
}

function Entries({ events, names }: { events: AuditEvent[]; names: ReadonlyMap<string, string> }) {
  return (
    <Table
      caption="Audit entries, newest first"
      rows={events}
      keyOf={(event) => String(event.id)}
      columns={[
        { head: 'Time', cell: (event) => <Moment at={event.ts} /> },
        { head: 'What', cell: (event) => <code>{event.kind}</code> },
        { head: 'Outcome', cell: (event) => <Badge tone={OUTCOMES[event.outcome]?.tone ?? 'plain'}>{OUTCOMES[event.outcome]?.word ?? event.outcome}</Badge> },
        { head: 'By', cell: (event) => <span title={event.actor}>{actorText(event.actor, names)}</span> },
        { head: 'About', cell: (event) => event.subject && <span title={event.subject}>{names.get(event.subject) ?? shortId(event.subject)}</span> },
        { head: 'From', cell: (event) => <span class="nowrap">{event.remoteIp ?? 'this machine'}</span> },
        { head: 'Details', cell: (event) => <Details details={event.details} /> },
      ]}
    />
  );
}

function Moment({ at }: { at: number }) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return <time dateTime={date.toISOString()} title={date.toLocaleString()}>{today ? date.toLocaleTimeString() : date.toLocaleString()}</time>;
}

/** A list is its length, to be opened; everything else is its text. */
function Details({ details }: { details: Record<string, unknown> | undefined }) {
  if (details === undefined) return null;
  return (
    <span class="details">
      {Object.entries(details).map(([key, value]) => {
        if (!Array.isArray(value)) return <span><b>{labelOf(key)}</b> {typeof value === 'string' ? shortId(value) : JSON.stringify(value)}</span>;
        const items = value.map(String);
        if (items.length < 3) return <span><b>{labelOf(key)}</b> {items.join(', ') || 'none'}</span>;
        return <details><summary><b>{labelOf(key)}</b> {items.length}</summary>{items.join(', ')}</details>;
      })}
    </span>
  );
}
