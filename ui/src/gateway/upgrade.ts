/** More rights for this browser: asked for here, decided by another operator; meanwhile it keeps what it has (PROTOCOL 6.5). */

import { effect, signal } from '@preact/signals';
import { adoptToken, GatewayError, renew, request, scopes, status, WANTED } from './connection';
import type { DeviceScopesRequestUpgradeResult, DeviceScopesWaitUpgradeResult } from './protocol';
import { covers } from './rights';

/** `granted`: approved, and in force when what runs now has ended. */
export type Phase = 'none' | 'waiting' | 'granted' | 'rejected' | 'expired' | 'failed';

export const upgrade = signal<{ phase: Phase; requestId?: string; error?: unknown }>({ phase: 'none' });

let following = false;

/** Ask for every right. */
export async function askForMore(): Promise<void> {
  const wanted = [...new Set([...WANTED, ...scopes.value])];
  try {
    const { requestId } = await request<DeviceScopesRequestUpgradeResult>('device.scopes.requestUpgrade', { scopes: wanted });
    upgrade.value = { phase: 'waiting', requestId };
  } catch (error) {
    upgrade.value = { phase: 'failed', error };
  }
}

async function follow(requestId: string): Promise<void> {
  following = true;
  try {
    const told = await request<DeviceScopesWaitUpgradeResult>('device.scopes.waitUpgrade', { requestId }, { timeoutMs: null });
    if (told.status === 'approved' && told.deviceToken !== undefined) {
      await adoptToken(told.deviceToken, told.scopes);
      upgrade.value = { phase: 'granted' };
      renew();
    } else upgrade.value = { phase: told.status === 'rejected' ? 'rejected' : 'expired' };
  } catch (error) {
    // The gateway went away while a person decides: it is asked again when it is back.
    if (!(error instanceof GatewayError) || error.code !== 'AWAY') upgrade.value = { phase: 'failed', error };
  }
  following = false;
}

effect(() => {
  const { phase, requestId } = upgrade.value;
  if (phase === 'waiting' && requestId !== undefined && status.value === 'open' && !following) void follow(requestId);
});
effect(() => {
  if (upgrade.value.phase !== 'none' && WANTED.every((each) => covers(scopes.value, each))) upgrade.value = { phase: 'none' };
});
