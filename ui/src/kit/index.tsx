/** The parts that every page is made of. */

import { signal } from '@preact/signals';
import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { href } from '../router';

type Tone = 'good' | 'bad' | 'wait' | 'plain';

interface PageProps {
  title: string;
  lead?: string;
  back?: { word: string; to: string };
  badges?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

export function Page({ title, lead, back, badges, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => { document.title = `${title} · OpenClaw`; }, [title]);
  useEffect(() => heading.current?.focus(), []);
  return (
    <article class="page">
      <header class="page-head">
        <div>
          {back && <a class="back" href={href(back.to)}>{back.word}</a>}
          <h1 ref={heading} tabIndex={-1}>{title}</h1> {badges}
          {lead && <p class="muted">{lead}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </article>
  );
}

interface ButtonProps {
  children: ComponentChildren;
  onClick?: () => void;
  type?: 'button' | 'submit';
  tone?: 'primary' | 'danger' | undefined;
  small?: boolean;
  busy?: boolean;
  disabled?: boolean;
  /** Why it cannot be used: shown, and tied to the button. */
  why?: string | undefined;
  /** What it does, in full, where the word alone would not say. */
  label?: string;
}

export function Button({ children, onClick, type = 'button', tone, small, busy, disabled, why, label }: ButtonProps) {
  const id = useId();
  // A busy one is not `disabled`: it would lose focus, and who has no mouse their place.
  const press = (event: Event) => {
    if (busy) event.preventDefault();
    else onClick?.();
  };
  const button = (
    <button type={type} class={['button', tone, small && 'small'].filter(Boolean).join(' ')} aria-label={label} aria-busy={busy || undefined}
      aria-disabled={busy || undefined} aria-describedby={why ? id : undefined} disabled={disabled || why !== undefined} onClick={press}>
      {children}
    </button>
  );
  return why === undefined ? button : <span>{button}<small class="why" id={id}>{why} <AskForMore /></small></span>;
}

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`badge badge-${tone}`}>{children}</span>;
}

interface CardProps {
  title: string;
  badges?: ComponentChildren;
  actions?: ComponentChildren;
  headingRef?: RefObject<HTMLHeadingElement | null>;
  children: ComponentChildren;
}

export function Card({ title, badges, actions, headingRef, children }: CardProps) {
  return (
    <section class="card">
      <header class="card-head">
        <h2 tabIndex={-1} {...(headingRef ? { ref: headingRef } : {})}>{title}</h2> {badges}
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}

export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return <div class="empty"><p class="empty-title">{title}</p><p>{children}</p></div>;
}

export function Skeleton() {
  return <div class="skeleton" role="status" aria-label="Loading"><span /><span /><span /></div>;
}

/** What a person is told where the gateway's words are for programs. */
const WORDS: Partial<Record<string, string>> = {
  AUTH_TOKEN_MISMATCH: 'This is not the gateway’s token.',
  AUTH_PASSWORD_MISMATCH: 'This is not the gateway’s password.',
};

export function ErrorNote({ error }: { error: unknown }) {
  if (!error) return null;
  const { code, message, details } = error as { code?: string; message?: string; details?: { code?: string; missingScope?: string } };
  if (details?.code === 'MISSING_SCOPE') return <p class="note" role="alert">This browser lacks {details.missingScope}. <AskForMore /></p>;
  const told = details?.code ?? code;
  return <div class="error" role="alert"><p>{WORDS[told ?? ''] ?? message ?? String(error)}</p>{told && <small>{told}</small>}</div>;
}

/** The way to rights that are lacking. */
export function AskForMore() {
  return <a href={href('/rights')}>Ask for more rights</a>;
}

export function Field({ label, children }: { label: string; children: ComponentChildren }) {
  return <label class="form-field"><span>{label}</span>{children}</label>;
}

interface Column<R> {
  head: string;
  cell: (row: R) => ComponentChildren;
}

