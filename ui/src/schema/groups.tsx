/** Fields that hold others: objects, lists, names with values, and one form of several. */

import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { escape, type Problems } from './problems';
import { isObject, type Field, type Json, type JsonObject } from './fields';
import { JsonInput, ScalarInput } from './inputs';
import { Prose } from './Prose';

export interface Context {
  id: string;
  problems: Problems;
  /** Text that is no JSON at this pointer; null when it is again. */
  setBroken: (at: string, text: string | null) => void;
}

interface Props<V> {
  field: Field;
  /** It is one of a list: there to be filled, and taken away as a whole. */
  listed?: boolean;
  value: V;
  at: string;
  context: Context;
  onChange: (value: Json | undefined) => void;
}

const NESTED = new Set(['object', 'list', 'map', 'union']);

/** The fields of an object; many optional ones fold away. */
export function Group({ field, value, at, context, onChange }: Props<JsonObject>) {
  const held = useRef(value);
  held.current = value;
  const set = (name: string, next: Json | undefined) => {
    const { [name]: _, ...others } = held.current;
    held.current = next === undefined ? others : { ...held.current, [name]: next };
    onChange(held.current);
  };
  const one = (each: Field) => (
    <Entry key={each.name} field={each} value={value[each.name]} at={`${at}/${escape(each.name)}`} context={context}
      onChange={(next) => set(each.name, next)} />
  );
  const [first, folded] = split(field.fields);
  return (
    <>
      {first.map(one)}
      {folded.length > 0 && (
        <details class="form-more">
          <summary>{folded.length} more options</summary>
          <div class="form-fields">{folded.map(one)}</div>
        </details>
      )}
      {field.open && <Others field={field} value={value} at={at} context={context} onChange={(next) => { held.current = next; onChange(next); }} />}
    </>
  );
}

/** All when they are few; else what is required, or failing that the first few. */
function split(fields: Field[]): [Field[], Field[]] {
  if (fields.length <= 6) return [fields, []];
  const needed = fields.filter((each) => each.required).length;
  const shown = Math.max(needed, 3);
  return [fields.slice(0, shown), fields.slice(shown)];
}

/** What an open object holds beside its named fields. */
function Others({ field, value, at, context, onChange }: Omit<Props<JsonObject>, 'onChange'> & { onChange: (value: JsonObject) => void }) {
  const named = new Set(field.fields.map((each) => each.name));
  const pick = (wanted: boolean) => Object.fromEntries(Object.entries(value).filter(([key]) => named.has(key) === wanted));
  const others = pick(false);
  const open: Field = { ...field, name: '*', label: 'Other fields', help: 'A JSON object.', required: false, kind: 'json', fields: [], open: false };
  return (
    <Entry field={open} value={Object.keys(others).length > 0 ? others : undefined} at={`${at}/*`} context={context}
      onChange={(next) => onChange({ ...pick(true), ...(isObject(next) ? next : {}) })} />
  );
}

/** A field with its label, its help and what is wrong with it. */
export function Entry({ field, listed, value, at, context, onChange }: Props<Json | undefined>) {
  const id = `${context.id}${at}`;
  const problem = context.problems.get(at);
  const notes = [field.help && `${id}-help`, problem && `${id}-problem`].filter(Boolean).join(' ') || undefined;
  const about = (
    <>
      {field.help && <p class="form-help" id={`${id}-help`}><Prose text={field.help} /></p>}
      {problem && <p class="form-problem" id={`${id}-problem`}>{problem}</p>}
    </>
  );
  if (NESTED.has(field.kind)) {
    return <Nested field={field} listed={listed ?? false} value={value} at={at} context={context} onChange={onChange} about={about} />;
  }
  const input = { field, id, value, invalid: problem !== undefined, describedBy: notes, onChange };
  const box = field.kind === 'boolean' && typeof field.initial === 'boolean';
  return (
    <div class={box ? 'form-field form-check' : 'form-field'}>
      <label for={id}>{field.label || 'Value'}{field.required && <span class="form-needed"> (needed)</span>}</label>
      {field.kind === 'json' ? <JsonInput {...input} onProblem={(text) => context.setBroken(at, text)} /> : <ScalarInput {...input} />}
      {about}
    </div>
  );
}

function Nested(props: Props<Json | undefined> & { about: preact.ComponentChildren }) {
  const { field, listed, value, at, context, onChange, about } = props;
  const id = `${context.id}${at}`;
  const needed = (field.required || listed) && field.kind !== 'list';
  const focusNext = useFocusNext();
  // What is chosen of a union is at the same pointer, and has its id.
  const box = field.kind === 'union' ? `${id}-union` : id;
  if (value === undefined && !needed && field.kind !== 'list') {
    const start = field.kind === 'union' ? null : {};
    return (
      <div class="form-field">
        <button type="button" class="chip" id={id} onClick={() => { onChange(start); focusNext(box); }}>Add {field.label.toLowerCase()}</button>
        {about}
      </div>
    );
  }
  return (
    <fieldset class="form-group" id={box} tabIndex={-1}>
      <legend>{field.label || 'Value'}{field.required && <span class="form-needed"> (needed)</span>}</legend>
      {about}
      {field.kind === 'object' && <Group {...props} value={isObject(value) ? value : {}} />}
      {field.kind === 'list' && <List {...props} value={Array.isArray(value) ? value : []} />}
      {field.kind === 'map' && <Names {...props} value={isObject(value) ? value : {}} />}
      {field.kind === 'union' && <Union {...props} />}
      {!needed && field.kind !== 'list' && (
        <button type="button" class="chip" onClick={() => { context.setBroken(at, null); onChange(undefined); focusNext(id); }}>
          Leave out {field.label.toLowerCase()}
        </button>
      )}
    </fieldset>
  );
}

