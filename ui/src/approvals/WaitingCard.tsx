/** A device that waits for a person: all that is known of it, what it asks for, and the decision. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { request } from '../gateway/connection';
import type { Withheld } from '../gateway/replies';
import { lacking, PAIRING } from '../gateway/rights';
import { verificationCode } from '../gateway/verificationCode';
import { Ago, Badge, Button, Card, Copy, Dialog, ErrorNote, toast } from '../kit';
import type { NodeDetail } from '../pages/NodePage';
import { useLive } from '../pages/live';
import { nameOf } from '../pages/people';
import { CommandDiff } from './CommandDiff';
import { isJoint, occasion, rolesOf, scopesToApprove, surfaceOf, type Waiting } from './waiting';

const NO_EVENTS: string[] = [];

export function WaitingCard({ waiting, chosen, onDone }: { waiting: Waiting; chosen: boolean; onDone: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { device, surface, known } = waiting;
  const name = nameOf({ ...device, ...surface, ...(known?.operatorLabel ? { operatorLabel: known.operatorLabel } : {}), deviceId: waiting.deviceId });
  useEffect(() => {
    if (!chosen) return;
    heading.current?.focus();
    heading.current?.scrollIntoView({ block: 'start' });
  }, [chosen]);
  return (
    <div class={chosen ? 'chosen' : undefined}>
      <Card title={name} headingRef={heading} badges={<><Badge tone="wait">{occasion(waiting)}</Badge>{device?.isRepair && !known && <Badge tone="wait">Repair</Badge>}</>}>
        <div class="ask">
          <Who waiting={waiting} />
          {surface && !isJoint(waiting) ? <ConnectedOffer waiting={waiting} /> : <Offer waiting={waiting} withheld={surfaceOf(waiting)?.withheld ?? []} />}
        </div>
        <Decision waiting={waiting} name={name} onDone={onDone} />
      </Card>
    </div>
  );
}

function Who({ waiting }: { waiting: Waiting }) {
  const { device, surface, deviceId, since } = waiting;
  const told = { ...surface, ...device };
  const code = verificationCode(deviceId);
  const facts: [string, preact.ComponentChildren][] = [
    ['Device ID', <Copy text={deviceId} short />],
    ['System', [told.platform, told.deviceFamily].filter(Boolean).join(', ') || 'not told'],
    ['From', <>{told.remoteIp ?? 'this machine'}{device?.browserOrigin && <>, page at {device.browserOrigin}</>}</>],
    ['Program', [told.clientId, told.clientMode].filter(Boolean).join('/') + (surface?.version ? `, version ${surface.version}` : '') || 'not told'],
    ['Asked', <Ago at={since} />],
  ];
  return (
    <div class="who">
      {code && (
        <div class="code">
          <span class="muted small">Verification code</span>
          <strong>{code}</strong>
          <span class="muted small">The device shows the same one. If it does not, it is not that device.</span>
        </div>
      )}
      <dl class="facts">{facts.map(([name, value]) => <div><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
    </div>
  );
}

/** Of a node that is let in, the gateway also knows what it withholds. */
function ConnectedOffer({ waiting }: { waiting: Waiting }) {
  const { data } = useLive<NodeDetail>(['node.describe', { nodeId: waiting.deviceId }], NO_EVENTS);
  const asked = surfaceOf(waiting)?.commands ?? [];
  return <Offer waiting={waiting} withheld={(data?.withheld ?? []).filter(({ command }) => !asked.includes(command))} />;
}

function Offer({ waiting, withheld }: { waiting: Waiting; withheld: Withheld[] }) {
  const { device, known } = waiting;
  const offer = surfaceOf(waiting);
  const scopes = device?.scopes ?? [];
  const held = known?.tokens.filter((token) => token.revokedAtMs === undefined).flatMap((token) => token.scopes) ?? [];
  const permissions = Object.entries(offer?.permissions ?? {});
  return (
    <div class="offer">
      {device && <p><span class="muted">Wants to be</span> {rolesOf(device).join(' and ')}</p>}
      {scopes.length > 0 && (
        <>
          <h3>Rights it asks for</h3>
          <CommandDiff asked={scopes} approved={held.filter((each) => scopes.includes(each))} withheld={[]} />
        </>
      )}
      {offer && (
        <>
          <h3>Commands it may run once approved</h3>
          <CommandDiff asked={offer.commands} approved={known?.nodeSurface?.commands ?? []} withheld={withheld} />
          {offer.caps.length > 0 && <p class="small"><span class="muted">Capabilities</span> {offer.caps.join(', ')}</p>}
          {permissions.length > 0 && <p class="small"><span class="muted">Permissions on the device</span> {permissions.map(([key, given]) => `${key}: ${given ? 'yes' : 'no'}`).join(', ')}</p>}
        </>
      )}
    </div>
  );
}

function Decision({ waiting, name, onDone }: { waiting: Waiting; name: string; onDone: () => void }) {
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<unknown>();
  const needed = scopesToApprove(waiting);
  const approveIt = async () => {
    setBusy(true);
    setError(undefined);
    await approve(waiting).then(() => {
      toast(`${name} was approved.`);
      onDone();
    }, setError);
    setBusy(false);
  };
  const rejectIt = async () => {
    await reject(waiting);
    setAsking(false);
    toast(`${name} was rejected.`);
    onDone();
  };
  return (
    <>
      <ErrorNote error={error} />
      <div class="decision">
        <p class="muted small">Deciding takes {needed.join(', ')}.{isJoint(waiting) && ' One approval lets it in and puts its commands in force.'}</p>
        <div class="actions">
          <Button tone="danger" onClick={() => setAsking(true)} disabled={lacking(PAIRING) !== undefined} label={`Reject ${name}`}>Reject</Button>
          <Button tone="primary" busy={busy} onClick={() => void approveIt()} why={lacking(...needed)} label={`Approve ${name}`}>Approve</Button>
        </div>
      </div>
      <Dialog open={asking} title={`Reject ${name}?`} onClose={() => setAsking(false)} action={{ word: 'Reject', tone: 'danger', run: rejectIt }}>
        <p>{waiting.device ? 'It stays out. It may ask again when it next connects.' : 'It stays connected, with no more than it may do now. It asks again when it next connects.'}</p>
      </Dialog>
    </>
  );
}

/** In one stroke where the gateway can; a surface that waits beside an operator's request is a second one. */
async function approve(waiting: Waiting): Promise<void> {
  const { device, surface } = waiting;
  const joint = isJoint(waiting);
  if (device) await request('device.pair.approve', { requestId: device.requestId, ...(joint ? { surface: true } : {}) });
  if (surface && !joint) await request('node.pair.approve', { requestId: surface.requestId });
}

async function reject({ device, surface }: Waiting): Promise<void> {
  if (device) await request('device.pair.reject', { requestId: device.requestId });
  if (surface) await request('node.pair.reject', { requestId: surface.requestId });
}
