/** One token: when it was made and used, and rotating or revoking it. */

import { useState } from 'preact/hooks';
import { Ago, Badge, Button, Copy, Dialog, toast } from '../kit';
import { adoptToken, request } from '../gateway/connection';

export interface Token {
  role: string;
  scopes: string[];
  createdAtMs: number;
  rotatedAtMs?: number;
  revokedAtMs?: number;
  lastUsedAtMs?: number;
}

export interface Device {
  deviceId: string;
  displayName?: string;
  operatorLabel?: string;
  clientId?: string;
  clientMode?: string;
  platform?: string;
  deviceFamily?: string;
  remoteIp?: string;
  roles: string[];
  approvedVia: string;
  approvedAtMs: number;
  lastSeenAtMs?: number;
  connected?: boolean;
  tokens: Token[];
  /** What was approved for it as a node. */
  nodeSurface?: { commands: string[]; caps: string[]; permissions?: Record<string, boolean> };
}

interface Props {
  device: Device;
  token: Token;
  name: string;
  own: boolean;
}

export function TokenRow({ device, token, name, own }: Props) {
  const revoked = token.revokedAtMs !== undefined;
  return (
    <li class="token">
      <div class="token-facts">
        <strong>{token.role}</strong>
        {revoked && <Badge tone="bad">Revoked</Badge>}
        <span class="muted">{token.scopes.length > 0 ? token.scopes.join(', ') : 'no scopes'}</span>
        <span class="muted">
          {token.lastUsedAtMs ? <>last used <Ago at={token.lastUsedAtMs} />{device.remoteIp ? ` from ${device.remoteIp}` : ' from this machine'}</> : 'never used'}
          {' · '}
          {revoked ? <>revoked <Ago at={token.revokedAtMs as number} /></> : token.rotatedAtMs ? <>rotated <Ago at={token.rotatedAtMs} /></> : <>made <Ago at={token.createdAtMs} /></>}
        </span>
      </div>
      {!revoked && (
        <div class="token-actions">
          <Rotate device={device} token={token} name={name} own={own} />
          <Revoke device={device} token={token} name={name} own={own} />
        </div>
      )}
    </li>
  );
}

interface Rotated {
  token?: string;
  tokenDelivery: string;
}

function Rotate({ device, token, name, own }: Props) {
  const [open, setOpen] = useState(false);
  const [rotated, setRotated] = useState<Rotated>();
  const rotate = async () => {
    const answer = await request<Rotated>('device.token.rotate', { deviceId: device.deviceId, role: token.role });
    // The gateway ends this connection right after its answer; the next one needs the new token.
    if (own && answer.token !== undefined) await adoptToken(answer.token);
    setRotated(answer);
  };
  const close = () => {
    setOpen(false);
    setRotated(undefined);
  };
  return (
    <>
      <Button small onClick={() => setOpen(true)} label={`Rotate the ${token.role} token of ${name}`}>Rotate</Button>
      {rotated === undefined ? (
        <Dialog open={open} title={`Rotate the ${token.role} token of ${name}?`} onClose={close} action={{ word: 'Rotate', run: rotate }}>
          {own ? (
            <p>This browser gets the new token and goes on by itself. The old one ends when the new one is first used.</p>
          ) : (
            <p>The old token ends at once, and {name} is disconnected. It comes back by itself if it also has the gateway’s token or password; otherwise pair it again.</p>
          )}
        </Dialog>
      ) : (
        <Dialog open={open} title="The token was rotated" onClose={close} dismiss="Close">
          {rotated.token === undefined ? (
            <p>The old token ended. The new one goes to {name} alone, when it next connects with the gateway’s token or password; nobody else is shown it.</p>
          ) : (
            <>
              <p>This is shown once. This browser keeps it for you; copy it only if you need it elsewhere.</p>
              <Copy text={rotated.token} label="New token" />
            </>
          )}
        </Dialog>
      )}
    </>
  );
}

function Revoke({ device, token, name, own }: Props) {
  const [open, setOpen] = useState(false);
  const revoke = async () => {
    await request('device.token.revoke', { deviceId: device.deviceId, role: token.role });
    setOpen(false);
    toast(`The ${token.role} token of ${name} was revoked.`);
  };
  return (
    <>
      <Button small tone="danger" onClick={() => setOpen(true)} label={`Revoke the ${token.role} token of ${name}`}>Revoke</Button>
      <Dialog open={open} title={`Revoke the ${token.role} token of ${name}?`} onClose={() => setOpen(false)}
        action={{ word: 'Revoke', tone: 'danger', run: revoke }} dismiss="Keep it">
        <p>{name} is disconnected at once and cannot come back as {token.role} until you approve it again. It stays paired.</p>
        {token.role === 'node' && <p>Work that waits for it is dropped.</p>}
        {own && <p><strong>This is the browser you are using.</strong> You will be asked to pair it again.</p>}
      </Dialog>
    </>
  );
}
