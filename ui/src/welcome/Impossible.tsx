/** Why this browser can have no key of its own here, and what cures it. */

import { obstacle } from '../gateway/connection';
import { Card, Copy, Page } from '../kit';

export function Impossible() {
  const { host, hostname, port } = location;
  const number = port || '80';
  if (obstacle.value === 'insecure') {
    return (
      <Page title="This address is not safe enough" lead={`Browsers make keys only on pages that nobody on the way can change. ${host} came over plain http.`}>
        <Card title="From this machine">
          <p>Open a tunnel to the machine of the gateway and leave it open. Then use the second address.</p>
          <Copy text={`ssh -N -L ${number}:127.0.0.1:${number} ${hostname}`} label="the command" block />
          <p class="after"><a href={`http://localhost:${number}/`}>http://localhost:{number}/</a></p>
        </Card>
        <Card title="For good">
          <p>Let the gateway speak TLS: set <code>gateway.tls.enabled</code> to <code>true</code> in its settings, start it again, and open <code>https://{host}/</code>. Or put a proxy with a certificate in front of it.</p>
        </Card>
        <Card title="Where the gateway is"><p>On that machine itself it works as it is:</p><Copy text="openclaw dashboard" label="the command" block /></Card>
      </Page>
    );
  }
  if (obstacle.value === 'no-storage') {
    return (
      <Page title="This browser keeps nothing" lead="This page needs a place for its key, and the browser gives it none.">
        <Card title="What cures it"><p>Leave the private window, or allow this site to store data. Then load the page again.</p></Card>
      </Page>
    );
  }
  return (
    <Page title="This browser is too old" lead="It does not know the signatures (Ed25519) with which devices prove who they are.">
      <Card title="What cures it"><p>Use Chrome or Edge 137, Firefox 129, Safari 17, or newer.</p></Card>
    </Page>
  );
}
