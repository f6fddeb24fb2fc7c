/** What cures a fault, as the gateway says it. */

import { Copy } from '.';

/** A cure that is a command to type is one to copy; `to` is what any other is for. */
export function Cure({ text, to }: { text: string; to: string }) {
  const at = text.search(/openclaw (nodes|devices|node|gateway|plugins) |pip install /);
  if (at < 0) return <>{to}: {text}.</>;
  return <>{at > 0 && `${sentence(text.slice(0, at).replace(/:\s*$/, ''))} `}<Copy text={text.slice(at)} /></>;
}

export function sentence(text: string): string {
  const trimmed = text.trim();
  return `${trimmed[0]?.toUpperCase() ?? ''}${trimmed.slice(1)}${/[.!?]$/.test(trimmed) ? '' : '.'}`;
}
