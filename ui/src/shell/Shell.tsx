/** What is around every page: where one can go, how the gateway is, light or dark. */

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { server, status } from '../gateway/connection';
import { lacksAny } from '../gateway/rights';
import { waitingCount } from '../gateway/state';
import { upgrade } from '../gateway/upgrade';
import { Toasts } from '../kit';
import { href, path } from '../router';
import { keepFocus } from './focus';
import { Icon, type IconName } from './Icon';
import { Offline } from './Offline';
import { THEMES, theme, type Theme } from './theme';

interface Place {
  at: string;
  word: string;
  icon: IconName;
}

const GROUPS: [string, Place[]][] = [
  ['Work', [{ at: 'nodes', word: 'Nodes', icon: 'nodes' }, { at: 'approvals', word: 'Approvals', icon: 'approvals' }, { at: 'queue', word: 'Queue', icon: 'queue' }]],
  ['Trust', [{ at: 'pair', word: 'Pair a device', icon: 'pair' }, { at: 'devices', word: 'Devices', icon: 'devices' }, { at: 'audit', word: 'Audit', icon: 'audit' }]],
  ['System', [{ at: 'families', word: 'Families', icon: 'families' }]],
];

const WORDS: Record<string, string> = { open: 'Connected', away: 'Gateway away', connecting: 'Connecting', pairing: 'Waiting', locked: 'Locked', impossible: 'Not connected' };

/** @param bare without the way to other pages, for a browser that is not let in yet */
export function Shell({ bare, children }: { bare: boolean; children: ComponentChildren }) {
  const page = path.value.split('/')[1] ?? '';
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLButtonElement>(null);
  const main = useRef<HTMLElement>(null);
  useEffect(() => keepFocus(main.current as HTMLElement), []);
  useEffect(() => setOpen(false), [path.value]);
  const close = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || !open) return;
    setOpen(false);
    menu.current?.focus();
  };
  const stale = status.value === 'away' && !bare;
  return (
    <div class={bare ? 'shell shell-bare' : 'shell'} onKeyDown={close}>
      <a class="skip" href="#main" onClick={(event) => skip(event)}>Skip to content</a>
      <header class="side">
        <div class="brand-row">
          <a class="brand" href={href('/nodes')}><Icon name="claw" /> OpenClaw</a>
          {!bare && (
            <button ref={menu} type="button" class="button small menu" aria-expanded={open} aria-controls="pages" onClick={() => setOpen(!open)}>
              Menu{waitingCount.value > 0 && <Count />}
            </button>
          )}
        </div>
        <div id="pages" class={open ? 'side-body open' : 'side-body'}>
          {!bare && <Pages page={page} />}
          <div class="side-foot">
            <ThemeSwitch />
            {!bare && lacksAny() && <a class="fewer" href={href('/rights')} aria-current={page === 'rights' ? 'page' : undefined}>{/waiting|granted/.test(upgrade.value.phase) ? 'Waits for more rights' : 'Ask for more rights'}</a>}
            <p class="link-state" data-state={status.value}><span class="dot" aria-hidden="true" /> {WORDS[status.value]}{server.value && <small>Gateway {server.value.version}</small>}</p>
          </div>
        </div>
      </header>
      <div class="content">
        <Offline />
        <main ref={main} id="main" tabIndex={-1} data-status={status.value} data-stale={stale || undefined}>{children}</main>
      </div>
      <Toasts />
    </div>
  );
}

function skip(event: Event): void {
  event.preventDefault(); // the fragment is where the page is
  document.getElementById('main')?.focus();
}

function Pages({ page }: { page: string }) {
  return (
    <nav aria-label="Pages">
      {GROUPS.map(([name, places]) => (
        <div class="places" role="group" aria-label={name}>
          <p class="places-name" aria-hidden="true">{name}</p>
          {places.map(({ at, word, icon }) => (
            <a href={href(`/${at}`)} aria-current={page === at ? 'page' : undefined}>
              <Icon name={icon} /> {word}{at === 'approvals' && waitingCount.value > 0 && <Count />}
            </a>
          ))}
        </div>
      ))}
    </nav>
  );
}

function Count() {
  return <span class="count">{waitingCount.value}<span class="visually-hidden"> waiting</span></span>;
}

function ThemeSwitch() {
  return (
    <fieldset class="theme">
      <legend class="visually-hidden">Colours</legend>
      {Object.entries(THEMES).map(([name, word]) => (
        <label><input type="radio" name="theme" value={name} checked={theme.value === name} onChange={() => { theme.value = name as Theme; }} /><span>{word}</span></label>
      ))}
    </fieldset>
  );
}
