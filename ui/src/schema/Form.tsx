/** A form made from a JSON Schema; what is left empty is left out, so that defaults stay the gateway's. */

import { useMemo, useState } from 'preact/hooks';
import { Group, type Context } from './groups';
import { isObject, readSchema, type Field, type Json, type JsonObject, type Schema } from './fields';
import { JsonInput } from './inputs';
import { check, problemsOf, unplaced, type Problems, type Refusal } from './problems';

export interface Example {
  params: Json;
  says?: string;
}

export interface FormProps {
  /** Absent for a command that no family of the gateway knows: then it is JSON. */
  schema: Schema | undefined;
  examples?: Example[];
  /** What the form starts with. */
  initial?: JsonObject;
  /** The gateway's refusal of the last submit, if it was about params. */
  refusal?: Refusal | undefined;
  /** Unique on the page. */
  id: string;
  onSubmit: (params: Json | undefined) => void;
  children: preact.ComponentChildren;
}

/** Stands for the whole where a pointer stands for a field. */
const BROKEN = '-json';
const ANYTHING: Schema = { type: 'object', additionalProperties: true };

export function Form({ schema, examples = [], initial, refusal, id, onSubmit, children }: FormProps) {
  const root = useMemo(() => readSchema(schema ?? ANYTHING), [schema]);
  const [value, setValue] = useState<Json | undefined>(initial);
  const [asJson, setAsJson] = useState(schema === undefined || root.kind !== 'object');
  // Inputs are uncontrolled: a new generation makes them start from `value` again.
  const [generation, setGeneration] = useState(0);
  const [broken, setBroken] = useState<Problems>(new Map());
  const [local, setLocal] = useState<Problems>(new Map());
  const problems = new Map([...(refusal ? problemsOf(refusal) : []), ...local, ...broken]);
  const context: Context = {
    id,
    problems,
    setBroken: (at, text) => setBroken((held) => changed(held, at, text)),
  };
  const restart = (params: Json | undefined) => {
    setValue(params);
    setBroken(new Map());
    setLocal(new Map());
    setGeneration((n) => n + 1);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const found = broken.size > 0 ? new Map(broken) : check(root, value);
    setLocal(found);
    if (found.size === 0) onSubmit(value ?? (root.kind === 'object' ? {} : undefined));
    else requestAnimationFrame(() => firstInvalid(event.target as HTMLFormElement)?.focus());
  };
  const lost = unplaced(problems, (at) => at === BROKEN || (!asJson && document.getElementById(`${id}${at}`) !== null));
  const toggle = schema === undefined ? undefined : () => { restart(value); setAsJson(!asJson); };
  return (
    <form class="form" id={id} noValidate onSubmit={submit} aria-label="Params">
      <Bar examples={examples} asJson={asJson} onExample={restart} onToggle={toggle} />
      {lost.length > 0 && <div role="alert" class="form-problem">{lost.map((text) => <p>{text}</p>)}</div>}
      <div class="form-fields" key={`${generation}-${asJson}`}>
        {asJson ? <AsJson field={root} value={value} context={context} onChange={setValue} />
          : root.fields.length === 0 && !root.open ? <p class="muted">It takes no params.</p>
            : <Group field={root} value={isObject(value) ? value : {}} at="" context={context} onChange={setValue} />}
      </div>
      <div class="form-actions">{children}</div>
    </form>
  );
}

interface BarProps {
  examples: Example[];
  asJson: boolean;
  onExample: (params: Json) => void;
  onToggle: (() => void) | undefined;
}

/** Examples to start from, and the way to the JSON and back. */
function Bar({ examples, asJson, onExample, onToggle }: BarProps) {
  if (examples.length === 0 && onToggle === undefined) return null;
  return (
    <div class="form-bar">
      {examples.map((each, n) => (
        <button type="button" class="chip" onClick={() => onExample(each.params)}>
          {each.says || (examples.length > 1 ? `Example ${n + 1}` : 'Example')}
        </button>
      ))}
      {onToggle && <button type="button" class="chip" aria-pressed={asJson} onClick={onToggle}>Edit as JSON</button>}
    </div>
  );
}

interface AsJsonProps {
  field: Field;
  value: Json | undefined;
  context: Context;
  onChange: (value: Json | undefined) => void;
}

function AsJson({ field, value, context, onChange }: AsJsonProps) {
  const id = `${context.id}${BROKEN}`;
  const problem = context.problems.get(BROKEN);
  return (
    <div class="form-field">
      <label for={id}>Params (JSON)</label>
      <JsonInput field={field} id={id} value={value} invalid={problem !== undefined} rows={8} onChange={onChange}
        describedBy={problem && `${id}-problem`} onProblem={(text) => context.setBroken(BROKEN, text)} />
      {problem && <p class="form-problem" id={`${id}-problem`}>{problem}</p>}
    </div>
  );
}

function changed(held: Problems, at: string, text: string | null): Problems {
  const next = new Map(held);
  if (text === null) next.delete(at);
  else next.set(at, text);
  return next;
}

function firstInvalid(form: HTMLFormElement): HTMLElement | null {
  return form.querySelector('[aria-invalid="true"]');
}
