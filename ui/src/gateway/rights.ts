/** What this page may do: the gateway's rules for scopes, so that a button says beforehand what it would answer (PROTOCOL 16.1). */

import { scopes, WANTED } from './connection';

export const ADMIN = 'operator.admin';
export const APPROVALS = 'operator.approvals';
export const PAIRING = 'operator.pairing';
export const READ = 'operator.read';
export const WRITE = 'operator.write';

/** Whether held scopes contain or imply one. Pure. */
export function covers(held: readonly string[], needed: string): boolean {
  if (held.includes(needed)) return true;
  if (held.includes(ADMIN)) return needed.startsWith('operator.');
  return held.includes(WRITE) && (needed === READ || needed === 'operator.talk');
}

/** Why this browser may not do what takes these scopes; undefined when it may. */
export function lacking(...needed: string[]): string | undefined {
  const missing = needed.filter((each) => !covers(scopes.value, each));
  if (missing.length === 0) return undefined;
  return `This browser lacks ${missing.join(' and ')}.`;
}

/** Whether there is a right that it could ask for. */
export function lacksAny(): boolean {
  return WANTED.some((each) => !covers(scopes.value, each));
}
