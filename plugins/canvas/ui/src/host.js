// Shows the surfaces of both protocol versions below one another, oldest first.
import {ContextProvider} from '@lit/context';
import {renderMarkdown} from '@a2ui/markdown-it';
import {LitElement, html} from 'lit';
import {repeat} from 'lit/directives/repeat.js';
import {Context as Context8} from '@a2ui/lit/ui';
import {Context as Context9} from '@a2ui/lit/v0_9';
import {Processor8} from './version8.js';
import {Processor9} from './version9.js';
import {theme} from './theme8.js';

export class A2uiHost extends LitElement {
  constructor() {
    super();
    new ContextProvider(this, {context: Context8.theme, initialValue: theme});
    new ContextProvider(this, {context: Context8.markdown, initialValue: renderMarkdown});
    new ContextProvider(this, {context: Context9.markdown, initialValue: renderMarkdown});
    this.onUserAction = () => {};
    this.reset();
  }

  createRenderRoot() {
    return this; // in the page's own tree, where its style sheet applies
  }

  get surfaceIds() {
    return this.order.filter(id => this.processorOf(id) !== undefined);
  }

  processorOf(id) {
    return this.processors.find(processor => processor.has(id));
  }

  async applyMessages(messages) {
    messages.forEach((message, index) => {
      try {
        this.apply(message);
      } catch (error) {
        this.requestUpdate();
        throw new Error(`message ${index + 1}: ${error.message}`, {cause: error});
      }
    });
    this.requestUpdate();
    await this.updateComplete;
    // The elements inside render in microtasks of their own; a task later all of them did.
    await new Promise(resolve => setTimeout(resolve));
    return {surfaces: this.surfaceIds};
  }

  apply(message) {
    const [version8, version9] = this.processors;
    const id = surfaceOf(message);
    if ('deleteSurface' in message) {
      this.processors.forEach(processor => processor.apply(message));
      this.order = this.order.filter(known => known !== id);
      return;
    }
    const [processor, other] = 'version' in message ? [version9, version8] : [version8, version9];
    if (other.has(id)) {
      throw new Error(`surface ${id} is one of A2UI ${other.version}; delete it first`);
    }
    processor.apply(message);
    if (!this.order.includes(id)) this.order.push(id);
  }

  reset() {
    const act = version => userAction => this.onUserAction(version, userAction);
    this.processors = [new Processor8(act('v0.8')), new Processor9(act('v0.9'))];
    this.order = [];
    this.requestUpdate();
    return {surfaces: []};
  }

  render() {
    const ids = this.surfaceIds;
    if (ids.length === 0) return html`<p class="empty">Canvas</p>`;
    return html`${repeat(
      ids,
      id => id,
      id => html`<section id=${`surface-${id}`}>${this.processorOf(id).render(id)}</section>`,
    )}`;
  }
}

function surfaceOf(message) {
  const body = Object.entries(message).find(([key]) => key !== 'version')?.[1];
  return body?.surfaceId;
}
