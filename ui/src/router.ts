/** Pages by the path in the fragment, so that one file serves them all. */

import { signal } from '@preact/signals';

const FIRST = '/nodes';

export const path = signal(current());

function current(): string {
  return location.hash.startsWith('#/') && location.hash.length > 2 ? location.hash.slice(1) : FIRST;
}

export function href(to: string): string {
  return `#${to}`;
}

export function navigate(to: string): void {
  location.hash = to;
}

addEventListener('hashchange', () => {
  if (location.hash === '' || location.hash.startsWith('#/')) path.value = current();
});