function List({ field, value, at, context, onChange }: Props<Json[]>) {
  const focusNext = useFocusNext();
  const next = useRef(value.length);
  const [rows, setRows] = useState(() => value.map((each, key) => ({ key, value: each as Json | undefined })));
  const item = field.item as Field;
  const give = (changed: typeof rows) => {
    setRows(changed);
    const kept = changed.map((row) => row.value ?? (item.kind === 'object' || item.kind === 'map' ? {} : item.kind === 'list' ? [] : ''));
    onChange(kept.length > 0 || field.required ? kept : undefined);
  };
  const add = () => {
    const key = next.current++;
    give([...rows, { key, value: undefined }]);
    focusNext(`${context.id}${at}/${rows.length}`);
  };
  const word = singular(field.label);
  return (
    <>
      {rows.length > 0 && (
        <ol class="form-list">
          {rows.map((row, n) => (
            <li key={row.key}>
              <Entry listed field={{ ...item, label: `${word} ${n + 1}`, required: false }} value={row.value} at={`${at}/${n}`} context={context}
                onChange={(changed) => give(rows.map((each) => (each.key === row.key ? { ...each, value: changed } : each)))} />
              <button type="button" class="chip" aria-label={`Remove ${word.toLowerCase()} ${n + 1}`}
                onClick={() => { give(rows.filter((each) => each.key !== row.key)); focusNext(`${context.id}${at}-add`); }}>
                Remove
              </button>
            </li>
          ))}
        </ol>
      )}
      <button type="button" class="chip" id={`${context.id}${at}-add`} onClick={add}>Add {word.toLowerCase()}</button>
    </>
  );
}

function Names({ field, value, at, context, onChange }: Props<JsonObject>) {
  const focusNext = useFocusNext();
  const next = useRef(Object.keys(value).length);
  const [rows, setRows] = useState(() => Object.entries(value).map(([name, each], key) => ({ key, name, value: each as Json | undefined })));
  const give = (changed: typeof rows) => {
    setRows(changed);
    onChange(Object.fromEntries(changed.filter((row) => row.name !== '').map((row) => [row.name, row.value ?? ''])));
  };
  const put = (key: number, part: { name?: string; value?: Json | undefined }) =>
    give(rows.map((each) => (each.key === key ? { ...each, ...part } : each)));
  return (
    <>
      {rows.map((row, n) => (
        <div class="form-pair" key={row.key}>
          <div class="form-field">
            <label for={`${context.id}${at}-name-${n}`}>Name {n + 1}</label>
            <input class="input" id={`${context.id}${at}-name-${n}`} defaultValue={row.name} autocomplete="off"
              onInput={(event) => put(row.key, { name: event.currentTarget.value })} />
          </div>
          <Entry field={{ ...(field.item as Field), label: `Value ${n + 1}`, required: false }} value={row.value} context={context}
            at={`${at}/${escape(row.name)}`} onChange={(changed) => put(row.key, { value: changed })} />
          <button type="button" class="chip" aria-label={`Remove ${row.name || `pair ${n + 1}`}`} onClick={() => give(rows.filter((each) => each.key !== row.key))}>
            Remove
          </button>
        </div>
      ))}
      <button type="button" class="chip" onClick={() => {
        const key = next.current++;
        give([...rows, { key, name: '', value: undefined }]);
        focusNext(`${context.id}${at}-name-${rows.length}`);
      }}>
        Add a name and value
      </button>
    </>
  );
}

function Union({ field, value, at, context, onChange }: Props<Json | undefined>) {
  const [chosen, setChosen] = useState(0);
  const variant = field.variants[chosen] as Field;
  const id = `${context.id}${at}-variant`;
  return (
    <>
      <div class="form-field">
        <label for={id}>Form</label>
        <select class="input" id={id} value={String(chosen)} onChange={(event) => {
          setChosen(Number(event.currentTarget.value));
          onChange(null); // nothing yet, and not left out
        }}>
          {field.variants.map((each, n) => <option value={String(n)}>{each.label}</option>)}
        </select>
      </div>
      <Entry key={chosen} field={{ ...variant, required: true }} value={value === null ? undefined : value} at={at} context={context} onChange={onChange} />
    </>
  );
}

function singular(label: string): string {
  return label.length > 3 && /[^s]s$/.test(label) ? label.slice(0, -1) : label || 'Entry';
}

/** Gives focus to an element as soon as the next render made it, before another key is pressed. */
function useFocusNext(): (id: string) => void {
  const wanted = useRef<string | undefined>(undefined);
  useLayoutEffect(() => {
    if (wanted.current !== undefined) document.getElementById(wanted.current)?.focus();
    wanted.current = undefined;
  });
  return (id) => { wanted.current = id; };
}
