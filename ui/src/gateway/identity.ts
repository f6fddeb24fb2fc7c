/** This browser's own key: Ed25519, made here, not extractable, kept in IndexedDB (PROTOCOL 3.4). */

export interface Identity {
  deviceId: string;
  publicKey: string;
  sign: (text: string) => Promise<string>;
}

interface Kept {
  keys: CryptoKeyPair;
  /** The device token of the last hello. */
  token?: string;
  /** What that token is for: to ask for more would need another approval. */
  scopes?: string[];
}

/** Why this browser cannot have a key of its own; undefined when it can. */
export type Obstacle = 'insecure' | 'unsupported' | 'no-storage';

export class NoIdentity extends Error {
  readonly obstacle: Obstacle;

  constructor(obstacle: Obstacle) {
    super(obstacle);
    this.obstacle = obstacle;
  }
}

const DATABASE = 'openclaw-control-ui';
const ROOM = 'identity';

/**
 * The key; made on the first visit.
 *
 * @throws NoIdentity where browsers have no WebCrypto, no Ed25519 or no storage
 */
export async function loadIdentity(): Promise<Identity> {
  if (!isSecureContext || crypto.subtle === undefined) throw new NoIdentity('insecure');
  let kept = await read().catch(() => { throw new NoIdentity('no-storage'); });
  if (kept === undefined) {
    kept = { keys: await newKeys() };
    await write(kept).catch(() => { throw new NoIdentity('no-storage'); });
  }
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', kept.keys.publicKey));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', raw));
  const { privateKey } = kept.keys;
  return {
    deviceId: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
    publicKey: base64url(raw),
    sign: async (text) => base64url(new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, new TextEncoder().encode(text)))),
  };
}

async function newKeys(): Promise<CryptoKeyPair> {
  try {
    return (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
  } catch {
    throw new NoIdentity('unsupported');
  }
}

export async function loadToken(): Promise<{ token?: string; scopes?: string[] }> {
  return (await read()) ?? {};
}

/** Keep a token; what it is for stays as it was unless it is said. Undefined forgets both. */
export async function keepToken(token: string | undefined, scopes?: string[]): Promise<void> {
  const kept = await read();
  if (kept === undefined) return;
  const { keys } = kept;
  const held = scopes ?? kept.scopes;
  await write(token === undefined ? { keys } : { keys, token, ...(held ? { scopes: held } : {}) });
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(ROOM);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function read(): Promise<Kept | undefined> {
  const database = await opened();
  return new Promise((resolve, reject) => {
    const asked = database.transaction(ROOM).objectStore(ROOM).get(ROOM);
    asked.onsuccess = () => resolve(asked.result as Kept | undefined);
    asked.onerror = () => reject(asked.error);
  });
}

async function write(kept: Kept): Promise<void> {
  const database = await opened();
  return new Promise((resolve, reject) => {
    const change = database.transaction(ROOM, 'readwrite');
    change.objectStore(ROOM).put(kept, ROOM);
    change.oncomplete = () => resolve();
    change.onerror = () => reject(change.error);
  });
}
