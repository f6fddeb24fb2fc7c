/** A code for one new device: to scan, to open, or to type; and who used it. */

import { useEffect, useState } from 'preact/hooks';
import { onEvent, request } from '../gateway/connection';
import type { DevicePairSetupCodeParams, DevicePairSetupFact } from '../gateway/protocol';
import type { SetupCodeMade } from '../gateway/replies';
import { ADMIN, lacking } from '../gateway/rights';
import { linkOf } from '../gateway/setupLink';
import { Badge, Button, Card, Copy, ErrorNote, Field, Page } from '../kit';
import { href } from '../router';

type Access = SetupCodeMade['access'];

const CHOICES: Record<Access, { word: string; says: string; gives: string }> = {
  node: {
    word: 'A node', says: 'A computer or a phone that does things for you. Its commands are approved with it.',
    gives: 'Role node, no scopes. What the device offers now is approved with it.',
  },
  full: {
    word: 'A browser or app that manages', says: 'An operator with every right, like this page.',
    gives: 'Role operator with admin, approvals, pairing, read, talk.secrets and write. An app of a phone or a Mac becomes a node, too; its commands wait for your approval.',
  },
  limited: {
    word: 'An app with fewer rights', says: 'An operator that uses nodes and cannot administer the gateway.',
    gives: 'Role operator with approvals, read, talk.secrets and write. An app of a phone or a Mac becomes a node, too; its commands wait for your approval.',
  },
};

type Use = DevicePairSetupFact & { certain: boolean };

export function PairPage() {
  const [access, setAccess] = useState<Access>('node');
  const [url, setUrl] = useState('');
  const [made, setMade] = useState<SetupCodeMade>();
  const [used, setUsed] = useState<Use>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const make = async () => {
    const params: DevicePairSetupCodeParams = {
      includeQr: true, joinUrl: true,
      ...(access === 'full' ? {} : { bootstrapProfile: access }), ...(url.trim() ? { publicUrl: url.trim() } : {}),
    };
    setBusy(true);
    setError(undefined);
    setUsed(undefined);
    await request<SetupCodeMade>('device.pair.setupCode', params).then(setMade, setError);
    setBusy(false);
  };
  useEffect(() => {
    const told = (certain: boolean) => (payload: unknown) => {
      const fact = payload as DevicePairSetupFact;
      if (fact.setupId === made?.setupId) setUsed({ ...fact, certain });
    };
    const off = [onEvent('device.pair.setup.completed', told(true)), onEvent('device.pair.setup.deliveryUncertain', told(false))];
    return () => off.forEach((each) => each());
  }, [made?.setupId]);
  return (
    <Page title="Pair a device" lead="A code lets one device in, once, within ten minutes, and needs no further approval. Give it to nobody else.">
      {made && <Code key={made.setupId} made={made} used={used} />}
      <Card title={made ? 'Another one' : 'What joins?'}>
        <form class="pair-form" onSubmit={(event) => { event.preventDefault(); if (!busy) void make(); }}>
          <fieldset class="choices">
            <legend class="visually-hidden">What joins</legend>
            {(Object.keys(CHOICES) as Access[]).map((name) => (
              <label class="choice"><input type="radio" name="access" value={name} checked={access === name} onChange={() => setAccess(name)} />
                <span><strong>{CHOICES[name].word}</strong><span class="muted small">{CHOICES[name].says}</span></span></label>
            ))}
          </fieldset>
          <details open={error !== undefined || undefined}>
            <summary>The device reaches this gateway at another address</summary>
            <Field label="Address of the gateway, as the device sees it"><input class="input" placeholder="wss://gateway.example:18789" value={url} onInput={(event) => setUrl(event.currentTarget.value)} /></Field>
          </details>
          <ErrorNote error={error} />
          <div><Button type="submit" tone={made && !used ? undefined : 'primary'} busy={busy} why={lacking(ADMIN)}>{made ? 'Make another code' : 'Make a code'}</Button></div>
        </form>
      </Card>
    </Page>
  );
}

function Code({ made, used }: { made: SetupCodeMade; used: Use | undefined }) {
  const left = useCountdown(made.expiresAtMs, used === undefined);
  const over = left <= 0 && used === undefined;
  return (
    <Card title={`A code for ${CHOICES[made.access].word.toLowerCase()}`}>
      <div role="status">
        {used && (
          <p class={used.certain ? 'used' : 'note'}>
            {used.certain ? <><Badge tone="good">Paired</Badge> Used by <strong>{used.deviceName ?? used.deviceId.slice(0, 12)}</strong>. </> : <>{used.deviceName ?? 'A device'} used it, and may not have got the answer. If it is not connected, make another code. </>}
            <a href={href(used.access === 'node' ? `/nodes/${used.deviceId}` : '/devices')}>{used.access === 'node' ? 'Open the node' : 'See the devices'}</a>
          </p>
        )}
        {over && <p class="note">This code has expired. Make another one.</p>}
      </div>
      {!used && !over && (
        <div class="code-room">
          {made.qrDataUrl && <img class="qr" src={made.qrDataUrl} alt="The code as a QR picture, to scan with the device" />}
          <div class="stack">
            <p>Waiting for the device. <strong role="timer">{clock(left)}</strong> left.</p>
            <p><strong>It gives:</strong> {CHOICES[made.access].gives}</p>
            {made.accessDowngraded && <p class="note">The address is not private, so this code gives fewer rights than asked for. Use TLS (wss://) for every right.</p>}
            <Ways made={made} />
            <p class="muted small">It connects to {made.gatewayUrls?.join(', ') ?? made.gatewayUrl}</p>
          </div>
        </div>
      )}
    </Card>
  );
}

function Ways({ made }: { made: SetupCodeMade }) {
  if (made.access !== 'node') {
    return (
      <>
        <div><h3>In another browser, open</h3><Copy text={linkOf(pageOf(made.gatewayUrl), made.setupCode, made.access)} label="the link" block /></div>
        <div><h3>In an app, scan the picture or paste</h3><Copy text={made.setupCode} label="the code" block /></div>
      </>
    );
  }
  return (
    <>
      <div><h3>On a computer, type</h3><Copy text={`openclaw node run --pair ${made.joinUrl ?? made.setupCode}`} label="the command" block /></div>
      <div><h3>On a phone, scan the picture or paste</h3><Copy text={made.setupCode} label="the code" block /></div>
    </>
  );
}

/** The Control UI of the gateway at `ws://` or `wss://`. */
function pageOf(gatewayUrl: string): string {
  return `${gatewayUrl.replace(/^ws/, 'http').replace(/\/$/, '')}/`;
}

function useCountdown(untilMs: number, running: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [running]);
  return untilMs - now;
}

function clock(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
