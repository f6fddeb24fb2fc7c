/** The Control UI: an operator of the gateway that this page came from. */

import { render } from 'preact';
import { connect, heardAt, status } from './gateway/connection';
import { takeFromAddress } from './gateway/setupLink';
import { path } from './router';
import { Shell } from './shell/Shell';
import { Welcome } from './welcome/Welcome';
import { ApprovalsPage } from './approvals/ApprovalsPage';
import { AuditPage } from './pages/AuditPage';
import { DevicesPage } from './pages/DevicesPage';
import { FamiliesPage } from './pages/FamiliesPage';
import { NodePage } from './pages/NodePage';
import { NodesPage } from './pages/NodesPage';
import { PairPage } from './pages/PairPage';
import { QueuePage } from './pages/QueuePage';
import { RightsPage } from './pages/RightsPage';
import { Empty, Page } from './kit';
import './kit/tokens.css';
import './kit/base.css';
import './kit/kit.css';
import './shell/shell.css';
import './schema/schema.css';
import './results/results.css';
import './pages/pages.css';
import './pages/own.css';

function App() {
  const { value } = status;
  // Who was let in once goes on seeing what was shown when the gateway is away.
  const shown = value === 'open' || (value === 'away' && heardAt.value > 0);
  return <Shell bare={!shown}>{shown ? <Current /> : <Welcome />}</Shell>;
}

function Current() {
  const [page = '', one, two] = path.value.slice(1).split('/').map(decoded);
  switch (page) {
    case 'nodes': return one ? <NodePage key={one} nodeId={one} command={two} /> : <NodesPage key="nodes" />;
    case 'approvals': return <ApprovalsPage chosen={one} />;
    case 'queue': return <QueuePage key={one} itemId={one} />;
    case 'pair': return <PairPage />;
    case 'devices': return <DevicesPage />;
    case 'audit': return <AuditPage />;
    case 'families': return <FamiliesPage />;
    case 'rights': return <RightsPage />;
    default: return <Page key="none" title="No such page"><Empty title="There is nothing here">The address may be cut short. Choose a page from the menu.</Empty></Page>;
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

connect(takeFromAddress());
// A link that is opened in a tab that shows this page already.
addEventListener('hashchange', () => {
  const code = takeFromAddress();
  if (code) connect(code);
});
render(<App />, document.getElementById('app') as HTMLElement);
