/**
 * What the gateway answers where it has no wire model of the answer: written by hand after PROTOCOL 6.1, 6.5, 6.6, 8.3,
 * 8.4 and the docs of `plugins.list` and `plugin.approval.list`. What has a model is generated, in protocol.ts.
 */

import type { DevicePairRequested } from './protocol';

/** What an approval of a waiting node's device and surface would give. */
export interface DeclaredSurface {
  caps: string[];
  commands: string[];
  permissions?: Record<string, boolean>;
  requiredApproveScopes: string[];
  withheld?: Withheld[];
}

export interface Withheld {
  command: string;
  message: string;
  reason?: string;
  cure?: string;
}

/** A row of `pending` of `device.pair.list`. */
export interface DeviceRequest extends DevicePairRequested {
  declaredSurface?: DeclaredSurface;
}

/** A row of `pending` of `node.pair.list`. */
export interface SurfaceRequest {
  requestId: string;
  nodeId: string;
  displayName?: string;
  platform?: string;
  version?: string;
  deviceFamily?: string;
  clientId?: string;
  clientMode?: string;
  caps: string[];
  commands: string[];
  permissions?: Record<string, boolean>;
  requiredApproveScopes: string[];
  remoteIp?: string;
  silent?: boolean;
  ts: number;
}

/** A row of `plugin.approval.list`: an agent wants something for which a person is asked. */
export interface Question {
  id: string;
  request: {
    title: string;
    description: string;
    detail?: string;
    severity: 'critical' | 'warning';
    nodeId: string;
    command: string;
  };
  createdAtMs: number;
  expiresAtMs: number;
}

/** A row of `plugins.list`. */
export interface FamilyPackage {
  name: string;
  distribution?: string;
  version?: string;
  state: 'loaded' | 'failed';
  family?: string;
  title?: string;
  commands?: string[];
  reason?: string;
  cure?: string;
}

/** The answer of `device.pair.setupCode`. */
export interface SetupCodeMade {
  setupId: string;
  setupCode: string;
  gatewayUrl: string;
  gatewayUrls?: string[];
  access: 'full' | 'limited' | 'node';
  accessDowngraded?: boolean;
  expiresAtMs: number;
  joinUrl?: string;
  qrDataUrl?: string;
}
