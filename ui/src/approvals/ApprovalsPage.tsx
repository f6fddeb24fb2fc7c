/** Everything that waits for a person: devices at the door, commands of nodes, questions of agents. */

import { useRef } from 'preact/hooks';
import { devicePairing, questions, stateError, surfaceRequests, waitingCount } from '../gateway/state';
import { APPROVALS, lacking, PAIRING } from '../gateway/rights';
import { AskForMore, Empty, ErrorNote, Page, Skeleton } from '../kit';
import { href } from '../router';
import { QuestionCard } from './QuestionCard';
import { gather, type Waiting } from './waiting';
import { WaitingCard } from './WaitingCard';

export function ApprovalsPage({ chosen }: { chosen?: string | undefined }) {
  const frame = useRef<HTMLDivElement>(null);
  const pairing = devicePairing.value;
  const refusal = lacking(PAIRING);
  const loading = refusal === undefined && (pairing === undefined || surfaceRequests.value === undefined);
  const waiting = gather(pairing?.pending ?? [], surfaceRequests.value ?? [], pairing?.paired ?? []);
  const asked = questions.value ?? [];
  const gone = chosen !== undefined && !loading && !waiting.some((each) => isOf(each, chosen)) && !asked.some(({ id }) => id === chosen);
  // What was decided leaves the page: focus goes to where the next thing begins.
  const done = () => frame.current?.closest('main')?.querySelector('h1')?.focus();
  const many = waitingCount.value;
  return (
    <Page title="Approvals" lead={loading ? '' : many === 0 ? 'Nothing waits for you.' : many === 1 ? 'One thing waits for you.' : `${many} things wait for you.`}>
      <div ref={frame} class="stack">
        <ErrorNote error={stateError.value} />
        {refusal && <p class="note">{refusal} <AskForMore /></p>}
        {gone && <p class="note" role="status">The request this link is for is gone: somebody decided it, or it expired. A device asks again when it next connects.</p>}
        {loading && !stateError.value && <Skeleton />}
        {asked.map((question) => <QuestionCard key={question.id} question={question} onDone={done} />)}
        {waiting.map((each) => <WaitingCard key={keyOf(each)} waiting={each} chosen={chosen !== undefined && isOf(each, chosen)} onDone={done} />)}
        {!loading && waiting.length + asked.length === 0 && (
          <Empty title="All is decided">A new device, a node that offers more, or an agent that needs your word shows up here by itself. <a href={href('/pair')}>Pair a device</a></Empty>
        )}
        {lacking(APPROVALS) && !refusal && <p class="muted">Questions of agents are not shown: {lacking(APPROVALS)} <AskForMore /></p>}
      </div>
    </Page>
  );
}

function isOf(waiting: Waiting, requestId: string): boolean {
  return waiting.device?.requestId === requestId || waiting.surface?.requestId === requestId || waiting.deviceId === requestId;
}

/** What asks anew is another card: nobody decides what came while they read. */
function keyOf({ deviceId, device, surface }: Waiting): string {
  return [deviceId, device?.requestId, surface?.requestId].join();
}
