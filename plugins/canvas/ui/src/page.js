// What the node and the apps talk to: `openclawA2UI`, and where clicks go.
import {A2uiHost} from './host.js';

customElements.define('openclaw-a2ui-host', A2uiHost);
const host = document.createElement('openclaw-a2ui-host');
host.onUserAction = (version, userAction) => {
  const text = JSON.stringify({version, userAction});
  const name = 'openclawCanvasA2UIAction'; // what the apps put into their web views
  const bridge = globalThis[name] ?? globalThis.webkit?.messageHandlers?.[name];
  bridge?.postMessage(text);
};
document.body.replaceChildren(host);

globalThis.openclawA2UI = {
  /** Apply messages of A2UI 0.8 or 0.9, in order; resolves when they are on the screen. */
  applyMessages: messages => host.applyMessages(messages),
  /** Remove every surface. */
  reset: () => host.reset(),
  /** Ids of the surfaces shown, oldest first. */
  getSurfaces: () => host.surfaceIds,
};
