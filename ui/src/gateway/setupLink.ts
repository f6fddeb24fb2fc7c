/** The setup code in a link: taken out of the address at once, so that nobody reads it there later (PROTOCOL 6.6). */

export interface SetupCode {
  bootstrapToken: string;
  /** The link says that the code gives fewer rights; of the code alone nobody knows. */
  fewer?: boolean;
}

const FEWER = '&access=limited';

/** The address that lets a browser in with a code. */
export function linkOf(page: string, code: string, access: string): string {
  return `${page}#setup=${code}${access === 'limited' ? FEWER : ''}`;
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
  const fewer = text.trim().endsWith(FEWER);
  const code = text.trim().replace(FEWER, '').replace(/^.*#setup=/s, '').replace(/^oc-pair:\/\//i, '').replaceAll(/\s/g, '');
  try {
    const read = JSON.parse(atob(code.replaceAll('-', '+').replaceAll('_', '/'))) as Partial<SetupCode>;
    return typeof read.bootstrapToken === 'string' ? { bootstrapToken: read.bootstrapToken, fewer } : undefined;
  } catch {
    return undefined;
  }
}
