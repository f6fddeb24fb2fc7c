/** This browser's own key: Ed25519, made here, not extractable, kept in IndexedDB (PROTOCOL 3.4). */

export interface Identity {
  deviceId: string;
  publicKey: string;
  sign: (text: string) => Promise<string>;
}

interface Kept {
  keys: CryptoKeyPair;
  /** By gateway: the device token of the last hello. */
  token?: string;
}

const DATABASE = 'openclaw-control-ui';
const ROOM = 'identity';

export async function loadIdentity(): Promise<Identity> {
  let kept = await read();
  if (kept === undefined) {
    const keys = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
    kept = { keys };
    await write(kept);
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

export async function loadToken(): Promise<string | undefined> {
  return (await read())?.token;
}

export async function keepToken(token: string | undefined): Promise<void> {
  const kept = await read();
  if (kept === undefined) return;
  const { token: _, ...rest } = kept;
  await write(token === undefined ? rest : { ...rest, token });
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
