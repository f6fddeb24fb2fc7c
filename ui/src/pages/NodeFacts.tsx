/** A node's identity, presence, stats and permissions. */

import { Ago, Copy } from '../kit';
import type { HostStats } from '../gateway/protocol';
import { sizeText } from '../results/shapes';

export interface NodeEntry {
  nodeId: string;
  displayName?: string;
  platform?: string;
  version?: string;
  coreVersion?: string;
  uiVersion?: string;
  clientId?: string;
  clientMode?: string;
  deviceFamily?: string;
  modelIdentifier?: string;
  remoteIp?: string;
  caps: string[];
  commands: string[];
  /** Of a connected node: how many of its commands it may not run. */
  withheldCount?: number;
  permissions?: Record<string, boolean>;
  approvalState: string;
  pendingRequestId?: string;
  connected: boolean;
  paired: boolean;
  connectedAtMs?: number;
  lastConnectedAtMs?: number;
  lastDisconnectedAtMs?: number;
  lastSeenAtMs?: number;
  lastSeenReason?: string;
  approvedAtMs?: number;
  lastActiveAtMs?: number;
  hostStats?: HostStats;
}

const SEEN: Record<string, string> = { connect: 'when it connected', 'device-token-auth': 'when it signed in', background: 'by a sign of life' };

export function NodeFacts({ node }: { node: NodeEntry }) {
  const version = node.coreVersion ?? node.version;
  const facts: [string, preact.ComponentChildren][] = [
    ['Node ID', <Copy text={node.nodeId} short />],
    ['System', [node.platform, node.deviceFamily, node.modelIdentifier].filter(Boolean).join(', ')],
    ['Program', [[node.clientId, node.clientMode].filter(Boolean).join('/'), version && `version ${version}`].filter(Boolean).join(', ')],
    ['Address', node.remoteIp ?? 'this machine'],
    ['Connected', node.connected && node.connectedAtMs && <Ago at={node.connectedAtMs} />],
    ['Left', !node.connected && node.lastDisconnectedAtMs && <Ago at={node.lastDisconnectedAtMs} />],
    ['Last seen', node.lastSeenAtMs && <><Ago at={node.lastSeenAtMs} /> {SEEN[node.lastSeenReason ?? ''] ?? ''}</>],
    ['Last used by a person', node.lastActiveAtMs && <Ago at={node.lastActiveAtMs} />],
    ['Approved', node.approvedAtMs && <Ago at={node.approvedAtMs} />],
    ['Capabilities', node.caps.join(', ')],
    ['Permissions', node.permissions && <Permissions permissions={node.permissions} />],
  ];
  return (
    <>
      <dl class="facts">
        {facts.filter(([, value]) => value).map(([name, value]) => <div><dt>{name}</dt><dd>{value}</dd></div>)}
      </dl>
      {node.hostStats && <Stats stats={node.hostStats} old={!node.connected} />}
    </>
  );
}

function Permissions({ permissions }: { permissions: Record<string, boolean> }) {
  const entries = Object.entries(permissions).sort(([a], [b]) => a.localeCompare(b));
  return <>{entries.map(([name, given]) => `${name}: ${given ? 'yes' : 'no'}`).join(', ')}</>;
}

function Stats({ stats, old }: { stats: HostStats; old: boolean }) {
  const used = stats.memoryTotalBytes - stats.memoryFreeBytes;
  const load = stats.loadAverage?.[0];
  const disk = stats.diskTotalBytes;
  return (
    <div class="stats" aria-label={old ? 'Stats when it was last here' : 'Stats'} role="group">
      {load !== undefined && <Meter label="Load" value={load} most={stats.cpuCount} told={`${load.toFixed(2)} on ${stats.cpuCount} ${stats.cpuCount === 1 ? 'core' : 'cores'}`} />}
      <Meter label="Memory" value={used} most={stats.memoryTotalBytes} told={`${sizeText(used)} of ${sizeText(stats.memoryTotalBytes)} used`} />
      {disk !== undefined && stats.diskAvailableBytes !== undefined && (
        <Meter label="Disk" value={disk - stats.diskAvailableBytes} most={disk} told={`${sizeText(stats.diskAvailableBytes)} of ${sizeText(disk)} free`} />
      )}
      {old && <p class="muted">As it was when it was last here.</p>}
    </div>
  );
}

function Meter({ label, value, most, told }: { label: string; value: number; most: number; told: string }) {
  return (
    <div class="stat">
      <span class="stat-label">{label}</span>
      <meter min={0} max={most} high={most * 0.85} optimum={0} value={Math.min(value, most)} aria-label={`${label}: ${told}`} />
      <span class="muted">{told}</span>
    </div>
  );
}
