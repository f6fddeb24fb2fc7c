/** What a node may do, to choose from; what it may not, and what cures that. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { Badge, Card, Empty } from '../kit';
import { Cure, sentence } from '../kit/Cure';
import { href } from '../router';
import type { Json, Schema } from '../schema/fields';
import { InvokePanel } from './InvokePanel';

export interface CommandDetail {
  name: string;
  title?: string;
  description?: string;
  paramsSchema?: Schema;
  hints?: Record<string, boolean>;
  timeoutMs?: number;
  examples?: { params: Json; says?: string }[];
  validated: boolean;
  /** Why nobody invokes it by itself. */
  private?: string;
}

export interface Withheld {
  command: string;
  reason: string;
  message: string;
  cure: string;
}

/** From this many on, finding beats scrolling. */
const MANY = 10;

interface Props {
  nodeId: string;
  name: string;
  connected: boolean;
  details: CommandDetail[];
  withheld: Withheld[];
  chosen: string | undefined;
}

export function Commands({ nodeId, name, connected, details, withheld, chosen }: Props) {
  const command = details.find((each) => each.name === chosen);
  const panel = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  // Choosing a command goes to its form; opening the page with one chosen leaves focus on the page's title.
  useEffect(() => {
    if (!first.current) panel.current?.focus();
    first.current = false;
  }, [chosen]);
  return (
    <>
      <div class="workbench">
        <Card title="Commands">
          {details.length === 0 ? (
            <Empty title="It may do nothing yet">{withheld.length > 0 ? 'What it offers is withheld; see below why.' : 'It offers no commands.'}</Empty>
          ) : (
            <Groups nodeId={nodeId} details={details} chosen={chosen} />
          )}
        </Card>
        {command ? (
          <InvokePanel key={command.name} nodeId={nodeId} nodeName={name} connected={connected} command={command} heading={panel} />
        ) : (
          details.length > 0 && (
            <Card title="Invoke">
              <p class="muted">{chosen ? `${chosen} is not in force on this node.` : 'Choose a command to run it here.'}</p>
            </Card>
          )
        )}
      </div>
      {withheld.length > 0 && <WithheldList withheld={withheld} />}
    </>
  );
}

function Groups({ nodeId, details, chosen }: { nodeId: string; details: CommandDetail[]; chosen: string | undefined }) {
  const [wanted, setWanted] = useState('');
  const groups = new Map<string, CommandDetail[]>();
  for (const each of details.filter((one) => `${one.name} ${one.title ?? ''}`.toLowerCase().includes(wanted.trim().toLowerCase()))) {
    const family = each.name.split('.')[0] ?? '';
    groups.set(family, [...(groups.get(family) ?? []), each]);
  }
  return (
    <>
      {details.length >= MANY && (
        <label class="filter"><span>Find</span>
          <input class="input" type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
        </label>
      )}
      {groups.size === 0 && <p class="muted">No command is called that.</p>}
      <nav class="commands" aria-label="Commands">
        {[...groups].map(([family, members]) => (
          <section>
            <h3>{family}</h3>
            <ul>
              {members.map((each) => (
                <li>
                  <a href={href(`/nodes/${nodeId}/${each.name}`)} aria-current={each.name === chosen ? 'true' : undefined}>
                    <code>{each.name}</code>
                    {each.title && <span class="muted">{each.title}</span>}
                  </a>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </nav>
    </>
  );
}

function WithheldList({ withheld }: { withheld: Withheld[] }) {
  return (
    <Card title="Withheld">
      <p class="muted">The node offers these, but may not do them.</p>
      <ul class="withheld">
        {withheld.map((each) => (
          <li>
            <div><code>{each.command}</code> <Badge tone="wait">{each.reason.replaceAll('-', ' ')}</Badge></div>
            <p>{sentence(each.message)}</p>
            <p><Cure text={each.cure} to="To allow it" /></p>
          </li>
        ))}
      </ul>
    </Card>
  );
}
