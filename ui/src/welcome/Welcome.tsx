/** What is shown until this browser is let in: connecting, waiting for a person, asking for a credential, or why it cannot be. */

import { deviceId, hurry, pairingRequest, status, takesPassword, trouble } from '../gateway/connection';
import { verificationCode } from '../gateway/verificationCode';
import { Button, Card, Copy, ErrorNote, Page, Skeleton } from '../kit';
import { Credentials } from './Credentials';
import { Impossible } from './Impossible';

export function Welcome() {
  switch (status.value) {
    case 'pairing': return <Pairing key="pairing" />;
    case 'locked': return <Locked key="locked" />;
    case 'impossible': return <Impossible key="impossible" />;
    case 'away': return <Away key="away" />;
    default: return <Page key="connecting" title="Connecting…"><Skeleton /></Page>;
  }
}

function Pairing() {
  const request = pairingRequest.value ?? '';
  const code = verificationCode(deviceId.value);
  return (
    <Page title="Approve this browser" lead="The gateway knows the secret you gave, and not this browser yet. A person lets it in, once.">
      <Card title="Waiting for approval">
        {code && (
          <div class="code"><span class="muted small">Verification code of this browser</span><strong>{code}</strong>
            <span class="muted small">Whoever approves it sees the same one.</span></div>
        )}
        <h3>Where the gateway is, type</h3>
        <Copy text={`openclaw devices approve ${request}`} label="the command" block />
        <p class="muted small after">Or approve it on the page Approvals of a browser that is let in already. Request {request}.</p>
        <p role="status"><span class="spinner" aria-hidden="true" /> This page goes on by itself.</p>
      </Card>
    </Page>
  );
}

const LINK_OVER = 'AUTH_BOOTSTRAP_TOKEN_INVALID';

function Locked() {
  const error = trouble.value;
  const code = (error?.details as { code?: string } | undefined)?.code ?? '';
  const linkOver = code === LINK_OVER;
  const missing = code.endsWith('_MISSING') || linkOver;
  return (
    <Page title={linkOver ? 'This link was used up' : 'Connect to the gateway'}
      lead={linkOver ? 'A link lets one browser in, once, and only for some minutes. Ask for a new one.' : 'This browser is not paired with it.'}>
      {!missing && <ErrorNote error={error} />}
      <Credentials password={takesPassword.value} />
    </Page>
  );
}

function Away() {
  return (
    <Page title="The gateway does not answer" lead="This page tries again by itself.">
      <Card title="If it stays away">
        <ul class="steps">
          <li>See whether it runs, where it is installed: <code>openclaw gateway status</code></li>
          <li>Start it: <code>openclaw gateway run</code></li>
          <li>If it has another address or port now, open the page there: <code>openclaw dashboard</code></li>
        </ul>
        <Button tone="primary" onClick={hurry}>Try now</Button>
      </Card>
    </Page>
  );
}
