// A2UI 0.9: createSurface, updateComponents, updateDataModel, deleteSurface.
import {html} from 'lit';
import {styleMap} from 'lit/directives/style-map.js';
import {MessageProcessor} from '@a2ui/web_core/v0_9';
import {basicCatalog} from '@a2ui/lit/v0_9';

// The basic catalog had other addresses while 0.9 was being written, and agents still use them.
const BASIC = 'https://a2ui.org/specification/v0_9';

export class Processor9 {
  version = 'v0.9';

  constructor(onUserAction) {
    this.processor = new MessageProcessor([basicCatalog], onUserAction);
  }

  has(id) {
    return this.processor.model.getSurface(id) !== undefined;
  }

  apply(message) {
    const {createSurface} = message;
    if (createSurface?.catalogId?.startsWith(BASIC)) {
      message = {...message, createSurface: {...createSurface, catalogId: basicCatalog.id}};
    }
    this.processor.processMessages([message]);
  }

  render(id) {
    const surface = this.processor.model.getSurface(id);
    const color = surface.theme?.primaryColor;
    return html`<a2ui-surface
      style=${styleMap(color ? {'--a2ui-color-primary': color} : {})}
      .surface=${surface}
    ></a2ui-surface>`;
  }
}
