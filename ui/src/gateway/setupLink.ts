/** The setup code in a link: taken out of the address at once, so that nobody reads it there later (PROTOCOL 6.6). */

export interface SetupCode {
  bootstrapToken: string;
}

/** The code of the page's own address, which no longer has it afterwards. */
export function takeFromAddress(): SetupCode | undefined {
  if (!location.hash.startsWith('#setup=')) return undefined;
  const text = location.hash;
  history.replaceState(null, '', location.pathname);
  return readSetupCode(text);
}

/** What a person pasted: a link, or the code itself. Undefined for what is neither. Pure. */
export function readSetupCode(text: string): SetupCode | undefined {
  const code = text.trim().replace(/^.*#setup=/s, '').replace(/^oc-pair:\/\//i, '').replaceAll(/\s/g, '');
  try {
    const read = JSON.parse(atob(code.replaceAll('-', '+').replaceAll('_', '/'))) as Partial<SetupCode>;
    return typeof read.bootstrapToken === 'string' ? { bootstrapToken: read.bootstrapToken } : undefined;
  } catch {
    return undefined;
  }
}
