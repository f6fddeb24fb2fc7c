/** Finds what a result carries as base64: pictures, video, sound, files. Pure. */

import { isObject, type Json, type JsonObject } from '../schema/fields';

export type MediaKind = 'picture' | 'video' | 'sound' | 'file';

export interface Media {
  kind: MediaKind;
  mime: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** A name to save it under. */
  name: string;
  /** The field that holds the text; left out where the rest of the result is shown. */
  field: string;
}

const FIELDS = ['base64', 'contentBase64', 'data', 'blob', 'dataUrl'];
const TYPES = ['mimeType', 'mime', 'contentType', 'mediaType', 'format'];
const FORMATS: Record<string, string> = {
  jpg: 'image/jpeg', jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp', gif: 'image/gif',
  mp4: 'video/mp4', webm: 'video/webm', mov: 'video/quicktime',
  wav: 'audio/wav', mp3: 'audio/mpeg', ogg: 'audio/ogg', m4a: 'audio/mp4', flac: 'audio/flac',
  pdf: 'application/pdf',
};
/** Shorter text is more likely a word that happens to be base64. */
const SHORTEST = 24;

/** The media that an object itself holds, not those of its children. */
export function mediaOf(value: JsonObject): Media | null {
  for (const field of FIELDS) {
    const text = value[field];
    if (typeof text !== 'string') continue;
    const url = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,(.*)$/s.exec(text);
    const told = url?.[1] ?? toldType(value);
    const encoded = url?.[2] ?? text;
    if (url === null && told === null && field !== 'base64' && field !== 'contentBase64') continue;
    const bytes = decode(encoded);
    if (bytes === null) continue;
    // The bytes know best: a node may say jpg and send a png.
    const mime = sniff(bytes) ?? told ?? 'application/octet-stream';
    return { kind: kindOf(mime), mime, bytes, name: nameOf(value, mime), field };
  }
  return null;
}

function toldType(value: JsonObject): string | null {
  for (const key of TYPES) {
    const told = value[key];
    if (typeof told !== 'string') continue;
    if (/^[\w.+-]+\/[\w.+-]+$/.test(told)) return told.toLowerCase();
    const known = FORMATS[told.toLowerCase()];
    if (known !== undefined) return known;
  }
  return null;
}

function decode(text: string): Uint8Array<ArrayBuffer> | null {
  const plain = text.replace(/\s+/g, '').replaceAll('-', '+').replaceAll('_', '/');
  if (plain.length < SHORTEST) return null;
  try {
    const raw = atob(plain);
    const bytes = new Uint8Array(raw.length);
    for (let at = 0; at < raw.length; at += 1) bytes[at] = raw.charCodeAt(at);
    return bytes;
  } catch {
    return null;
  }
}

const STARTS: [string, number, string][] = [
  ['\xff\xd8\xff', 0, 'image/jpeg'],
  ['\x89PNG', 0, 'image/png'],
  ['GIF8', 0, 'image/gif'],
  ['WEBP', 8, 'image/webp'],
  ['WAVE', 8, 'audio/wav'],
  ['OggS', 0, 'audio/ogg'],
  ['fLaC', 0, 'audio/flac'],
  ['ID3', 0, 'audio/mpeg'],
  ['ftypM4A', 4, 'audio/mp4'],
  ['ftyp', 4, 'video/mp4'],
  ['\x1aE\xdf\xa3', 0, 'video/webm'],
  ['%PDF', 0, 'application/pdf'],
];

function sniff(bytes: Uint8Array): string | null {
  const head = String.fromCharCode(...bytes.subarray(0, 16));
  return STARTS.find(([text, at]) => head.startsWith(text, at))?.[2] ?? null;
}

function kindOf(mime: string): MediaKind {
  // An SVG is shown as a file: it is a document that can hold more than a picture.
  if (mime.startsWith('image/') && mime !== 'image/svg+xml') return 'picture';
  if (mime.startsWith('video/')) return 'video';
  return mime.startsWith('audio/') ? 'sound' : 'file';
}

function nameOf(value: JsonObject, mime: string): string {
  const told = [value.name, value.path].find((each) => typeof each === 'string') as string | undefined;
  const last = told?.split(/[\\/]/).pop();
  if (last) return last;
  const suffix = Object.entries(FORMATS).find(([, each]) => each === mime)?.[0] ?? 'bin';
  return `result.${suffix}`;
}

/** The value with long encoded text cut short, to be read. */
export function shortened(value: Json): Json {
  if (typeof value === 'string') {
    const encoded = value.length > 400 && !/\s/.test(value.slice(0, 400));
    return encoded ? `${value.slice(0, 40)}… (${value.length.toLocaleString()} characters)` : value;
  }
  if (Array.isArray(value)) return value.map(shortened);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shortened(each)]));
  return value;
}

export { isObject };
