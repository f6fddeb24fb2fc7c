/** What a value is, so that it can be shown as that. Pure. */

import { isObject, type Json, type JsonObject } from '../schema/fields';

export interface Place {
  lat: number;
  lon: number;
  /** Metres; null when not told. */
  accuracy: number | null;
  heading: number | null;
}

const LAT = ['lat', 'latitude'];
const LON = ['lon', 'lng', 'longitude'];
const ACCURACY = ['accuracyMeters', 'accuracy', 'horizontalAccuracy'];
const HEADING = ['headingDeg', 'heading', 'course'];

/** The place an object tells, if it does. */
export function placeOf(value: JsonObject): Place | null {
  const number = (keys: string[]) => keys.map((key) => value[key]).find((each) => typeof each === 'number') as number | undefined;
  const lat = number(LAT);
  const lon = number(LON);
  if (lat === undefined || lon === undefined || Math.abs(lat) > 90 || Math.abs(lon) > 180) return null;
  return { lat, lon, accuracy: number(ACCURACY) ?? null, heading: number(HEADING) ?? null };
}

/** Rows of a table: a list whose entries are all objects with mostly the same keys. */
export function columnsOf(value: Json[]): string[] | null {
  if (value.length === 0 || !value.every(isObject)) return null;
  const seen = new Map<string, number>();
  for (const row of value as JsonObject[]) {
    for (const [key, each] of Object.entries(row)) if (each !== null) seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  const columns = [...seen.keys()];
  const filled = [...seen.values()].reduce((sum, n) => sum + n, 0);
  return columns.length > 0 && columns.length <= 12 && filled >= value.length ? columns : null;
}

/** A moment that a field tells, in Unix ms. */
export function momentOf(key: string, value: Json): number | null {
  if (typeof value === 'number' && /(AtMs|^ts|^timestamp|[a-z]Ts)$/.test(key) && value > 1e11 && value < 1e14) return value;
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(value)) {
    const parsed = Date.parse(value);
    return Number.isNaN(parsed) ? null : parsed;
  }
  return null;
}

/** A size in bytes as people say it. */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

/** A number with its unit, as the field's name tells it. */
export function measureText(key: string, value: number): string {
  if (/bytes$|^size$/i.test(key) && value >= 0) return sizeText(value);
  if (/Ms$/.test(key)) return value >= 1000 ? `${(value / 1000).toLocaleString()} s` : `${value} ms`;
  const unit = /(Meters|Mps|Deg|Degrees|Percent|Seconds)$/.exec(key)?.[1];
  const units: Record<string, string> = { Meters: ' m', Mps: ' m/s', Deg: '°', Degrees: '°', Percent: ' %', Seconds: ' s' };
  // Years, ids and ports read worse with separators.
  const text = Number.isInteger(value) && Math.abs(value) < 100_000 ? String(value) : value.toLocaleString(undefined, { maximumFractionDigits: 6 });
  return unit ? `${text}${units[unit]}` : text;
}

/** How a program ended, when the value is that of one. */
export function runOf(value: JsonObject): { stdout: string; stderr: string } | null {
  const { stdout, stderr } = value;
  return typeof stdout === 'string' || typeof stderr === 'string'
    ? { stdout: typeof stdout === 'string' ? stdout : '', stderr: typeof stderr === 'string' ? stderr : '' }
    : null;
}
