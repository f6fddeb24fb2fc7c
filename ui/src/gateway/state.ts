/** What every page shows some of, as signals kept true by events; nothing is polled. */

import { computed, effect, signal, type Signal } from '@preact/signals';
import type { NodeEntry } from '../pages/NodeFacts';
import type { Device } from '../pages/TokenRow';
import { onEvent, request, scopes, status, type MethodCall } from './connection';
import { gathered } from './gathered';
import type { HostStats } from './protocol';
import type { DeviceRequest, Question, SurfaceRequest } from './replies';
import { APPROVALS, covers, PAIRING, READ } from './rights';

/** Undefined until the first answer; the last one is kept while the gateway is away. */
export const nodeList = signal<NodeEntry[] | undefined>(undefined);
export const devicePairing = signal<{ pending: DeviceRequest[]; paired: Device[] } | undefined>(undefined);
export const surfaceRequests = signal<SurfaceRequest[] | undefined>(undefined);
export const questions = signal<Question[] | undefined>(undefined);
/** Why something of it could not be asked for. */
export const stateError = signal<unknown>(undefined);

export const nodes = computed<NodeEntry[]>(() => nodeList.value ?? []);
export const devices = computed<Device[]>(() => devicePairing.value?.paired ?? []);

/** Everything that waits for a person, as devices and questions. */
export const waitingCount = computed(() => {
  const devices = (devicePairing.value?.pending ?? []).map((each) => each.deviceId);
  const surfaces = (surfaceRequests.value ?? []).map((each) => each.nodeId);
  return new Set([...devices, ...surfaces]).size + (questions.value?.length ?? 0);
});

/** Ask for something now, whenever a connection opens, and after these events. */
function follow<A, T>(call: MethodCall, scope: string, into: Signal<T | undefined>, pick: (answer: A) => T, events: readonly string[]): () => void {
  const may = () => status.value === 'open' && covers(scopes.value, scope);
  const { now, soon } = gathered(async () => {
    if (!may()) return;
    try {
      into.value = pick(await request<A>(...call));
      stateError.value = undefined;
    } catch (error) {
      stateError.value = error;
    }
  });
  events.forEach((name) => onEvent(name, soon));
  effect(() => {
    if (may()) now();
  });
  return soon;
}

follow(['node.list'], READ, nodeList, (answer: { nodes: NodeEntry[] }) => answer.nodes, [
  'presence', 'node.pair.requested', 'node.pair.resolved', 'node.surface.changed', 'device.pair.resolved', 'device.pair.changed',
]);
follow(['device.pair.list'], PAIRING, devicePairing, (answer: { pending: DeviceRequest[]; paired: Device[] }) => answer, [
  'device.pair.requested', 'device.pair.resolved', 'device.pair.changed', 'node.pair.requested', 'node.pair.resolved',
]);
follow(['node.pair.list'], PAIRING, surfaceRequests, (answer: { pending: SurfaceRequest[] }) => answer.pending, [
  'node.pair.requested', 'node.pair.resolved',
]);
const askQuestions = follow(['plugin.approval.list'], APPROVALS, questions, (answer: Question[]) => answer, [
  'plugin.approval.requested', 'plugin.approval.resolved',
]);

// A question that nobody answered goes without a word.
let expiry: ReturnType<typeof setTimeout> | undefined;
effect(() => {
  clearTimeout(expiry);
  const next = Math.min(...(questions.value ?? []).map((each) => each.expiresAtMs));
  if (Number.isFinite(next)) expiry = setTimeout(askQuestions, Math.max(1_000, next - Date.now()));
});

// Stats come every minute from every node: they are put in place, without asking for the list.
onEvent('node.hostStats', (payload) => {
  const { nodeId, hostStats } = payload as { nodeId: string; hostStats: HostStats };
  nodeList.value = nodeList.value?.map((node) => (node.nodeId === nodeId ? { ...node, hostStats } : node));
});
