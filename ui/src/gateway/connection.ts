/** One connection to the gateway that this page came from: sign, request, hear events, come back (PROTOCOL 3). */

import { signal } from '@preact/signals';
import type { HelloOk, Methods } from './protocol';
import { keepToken, loadIdentity, loadToken, NoIdentity, type Identity, type Obstacle } from './identity';

export type Status = 'connecting' | 'open' | 'away' | 'pairing' | 'locked' | 'impossible';

/** `pairing`: a person has to approve `pairingRequest`; `locked`: the gateway wants a credential; `impossible`: see `obstacle`. */
export const status = signal<Status>('connecting');
export const obstacle = signal<Obstacle | undefined>(undefined);
/** When the gateway was last heard of; what is shown while it is away is of then. Unix ms. */
export const heardAt = signal(0);
/** The gateway's own word about itself, of its last hello. */
export const server = signal<{ version: string } | undefined>(undefined);
export const pairingRequest = signal<string | undefined>(undefined);
export const deviceId = signal('');
export const scopes = signal<readonly string[]>([]);
/** Whether the gateway takes a password, where it would take a token otherwise; by its last refusal. */
export const takesPassword = signal(false);
/** Why the last attempt failed. */
export const trouble = signal<GatewayError | undefined>(undefined);

interface ErrorShape {
  code?: string;
  message?: string;
  details?: unknown;
  retryable?: boolean;
  retryAfterMs?: number;
}

export class GatewayError extends Error {
  readonly code: string;
  readonly details: unknown;

  constructor({ code, message, details }: ErrorShape) {
    super(message ?? 'The gateway refused.');
    this.code = code ?? 'UNKNOWN';
    this.details = details;
  }
}

