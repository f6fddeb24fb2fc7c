/** Nodes and devices as signals, kept true by events. */

import { effect, signal } from '@preact/signals';
import type { NodeEntry } from '../pages/NodeFacts';
import type { Device } from '../pages/TokenRow';
import { onEvent, request, status } from './connection';

export const nodes = signal<NodeEntry[]>([]);
export const devices = signal<Device[]>([]);

const EVENTS = ['presence', 'node.pair.resolved', 'node.pair.requested', 'node.surface.changed', 'device.pair.changed', 'device.pair.resolved'];

let timer: ReturnType<typeof setTimeout> | undefined;

function refresh(): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    void request<{ nodes: NodeEntry[] }>('node.list').then((answer) => { nodes.value = answer.nodes; }, () => undefined);
    void request<{ paired: Device[] }>('device.pair.list').then((answer) => { devices.value = answer.paired; }, () => undefined);
  }, 100);
}

EVENTS.forEach((name) => onEvent(name, refresh));
effect(() => {
  if (status.value === 'open') refresh();
});
