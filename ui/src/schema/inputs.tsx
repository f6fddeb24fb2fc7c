/** One input per kind of field. Uncontrolled: what is half typed ("1.") is nobody's business yet. */

import { useState } from 'preact/hooks';
import type { Field, Json } from './fields';

export interface InputProps {
  field: Field;
  id: string;
  value: Json | undefined;
  invalid: boolean;
  describedBy: string | undefined;
  onChange: (value: Json | undefined) => void;
}

type Shared = { id: string; 'aria-invalid'?: boolean; 'aria-describedby'?: string | undefined; 'aria-required'?: boolean };

function shared({ field, id, invalid, describedBy }: InputProps): Shared {
  return { id, 'aria-invalid': invalid || undefined, 'aria-describedby': describedBy, 'aria-required': field.required || undefined } as Shared;
}

function placeholder(field: Field): string {
  if (field.initial !== undefined && field.initial !== '') return String(field.initial);
  const example = field.examples[0];
  return example === undefined ? '' : `e.g. ${typeof example === 'string' ? example : JSON.stringify(example)}`;
}

function TextInput(props: InputProps) {
  const { field, value, onChange } = props;
  const emptyCounts = field.required && field.minLength === undefined;
  const give = (text: string) => onChange(text === '' && !emptyCounts ? undefined : text);
  const start = typeof value === 'string' ? value : '';
  return field.kind === 'longtext' ? (
    <textarea {...shared(props)} class="input" rows={3} defaultValue={start} placeholder={placeholder(field)}
      spellcheck={false} onInput={(event) => give(event.currentTarget.value)} />
  ) : (
    <input {...shared(props)} class="input" type="text" defaultValue={start} placeholder={placeholder(field)}
      autocomplete="off" spellcheck={false} onInput={(event) => give(event.currentTarget.value)} />
  );
}

function NumberInput(props: InputProps) {
  const { field, value, onChange } = props;
  return (
    <input {...shared(props)} class="input input-number" type="number" defaultValue={typeof value === 'number' ? String(value) : ''}
      placeholder={placeholder(field)} min={field.min} max={field.max} step={field.kind === 'integer' ? 1 : 'any'}
      onInput={(event) => onChange(Number.isNaN(event.currentTarget.valueAsNumber) ? undefined : event.currentTarget.valueAsNumber)} />
  );
}

/** A box when the default is known; otherwise "not set" is an answer of its own. */
function BooleanInput(props: InputProps) {
  const { field, value, onChange } = props;
  if (typeof field.initial === 'boolean') {
    const checked = typeof value === 'boolean' ? value : field.initial;
    return <input {...shared(props)} type="checkbox" class="checkbox" checked={checked}
      onChange={(event) => onChange(event.currentTarget.checked === field.initial ? undefined : event.currentTarget.checked)} />;
  }
  return (
    <select {...shared(props)} class="input" value={value === undefined ? '' : String(value)}
      onChange={(event) => onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value === 'true')}>
      <option value="">{field.required ? 'Choose…' : 'Not set'}</option>
      <option value="true">Yes</option>
      <option value="false">No</option>
    </select>
  );
}

function ChoiceInput(props: InputProps) {
  const { field, value, onChange } = props;
  const at = field.choices.findIndex((each) => each === value);
  const start = field.initial === undefined ? (field.required ? 'Choose…' : 'Not set') : `Default (${String(field.initial)})`;
  return (
    <select {...shared(props)} class="input" value={at < 0 ? '' : String(at)}
      onChange={(event) => onChange(event.currentTarget.value === '' ? undefined : field.choices[Number(event.currentTarget.value)])}>
      <option value="">{start}</option>
      {field.choices.map((each, n) => <option value={String(n)}>{String(each)}</option>)}
    </select>
  );
}

/** A file of this machine as base64 text. */
function FileInput(props: InputProps) {
  const [size, setSize] = useState<number | null>(null);
  const read = async (file: File | undefined) => {
    if (file === undefined) {
      setSize(null);
      props.onChange(undefined);
      return;
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    setSize(bytes.length);
    props.onChange(base64Of(bytes));
  };
  return (
    <span class="form-file">
      <input {...shared(props)} type="file" onChange={(event) => void read(event.currentTarget.files?.[0])} />
      {size !== null && <small>{size.toLocaleString()} bytes</small>}
    </span>
  );
}

export function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  return btoa(text);
}

export function JsonInput(props: InputProps & { onProblem: (text: string | null) => void; rows?: number }) {
  const give = (text: string) => {
    if (text.trim() === '') {
      props.onProblem(null);
      props.onChange(undefined);
      return;
    }
    try {
      const value = JSON.parse(text) as Json;
      props.onProblem(null);
      props.onChange(value);
    } catch (error) {
      props.onProblem(`This is not JSON: ${(error as Error).message}`);
    }
  };
  return (
    <textarea {...shared(props)} class="input mono" rows={props.rows ?? 3} spellcheck={false}
      defaultValue={props.value === undefined ? '' : JSON.stringify(props.value, null, 2)}
      placeholder={props.field.examples[0] === undefined ? 'JSON' : JSON.stringify(props.field.examples[0])}
      onInput={(event) => give(event.currentTarget.value)} />
  );
}

/** The input of a field that holds one value. */
export function ScalarInput(props: InputProps) {
  switch (props.field.kind) {
    case 'number':
    case 'integer':
      return <NumberInput {...props} />;
    case 'boolean':
      return <BooleanInput {...props} />;
    case 'choice':
      return <ChoiceInput {...props} />;
    case 'file':
      return <FileInput {...props} />;
    default:
      return <TextInput {...props} />;
  }
}
