/** Pages by the path in the fragment, so that one file serves them all. */

import { signal } from '@preact/signals';

export const path = signal(current());

function current(): string {
  return location.hash.startsWith('#/') ? location.hash.slice(1) : '/nodes';
}

export function href(to: string): string {
  return `#${to}`;
}

export function navigate(to: string): void {
  location.hash = to;
}

addEventListener('hashchange', () => { path.value = current(); });