interface Waiting {
  resolve: (payload: never) => void;
  reject: (error: GatewayError) => void;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Every right that this page has a use for. */
export const WANTED = ['operator.admin', 'operator.read', 'operator.write', 'operator.approvals', 'operator.pairing'];
/** What a setup code for fewer rights gives; the code does not say which kind it is. */
const FEWER = ['operator.approvals', 'operator.read', 'operator.write'];
const TIMEOUT_MS = 30_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const PAIRING_RETRY_MS = 2_000;
const CLIENT = { id: 'openclaw-control-ui', version: '0.1.0', platform: 'web', mode: 'ui' };

const TICKS_MISSED = 2.5;
const silence = { ms: 75_000 };
let socket: WebSocket | undefined;
let retries = 0;
let numbered = 0;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let askFewer = false;
let renewing = false;
let credential: { token?: string; password?: string; bootstrapToken?: string } = {};
const waiting = new Map<string, Waiting>();
const listeners = new Map<string, Set<(payload: unknown) => void>>();

/** Hear an event; call what comes back to stop. */
export function onEvent(name: string, listener: (payload: unknown) => void): () => void {
  const known = listeners.get(name) ?? new Set();
  listeners.set(name, known.add(listener));
  return () => known.delete(listener);
}

/** `timeoutMs` null waits as long as the connection lasts. */
export interface RequestOptions {
  timeoutMs?: number | null;
}

/** A method with what it takes; params may be left out where none is required. */
export type MethodCall = {
  [Name in keyof Methods]: {} extends Methods[Name]
    ? [method: Name, params?: Methods[Name], options?: RequestOptions]
    : [method: Name, params: Methods[Name], options?: RequestOptions];
}[keyof Methods];

/** Call a method. */
export function request<T = unknown>(...[method, params = {}, options = {}]: MethodCall): Promise<T> {
  const open = socket;
  if (open === undefined || open.readyState !== WebSocket.OPEN) {
    return Promise.reject(new GatewayError({ code: 'AWAY', message: 'The gateway is away. Try again when it is back.' }));
  }
  const id = String((numbered += 1));
  const limit = options.timeoutMs === undefined ? TIMEOUT_MS : options.timeoutMs;
  return new Promise<T>((resolve, reject) => {
    const late = () => settle(id)?.reject(new GatewayError({ code: 'TIMEOUT', message: `${method} was not answered in time.` }));
    waiting.set(id, { resolve, reject, timer: limit === null ? undefined : setTimeout(late, limit) });
    open.send(JSON.stringify({ type: 'req', id, method, params }));
  });
}

/** A token of this device that replaces the one it holds, and what it is for if that is new. */
export async function adoptToken(token: string, given?: string[]): Promise<void> {
  await keepToken(token, given);
}

/** Come anew, with the token that was adopted, once nothing that was asked is under way. */
export function renew(): void {
  renewing = true;
  setTimeout(() => {
    if (renewing && waiting.size === 0) again(0);
  });
}

/** Connect; with the gateway's token, its password, or the secret of a setup code. */
export function connect({ fewer = false, ...given }: typeof credential & { fewer?: boolean } = {}): void {
  credential = given;
  askFewer = fewer;
  if (status.value !== 'open') status.value = 'connecting';
  again(0);
}

/** Try now what would be tried later. */
export function hurry(): void {
  retries = 0;
  again(0);
}

function again(delayMs: number): void {
  clearTimeout(retryTimer);
  renewing = false;
  const old = socket;
  socket = undefined;
  old?.close();
  for (const id of [...waiting.keys()]) settle(id)?.reject(new GatewayError({ code: 'AWAY', message: 'The connection to the gateway was lost. Try again when it is back.' }));
  retryTimer = setTimeout(() => void open().catch(impossible), delayMs);
}

function impossible(error: unknown): void {
  if (!(error instanceof NoIdentity)) throw error;
  obstacle.value = error.obstacle;
  status.value = 'impossible';
}

async function open(): Promise<void> {
  const identity = await loadIdentity();
  deviceId.value = identity.deviceId;
  const made = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`);
  socket = made;
  made.onmessage = ({ data }) => take(made, identity, JSON.parse(data as string) as Frame);
  made.onclose = ({ code }) => made === socket && lost(code);
}

interface Frame {
  type: string;
  id?: string;
  event?: string;
  ok?: boolean;
  payload?: unknown;
  error?: ErrorShape;
}

function take(from: WebSocket, identity: Identity, frame: Frame): void {
  if (from !== socket) return;
  if (status.value === 'open') heardAt.value = Date.now();
  if (frame.type === 'event' && frame.event === 'connect.challenge') {
    void answer(from, identity, frame.payload as { nonce: string; ts: number });
  } else if (frame.type === 'event') {
    listeners.get(frame.event ?? '')?.forEach((listener) => listener(frame.payload));
  } else if (frame.id !== undefined) {
    const asked = settle(frame.id);
    if (frame.ok) asked?.resolve(frame.payload as never);
    else asked?.reject(new GatewayError(frame.error ?? {}));
  }
}

async function answer(from: WebSocket, identity: Identity, { nonce, ts }: { nonce: string; ts: number }): Promise<void> {
  const kept = await loadToken();
  const given = Boolean(credential.bootstrapToken || credential.token || credential.password);
  const auth = given ? { ...credential } : kept.token ? { deviceToken: kept.token } : {};
  const wanted = !given && kept.token && kept.scopes ? kept.scopes : askFewer ? FEWER : WANTED;
  const token = ('token' in auth && auth.token) || ('deviceToken' in auth && auth.deviceToken) || ('bootstrapToken' in auth && auth.bootstrapToken) || '';
  const payload = ['v3', identity.deviceId, CLIENT.id, CLIENT.mode, 'operator', wanted.join(), ts, token, nonce, CLIENT.platform, ''].join('|');
  const params = {
    minProtocol: 4,
    maxProtocol: 4,
    client: { ...CLIENT, displayName: browserName() },
    role: 'operator',
    scopes: wanted,
    device: { id: identity.deviceId, publicKey: identity.publicKey, signature: await identity.sign(payload), signedAt: ts, nonce },
    auth,
  };
  if (from !== socket) return;
  try {
    const hello = await request<HelloOk>('connect', params);
    if (hello.auth.deviceToken) await keepToken(hello.auth.deviceToken, hello.auth.scopes);
    credential = {};
    retries = 0;
    scopes.value = hello.auth.scopes;
    server.value = hello.server;
    heardAt.value = Date.now();
    silence.ms = hello.policy.tickIntervalMs * TICKS_MISSED;
    trouble.value = undefined;
    pairingRequest.value = undefined;
    status.value = 'open';
  } catch (error) {
    refused(error as GatewayError, kept.token !== undefined);
  }
}

function refused(error: GatewayError, hasToken: boolean): void {
  const details = (error.details ?? {}) as { code?: string; requestId?: string };
  const usedUp = credential.bootstrapToken !== undefined && details.code === 'AUTH_BOOTSTRAP_TOKEN_INVALID';
  if (usedUp && hasToken) {
    // An old link in a browser that is paired already: it needs no link.
    connect();
    return;
  }
  if (details.code === 'PAIRING_REQUIRED' && credential.bootstrapToken !== undefined && !askFewer) {
    askFewer = true;
    again(0);
    return;
  }
  trouble.value = error;
  const asked = pairingRequest.value;
  if (details.code === 'PAIRING_REQUIRED' && asked !== undefined && asked !== details.requestId) {
    // Another request in its place: to ask on and on would take a person's no for nothing.
    trouble.value = new GatewayError({ code: 'NOT_APPROVED', message: 'The request was rejected, or nobody decided it in time. Connect again to ask once more.' });
    credential = {};
    pairingRequest.value = undefined;
    status.value = 'locked';
  } else if (details.code === 'PAIRING_REQUIRED') {
    pairingRequest.value = details.requestId;
    status.value = 'pairing';
  } else if (details.code?.startsWith('AUTH_')) {
    credential = {};
    if (/^AUTH_(TOKEN|PASSWORD)_/.test(details.code)) takesPassword.value = details.code.startsWith('AUTH_PASSWORD');
    if (details.code === 'AUTH_DEVICE_TOKEN_MISMATCH') void keepToken(undefined);
    status.value = 'locked';
  }
}

function lost(code: number): void {
  if (status.value === 'locked' && code === 1008) return;
  if (status.value === 'open' || status.value === 'connecting') status.value = 'away';
  const delay = status.value === 'pairing' ? PAIRING_RETRY_MS : Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** retries) * (0.75 + Math.random() / 2);
  retries += 1;
  again(delay);
}

// A gateway that ticks no more is gone, whatever the socket says: a laptop slept, a cable was pulled.
setInterval(() => {
  if (status.value !== 'open' || Date.now() - heardAt.value < silence.ms) return;
  status.value = 'away';
  again(0);
}, 5_000);
addEventListener('online', () => { if (status.value === 'away') hurry(); });

function settle(id: string): Waiting | undefined {
  const asked = waiting.get(id);
  waiting.delete(id);
  clearTimeout(asked?.timer);
  if (renewing) renew();
  return asked;
}

function browserName(): string {
  const known = /(Firefox|Edg|Chrome|Safari)/.exec(navigator.userAgent)?.[1] ?? 'Browser';
  return `${known === 'Edg' ? 'Edge' : known} on ${navigator.platform || 'the web'}`;
}
