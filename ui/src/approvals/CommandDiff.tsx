/** What a node may do once it is approved, held against what it may do now. */

import type { ComponentChildren } from 'preact';
import type { Withheld } from '../gateway/replies';
import { diffOf } from './waiting';

interface Props {
  asked: string[];
  approved: string[];
  withheld: Withheld[];
}

export function CommandDiff({ asked, approved, withheld }: Props) {
  const { added, kept, gone } = diffOf(asked, approved);
  return (
    <div class="diff">
      <Group sign="+" tone="added" title={`New: ${added.length}`} names={added}>{added.length === 0 && <p class="muted small">Nothing new.</p>}</Group>
      {kept.length > 0 && <Group sign="=" tone="kept" title={`Already approved: ${kept.length}`} names={kept} />}
      {gone.length > 0 && <Group sign="−" tone="gone" title={`No longer offered: ${gone.length}`} names={gone} />}
      {withheld.length > 0 && (
        <details class="diff-group">
          <summary>Withheld by this gateway’s policy: {withheld.length}</summary>
          <p class="muted small">An approval does not give these.</p>
          <ul class="diff-why">
            {withheld.map(({ command, message, cure }) => <li><code>{command}</code> <span class="muted small">{message}{cure && `; ${cure}`}</span></li>)}
          </ul>
        </details>
      )}
    </div>
  );
}

function Group({ sign, tone, title, names, children }: { sign: string; tone: string; title: string; names: string[]; children?: ComponentChildren }) {
  return (
    <section class={`diff-group diff-${tone}`}>
      <h4>{title}</h4>
      {names.length > 0 && <ul>{names.map((name) => <li><span class="sign" aria-hidden="true">{sign}</span><code>{name}</code></li>)}</ul>}
      {children}
    </section>
  );
}
