import { render } from 'preact';
import { Toasts } from './kit';
import { connect, pairingRequest, status, trouble } from './gateway/connection';
import { href, path } from './router';
import { AuditPage } from './pages/AuditPage';
import { DevicesPage } from './pages/DevicesPage';
import { NodePage } from './pages/NodePage';
import { QueuePage } from './pages/QueuePage';
import { nodes } from './gateway/state';
import { nameOf } from './pages/people';
import { Page } from './kit';
import './kit/base.css';
import './schema/schema.css';
import './results/results.css';
import './pages/pages.css';

const PAGES = { nodes: 'Nodes', queue: 'Queue', devices: 'Devices', audit: 'Audit' };

function App() {
  const [page = 'nodes', one, two] = path.value.slice(1).split('/').map(decodeURIComponent);
  return (
    <>
      <a class="skip" href="#main">Skip to content</a>
      <header class="top"><nav aria-label="Pages">{Object.entries(PAGES).map(([name, word]) => <a href={href(`/${name}`)} aria-current={page === name ? 'page' : undefined}>{word}</a>)}</nav></header>
      <main id="main" data-status={status.value}>
        {status.value === 'away' && <p class="note" role="status">The gateway is away. Trying again…</p>}
        {status.value === 'pairing' ? <p>Approve this browser: <code>openclaw devices approve {pairingRequest.value}</code></p>
          : status.value === 'locked' ? <p>{trouble.value?.message}</p>
            : status.value === 'connecting' ? <p>Connecting…</p>
              : page === 'queue' ? <QueuePage key={one} itemId={one} />
                : page === 'devices' ? <DevicesPage />
                  : page === 'audit' ? <AuditPage />
                    : one ? <NodePage key={one} nodeId={one} command={two} />
                      : <Page title="Nodes"><ul>{nodes.value.map((node) => <li><a href={href(`/nodes/${node.nodeId}`)}>{nameOf(node)}</a></li>)}</ul></Page>}
      </main>
      <Toasts />
    </>
  );
}

const code = /^#setup=(.+)$/.exec(location.hash)?.[1];
if (code) history.replaceState(null, '', location.pathname);
const given = code ? (JSON.parse(atob(code.replaceAll('-', '+').replaceAll('_', '/'))) as { bootstrapToken: string }) : undefined;
connect(given ? { bootstrapToken: given.bootstrapToken } : {});
render(<App />, document.getElementById('app') as HTMLElement);
