/** Says that what is shown may be old, and since when. */

import { heardAt, hurry, status } from '../gateway/connection';
import { Ago, Button } from '../kit';

export function Offline() {
  const away = status.value === 'away' && heardAt.value > 0;
  return (
    <div role="status" class="offline-room">
      {away && (
        <div class="offline">
          <p><strong>The gateway is away.</strong> This is how it was <Ago at={heardAt.value} />; it comes back by itself.</p>
          <Button small onClick={hurry}>Try now</Button>
        </div>
      )}
    </div>
  );
}
