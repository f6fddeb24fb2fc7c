/** What is wrong with a value, by JSON pointer: found here before it is sent, or told by the gateway. */

import { isObject, type Field, type Json } from './fields';

export type Problems = ReadonlyMap<string, string>;

/** What the schema of a field refuses in a value; undefined stands for a value that was left out. */
export function check(field: Field, value: Json | undefined, at = ''): Map<string, string> {
  const found = new Map<string, string>();
  if (value === undefined) {
    if (field.required && field.initial === undefined && at !== '') found.set(at, 'This is needed.');
    else if (at === '') field.fields.forEach((each) => merge(found, check(each, undefined, `/${each.name}`)));
    return found;
  }
  const problem = value === null ? null : problemOf(field, value);
  if (problem) found.set(at, problem);
  if (field.kind === 'object' && isObject(value)) {
    field.fields.forEach((each) => merge(found, check(each, value[each.name], `${at}/${escape(each.name)}`)));
  } else if (field.kind === 'list' && Array.isArray(value)) {
    value.forEach((each, n) => field.item && merge(found, check(field.item, each, `${at}/${n}`)));
  } else if (field.kind === 'map' && isObject(value)) {
    Object.entries(value).forEach(([key, each]) => field.item && merge(found, check(field.item, each, `${at}/${escape(key)}`)));
  }
  return found;
}

function problemOf(field: Field, value: Json): string | null {
  if (typeof value === 'number') return numberProblem(field, value);
  if (typeof value === 'string' && field.kind !== 'choice') return textProblem(field, value);
  if (Array.isArray(value) && field.kind === 'list') {
    if (field.minItems !== undefined && value.length < field.minItems) return `Give at least ${field.minItems}.`;
    if (field.maxItems !== undefined && value.length > field.maxItems) return `Give at most ${field.maxItems}.`;
  }
  return null;
}

function numberProblem(field: Field, value: number): string | null {
  if (field.kind === 'integer' && !Number.isInteger(value)) return 'Give a whole number.';
  if (field.min !== undefined && value < field.min) return `Give ${field.min} or more.`;
  if (field.max !== undefined && value > field.max) return `Give ${field.max} or less.`;
  if (field.above !== undefined && value <= field.above) return `Give more than ${field.above}.`;
  if (field.below !== undefined && value >= field.below) return `Give less than ${field.below}.`;
  return null;
}

function textProblem(field: Field, value: string): string | null {
  if (field.minLength !== undefined && value.length < field.minLength) {
    return field.minLength === 1 ? 'This is needed.' : `Give at least ${field.minLength} characters.`;
  }
  if (field.maxLength !== undefined && value.length > field.maxLength) return `Give at most ${field.maxLength} characters.`;
  if (field.pattern !== undefined && !matches(field.pattern, value)) return `This must match ${field.pattern}`;
  return null;
}

/** Patterns are Python's; one that this engine does not understand is left to the gateway. */
function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern.replaceAll('\\z', '$').replaceAll('\\A', '^'), 'u').test(value);
  } catch {
    return true;
  }
}

/** `details.problems` of a gateway's refusal of a command's params. */
export interface Refusal {
  problems: { path: string; problem: string; allowed?: string; got?: string }[];
}

/** The problems of a gateway's refusal by the field they are about; '' for the whole. */
export function problemsOf(refusal: Refusal): Map<string, string> {
  const found = new Map<string, string>();
  for (const { path, problem, allowed } of refusal.problems) {
    const missing = /^must have required property '(.+)'$/.exec(problem)?.[1];
    if (missing !== undefined) found.set(`${path}/${escape(missing)}`, 'This is needed.');
    else found.set(path, sentence(allowed ? `${problem} (allowed: ${allowed})` : problem));
  }
  return found;
}

/** The problems that no field of the form shows: told above it, so that none is lost. */
export function unplaced(problems: Problems, shown: (pointer: string) => boolean): string[] {
  return [...problems].filter(([at]) => at === '' || !shown(at)).map(([at, text]) => (at ? `${at}: ${text}` : text));
}

function sentence(text: string): string {
  return text ? `${text[0]?.toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}` : text;
}

export function escape(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function merge(into: Map<string, string>, more: Map<string, string>): void {
  more.forEach((text, at) => into.set(at, text));
}