export function Table<R>({ caption, rows, columns, keyOf }: { caption: string; rows: R[]; columns: Column<R>[]; keyOf: (row: R) => string }) {
  return (
    <div class="table-frame" role="region" aria-label={caption} tabIndex={0}>
      <table class="table">
        <caption class="visually-hidden">{caption}</caption>
        <thead><tr>{columns.map(({ head }) => <th scope="col">{head}</th>)}</tr></thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>{columns.map(({ head, cell }) => <td data-head={head}>{cell(row)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface DialogProps {
  open: boolean;
  title: string;
  onClose: () => void;
  action?: { word: string; tone?: 'danger'; run: () => Promise<void> };
  dismiss?: string;
  children: ComponentChildren;
}

/** A modal of the browser's own: it traps focus, closes on Escape and gives focus back. */
export function Dialog({ open, title, onClose, action, dismiss = 'Cancel', children }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const from = useRef<HTMLElement | null>(null);
  // Before the next key: what is pressed while a dialog opens or closes must not go elsewhere.
  useLayoutEffect(() => {
    setError(undefined);
    if (!open) return undefined;
    from.current = document.activeElement as HTMLElement | null;
    box.current?.showModal();
    return () => {
      box.current?.close();
      from.current?.focus();
    };
  }, [open]);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (action === undefined || busy) return;
    setBusy(true);
    setError(undefined);
    await action.run().catch(setError);
    setBusy(false);
  };
  // The browser tells of a closing later than it closes: by then it may be open again.
  const closed = () => {
    if (!box.current?.open) onClose();
  };
  return (
    <dialog ref={box} class="dialog" aria-label={title} onClose={closed}>
      {open && (
        <form onSubmit={(event) => void submit(event)}>
          <h2>{title}</h2>
          {children}
          <ErrorNote error={error} />
          <div class="dialog-actions">
            <Button onClick={onClose}>{dismiss}</Button>
            {action && <Button type="submit" tone={action.tone ?? 'primary'} busy={busy}>{action.word}</Button>}
          </div>
        </form>
      )}
    </dialog>
  );
}

const said = signal('');

export function toast(text: string): void {
  said.value = text;
}

export function Toasts() {
  const text = said.value;
  useEffect(() => {
    if (!text) return undefined;
    const timer = setTimeout(() => { said.value = ''; }, 6000);
    return () => clearTimeout(timer);
  }, [text]);
  return <div class="toasts" role="status" aria-live="polite">{text && <p>{text}</p>}</div>;
}

export function Copy({ text, label, short, block }: { text: string; label?: string; short?: boolean; block?: boolean }) {
  const [done, setDone] = useState(false);
  const copy = () => navigator.clipboard.writeText(text).then(() => { setDone(true); toast('Copied.'); }, () => toast('Select the text and copy it by hand.'));
  return (
    <span class={block ? 'copy block' : 'copy'}>
      {label && !block && <span>{label}</span>}
      <code title={text}>{short ? `${text.slice(0, 12)}…` : text}</code>
      <button type="button" class="chip" onClick={() => void copy()} aria-label={`Copy ${label ?? text.slice(0, 24)}`}>{done ? 'Copied' : 'Copy'}</button>
    </span>
  );
}

const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [[60_000, 'second'], [3_600_000, 'minute'], [86_400_000, 'hour'], [Infinity, 'day']];
const SIZES: Partial<Record<Intl.RelativeTimeFormatUnit, number>> = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 };
const format = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const now = signal(Date.now());
setInterval(() => { now.value = Date.now(); }, 15_000);

export function Ago({ at }: { at: number }) {
  const apart = at - Math.max(now.value, Date.now() - 15_000);
  const unit = STEPS.find(([most]) => Math.abs(apart) < most)?.[1] ?? 'day';
  const date = new Date(at);
  const text = Math.abs(apart) < 15_000 ? 'just now' : format.format(Math.round(apart / (SIZES[unit] ?? 1)), unit);
  return <time dateTime={date.toISOString()} title={date.toLocaleString()}>{text}</time>;
}
