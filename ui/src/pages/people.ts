/** What ids and codes of the gateway are called in words. Pure. */

export interface Named {
  nodeId?: string | undefined;
  deviceId?: string | undefined;
  displayName?: string | undefined;
  operatorLabel?: string | undefined;
  clientId?: string | undefined;
}

export function nameOf(each: Named): string {
  return each.operatorLabel || each.displayName || each.clientId || shortId(each.nodeId ?? each.deviceId ?? '');
}

export function shortId(id: string): string {
  return id.length > 20 ? `${id.slice(0, 12)}…` : id;
}

/** `device:<id>` and `client:cli` of the audit trail with the names of the devices that are known. */
export function actorText(actor: string, names: ReadonlyMap<string, string>): string {
  const [kind, ...rest] = actor.split(':');
  const id = rest.join(':');
  if (kind === 'device' || kind === 'node') return names.get(id) ?? shortId(id);
  return kind === 'rule' ? `rule: ${id}` : id || actor;
}

export type Tone = 'good' | 'bad' | 'wait' | 'plain';

export const STATES: Record<string, { word: string; tone: Tone; says: string }> = {
  queued: { word: 'Waiting', tone: 'wait', says: 'It waits until the node is there.' },
  delivered: { word: 'Delivered', tone: 'wait', says: 'The node has it and has not answered yet.' },
  drained: { word: 'Taken', tone: 'good', says: 'The node took it.' },
  done: { word: 'Done', tone: 'good', says: 'The node did it.' },
  failed: { word: 'Failed', tone: 'bad', says: 'The node or the gateway refused it.' },
  unknown: { word: 'Unknown', tone: 'bad', says: 'The node had it and never said what became of it.' },
  expired: { word: 'Expired', tone: 'bad', says: 'Nobody came for it in time.' },
  cancelled: { word: 'Cancelled', tone: 'plain', says: 'A person took it back.' },
  dropped: { word: 'Dropped', tone: 'bad', says: 'The pairing it was meant for is gone.' },
};
