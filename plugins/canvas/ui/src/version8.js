// A2UI 0.8: surfaceUpdate, dataModelUpdate, beginRendering, deleteSurface.
import {html} from 'lit';
import {Data} from '@a2ui/lit/v0_8';
import '@a2ui/lit/ui';

export class Processor8 {
  version = 'v0.8';

  constructor(onUserAction) {
    this.onUserAction = onUserAction;
    this.processor = Data.createSignalA2uiMessageProcessor();
  }

  has(id) {
    return this.processor.getSurfaces().has(id);
  }

  apply(message) {
    const {version: _, ...own} = message;
    this.processor.processMessages([own]);
  }

  render(id) {
    const surface = this.processor.getSurfaces().get(id);
    // A copy: the element looks at what it is given only when that is another object.
    return html`<a2ui8-surface
      .surfaceId=${id}
      .surface=${{...surface}}
      .processor=${this.processor}
      @a2uiaction=${event => this.act(id, event.detail)}
    ></a2ui8-surface>`;
  }

  act(surfaceId, {action, sourceComponentId, sourceComponent}) {
    const context = {};
    for (const {key, value} of action.context ?? []) {
      context[key] = this.resolve(value, sourceComponent, surfaceId);
    }
    const timestamp = new Date().toISOString();
    this.onUserAction({name: action.name, surfaceId, sourceComponentId, timestamp, context});
  }

  resolve(value, component, surfaceId) {
    if (value?.path === undefined) {
      return value?.literalString ?? value?.literalNumber ?? value?.literalBoolean ?? null;
    }
    return plain(this.processor.getData(component, value.path, surfaceId));
  }
}

/** JSON data of a value of the data model, which holds maps. */
function plain(value) {
  if (Array.isArray(value)) return Array.from(value, plain);
  if (value === null || typeof value !== 'object') return value;
  const entries = typeof value.entries === 'function' ? [...value.entries()] : Object.entries(value);
  return Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]));
}
