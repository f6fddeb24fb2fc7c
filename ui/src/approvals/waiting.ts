/** Requests of one device put together: what it asks for, what that takes, what it would give. Pure. */

import type { DeviceRequest, SurfaceRequest, Withheld } from '../gateway/replies';
import { ADMIN, PAIRING } from '../gateway/rights';
import type { Device } from '../pages/TokenRow';

/** A device that waits for a person, with all it waits for. */
export interface Waiting {
  deviceId: string;
  device?: DeviceRequest;
  surface?: SurfaceRequest;
  /** What is known of it already; undefined for a new one. */
  known?: Device;
  since: number;
}

export interface CommandDiff {
  added: string[];
  kept: string[];
  /** Approved before and offered no more. */
  gone: string[];
}

export function gather(devices: readonly DeviceRequest[], surfaces: readonly SurfaceRequest[], paired: readonly Device[]): Waiting[] {
  const found = new Map<string, Waiting>();
  const of = (deviceId: string, ts: number): Waiting => {
    const known = paired.find((each) => each.deviceId === deviceId);
    const each = found.get(deviceId) ?? { deviceId, since: ts, ...(known ? { known } : {}) };
    each.since = Math.min(each.since, ts);
    found.set(deviceId, each);
    return each;
  };
  for (const request of devices) of(request.deviceId, request.ts).device = request;
  for (const request of surfaces) of(request.nodeId, request.ts).surface = request;
  return [...found.values()].sort((a, b) => a.since - b.since || a.deviceId.localeCompare(b.deviceId));
}

export function rolesOf(request: DeviceRequest): string[] {
  return request.roles ?? (request.role ? [request.role] : []);
}

/** Whether the device's approval approves its commands, too. */
export function isJoint({ device }: Waiting): boolean {
  return device !== undefined && rolesOf(device).includes('node');
}

/** The commands in question; undefined when only an operator's access is. */
export function surfaceOf(waiting: Waiting): { commands: string[]; caps: string[]; permissions?: Record<string, boolean>; withheld?: Withheld[] } | undefined {
  return isJoint(waiting) ? waiting.device?.declaredSurface : waiting.surface;
}

/** What an operator needs to approve all of it (PROTOCOL 6.5, 8.3). */
export function scopesToApprove({ device, surface, ...rest }: Waiting): string[] {
  const joint = device !== undefined && isJoint({ device, ...rest });
  const needed = new Set([PAIRING]);
  if (joint) needed.add(ADMIN);
  else device?.scopes?.forEach((scope) => needed.add(scope));
  const offer = joint ? device.declaredSurface : surface;
  offer?.requiredApproveScopes.forEach((scope) => needed.add(scope));
  return [...needed].sort();
}

export function diffOf(asked: readonly string[], approved: readonly string[]): CommandDiff {
  return {
    added: asked.filter((each) => !approved.includes(each)),
    kept: asked.filter((each) => approved.includes(each)),
    gone: approved.filter((each) => !asked.includes(each)),
  };
}

/** Why it waits, in words. */
export function occasion({ device, known }: Waiting): string {
  if (device === undefined) return known?.nodeSurface ? 'Offers more than you approved' : 'Paired; its commands wait';
  if (known === undefined) return 'New device';
  const live = known.tokens.filter((token) => token.revokedAtMs === undefined);
  const roles = live.map((token) => token.role);
  if (rolesOf(device).some((role) => !roles.includes(role))) return 'Paired; asks for another role';
  const scopes = live.flatMap((token) => token.scopes);
  if ((device.scopes ?? []).some((scope) => !scopes.includes(scope))) return 'Paired; asks for more rights';
  return 'Paired; what it says of itself changed';
}
