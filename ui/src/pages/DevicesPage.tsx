/** Keys that may come in, the tokens they hold, and how each is taken away. */

import { useState } from 'preact/hooks';
import { Ago, Badge, Button, Card, Copy, Dialog, Empty, ErrorNote, Field, Page, Skeleton, toast } from '../kit';
import { deviceId as ownId, request } from '../gateway/connection';
import { href } from '../router';
import { TokenRow, type Device } from './TokenRow';
import { useLive } from './live';
import { nameOf } from './people';

const CHANGED = ['device.pair.changed', 'device.pair.resolved', 'device.pair.setup.completed', 'node.pair.resolved', 'presence'];

export function DevicesPage() {
  const { data, error } = useLive<{ paired: Device[]; pending: unknown[] }>(['device.pair.list'], CHANGED);
  const own = ownId.value;
  const paired = data && [...data.paired].sort((a, b) => Number(b.deviceId === own) - Number(a.deviceId === own));
  return (
    <Page title="Devices and tokens" lead="Every key that was approved, and the tokens it connects with. The gateway stores no token, so it cannot show one again.">
      <ErrorNote error={error} />
      {data !== undefined && data.pending.length > 0 && (
        <p class="note">{data.pending.length === 1 ? 'A device waits' : `${data.pending.length} devices wait`} to be let in. <a href={href('/approvals')}>Review</a></p>
      )}
      {paired === undefined ? !error && <Skeleton /> : paired.length === 0 ? (
        <Empty title="No device is paired">Pair one with a code. <a href={href('/pair')}>Pair a device</a></Empty>
      ) : (
        <div class="stack">{paired.map((device) => <DeviceCard key={device.deviceId} device={device} own={device.deviceId === own} />)}</div>
      )}
    </Page>
  );
}

function DeviceCard({ device, own }: { device: Device; own: boolean }) {
  const name = nameOf(device);
  return (
    <Card
      title={name}
      badges={
        <>
          {own && <Badge tone="good">This browser</Badge>}
          {device.connected ? <Badge tone="good">Connected</Badge> : <Badge tone="plain">Away</Badge>}
        </>
      }
      actions={
        <>
          <RenameDevice device={device} name={name} />
          <RemoveDevice device={device} name={name} own={own} />
        </>
      }
    >
      <dl class="facts">
        <div><dt>Device ID</dt><dd><Copy text={device.deviceId} short /></dd></div>
        <div><dt>System</dt><dd>{[device.platform, device.deviceFamily].filter(Boolean).join(', ') || 'not told'}</dd></div>
        <div><dt>Program</dt><dd>{[device.clientId, device.clientMode].filter(Boolean).join('/') || 'not told'}</dd></div>
        <div><dt>From</dt><dd>{device.remoteIp ?? 'this machine'}</dd></div>
        <div><dt>Approved</dt><dd><Ago at={device.approvedAtMs} /> {VIA[device.approvedVia] ?? device.approvedVia}</dd></div>
        <div><dt>Last seen</dt><dd>{device.lastSeenAtMs ? <Ago at={device.lastSeenAtMs} /> : 'never'}</dd></div>
      </dl>
      {device.roles.includes('node') && <p><a href={href(`/nodes/${device.deviceId}`)}>Open {name} as a node</a></p>}
      <h3>Tokens</h3>
      <ul class="tokens">
        {device.tokens.map((token) => <TokenRow key={token.role} device={device} token={token} name={name} own={own} />)}
      </ul>
    </Card>
  );
}

const VIA: Record<string, string> = {
  owner: 'by a person', silent: 'by itself: same machine, with the gateway’s secret', bootstrap: 'with a setup code',
  'trusted-cidr': 'by itself: trusted network', 'ssh-verified': 'by itself: key checked over SSH', 'trusted-proxy': 'by the proxy',
};

function RenameDevice({ device, name }: { device: Device; name: string }) {
  const [open, setOpen] = useState(false);
  const [label, setLabel] = useState(name);
  const save = async () => {
    await request('device.pair.rename', { deviceId: device.deviceId, label: label.trim() });
    setOpen(false);
    toast(`Renamed to ${label.trim()}.`);
  };
  return (
    <>
      <Button small onClick={() => { setLabel(name); setOpen(true); }} label={`Rename ${name}`}>Rename</Button>
      <Dialog open={open} title={`Rename ${name}`} onClose={() => setOpen(false)} action={{ word: 'Save', run: save }}>
        <Field label="Name"><input class="input" maxLength={64} pattern=".*\S.*" title="A name that is not blank" value={label} required onInput={(event) => setLabel(event.currentTarget.value)} /></Field>
      </Dialog>
    </>
  );
}

function RemoveDevice({ device, name, own }: { device: Device; name: string; own: boolean }) {
  const [open, setOpen] = useState(false);
  const remove = async () => {
    await request('device.pair.remove', { deviceId: device.deviceId });
    setOpen(false);
    toast(`${name} was removed.`);
  };
  return (
    <>
      <Button small tone="danger" onClick={() => setOpen(true)} label={`Remove ${name}`}>Remove</Button>
      <Dialog open={open} title={`Remove ${name}?`} onClose={() => setOpen(false)} action={{ word: 'Remove', tone: 'danger', run: remove }} dismiss="Keep it">
        <p>It is disconnected at once, and its tokens end. To come back it has to be paired again.</p>
        {device.roles.includes('node') && <p>What it was approved to do as a node is forgotten, and work that waits for it is dropped.</p>}
        {own && <p><strong>This is the browser you are using.</strong> You will be asked to pair it again.</p>}
      </Dialog>
    </>
  );
}
