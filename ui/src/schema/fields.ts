/** A JSON Schema as the fields of a form: pure, no DOM. */

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}
export type Schema = JsonObject;

export type Kind =
  | 'text'
  | 'longtext'
  | 'number'
  | 'integer'
  | 'boolean'
  | 'choice'
  | 'object'
  | 'list'
  | 'map'
  | 'union'
  | 'file'
  | 'json';

/** One field; `min`…`pattern` are what the schema asks of a value, `initial` is its default. */
export interface Field {
  name: string;
  label: string;
  help: string;
  kind: Kind;
  required: boolean;
  nullable: boolean;
  initial?: Json;
  examples: Json[];
  choices: Json[];
  min?: number;
  max?: number;
  above?: number;
  below?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  /** Fields of an object. */
  fields: Field[];
  /** An object takes fields that are not named. */
  open: boolean;
  /** Each entry of a list or map. */
  item?: Field;
  /** Forms of a union. */
  variants: Field[];
}

/** Deeper than this a schema is edited as JSON; a recursive one would never end. */
const DEEPEST = 6;
/** Names whose text is rarely one line. */
const LONG = /(^|[a-z])(body|text|message|content|script|javascript|jsonl|description|notes?)$/i;
const FILE = /base64$/i;

/** The fields of a command's params. */
export function readSchema(schema: Schema): Field {
  return read(schema, schema, '', true, 0);
}

function read(root: Schema, given: Schema, name: string, required: boolean, depth: number): Field {
  const { schema, nullable, variants } = resolve(root, given);
  // By its own title: that of a model it refers to names a class.
  const field = { ...blank(schema, name, required, nullable), label: labelOf(name, given) };
  if (depth > DEEPEST) return { ...field, kind: 'json' };
  if (variants.length > 0) return readUnion(root, field, variants, depth);
  if (Array.isArray(schema.enum) || 'const' in schema) {
    return { ...field, kind: 'choice', choices: (schema.enum as Json[] | undefined) ?? [schema.const ?? null] };
  }
  switch (schema.type) {
    case 'string':
      return textKind(schema, name) === 'file' ? { ...field, kind: 'file', label: field.label.replace(/ base64$/i, '') } : { ...field, kind: textKind(schema, name) };
    case 'integer':
    case 'number':
    case 'boolean':
      return { ...field, kind: schema.type };
    case 'array':
      return readList(root, field, schema, depth);
    case 'object':
      return readObject(root, field, schema, depth);
    default:
      return { ...field, kind: isObject(schema.properties) ? 'object' : 'json' };
  }
}

function readObject(root: Schema, field: Field, schema: Schema, depth: number): Field {
  const rest = schema.additionalProperties;
  if (isObject(schema.properties)) {
    const needed = new Set(Array.isArray(schema.required) ? schema.required : []);
    const told = attributesOf(field.help);
    const fields = Object.entries(schema.properties).map(([name, each]) => {
      const made = read(root, isObject(each) ? each : {}, name, needed.has(name), depth + 1);
      return { ...made, help: made.help || (told.get(name) ?? '') };
    });
    // What must be given comes first; the order is otherwise the schema's.
    fields.sort((a, b) => Number(b.required) - Number(a.required));
    const help = field.help.replace(/(^|\n)Attributes:\n[\s\S]*$/, '').trim();
    return { ...field, help, kind: 'object', fields, open: rest === true };
  }
  if (isObject(rest) && Object.keys(rest).length > 0) {
    return { ...field, kind: 'map', item: read(root, rest, '', true, depth + 1) };
  }
  return { ...field, kind: schema.additionalProperties === undefined && depth === 0 ? 'object' : 'json' };
}

/** What a model's docstring says of its fields below "Attributes:", which is all that most schemas say of them. */
function attributesOf(text: string): Map<string, string> {
  const found = new Map<string, string>();
  const [, block = ''] = /(?:^|\n)Attributes:\n([\s\S]*)$/.exec(text) ?? [];
  for (const [, names = '', says = ''] of block.matchAll(/^ {4}([\w, ]+): (.*(?:\n {5,}.*)*)/gm)) {
    const help = says.replace(/\s*\n\s*/g, ' ').trim();
    for (const name of names.split(',')) found.set(camel(name.trim()), help && `${help[0]?.toUpperCase()}${help.slice(1)}`);
  }
  return found;
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function readList(root: Schema, field: Field, schema: Schema, depth: number): Field {
  if (!isObject(schema.items)) return { ...field, kind: 'json' };
  const item = read(root, schema.items, '', true, depth + 1);
  return { ...field, kind: 'list', item };
}

function readUnion(root: Schema, field: Field, variants: Schema[], depth: number): Field {
  const read_ = variants.map((each) => read(root, each, field.name, true, depth + 1));
  const numeric = read_.every((each) => each.kind === 'number' || each.kind === 'integer');
  if (numeric) return { ...field, kind: 'number' };
  const labelled = read_.map((each, at) => ({ ...each, label: variantLabel(variants[at], each) }));
  return { ...field, kind: 'union', variants: labelled };
}

/** A schema without references, nulls and single alternatives. */
function resolve(root: Schema, given: Schema): { schema: Schema; nullable: boolean; variants: Schema[] } {
  let schema = dereference(root, given);
  if (Array.isArray(schema.allOf)) {
    const parts = schema.allOf.filter(isObject).map((each) => dereference(root, each));
    schema = Object.assign({}, ...parts, schema);
  }
  const types = Array.isArray(schema.type) ? schema.type : [];
  const alternatives = (schema.anyOf ?? schema.oneOf ?? types.map((type) => ({ ...schema, type }))) as Json[];
  const found = alternatives.filter(isObject).map((each) => dereference(root, each));
  const variants = found.filter((each) => each.type !== 'null');
  const nullable = variants.length < found.length;
  if (variants.length !== 1) return { schema, nullable, variants };
  const { anyOf: _a, oneOf: _o, ...own } = schema;
  const inner = resolve(root, { ...variants[0], ...own, type: variants[0]?.type ?? null });
  return { ...inner, nullable: nullable || inner.nullable };
}

function dereference(root: Schema, schema: Schema): Schema {
  if (typeof schema.$ref !== 'string') return schema;
  let found: Json | undefined = root;
  for (const part of schema.$ref.replace(/^#\/?/, '').split('/')) {
    found = isObject(found) ? found[part] : undefined;
  }
  const { $ref: _, ...own } = schema;
  return isObject(found) ? dereference(root, { ...found, ...own }) : own;
}

function blank(schema: Schema, name: string, required: boolean, nullable: boolean): Field {
  const number = (...keys: string[]) => keys.map((key) => schema[key]).find((each) => typeof each === 'number') as number | undefined;
  return {
    name,
    label: '',
    help: typeof schema.description === 'string' ? withoutChapters(schema.description) : '',
    kind: 'json',
    required,
    nullable,
    ...(schema.default === undefined || schema.default === null ? {} : { initial: schema.default }),
    examples: Array.isArray(schema.examples) ? schema.examples : [],
    choices: [],
    // `ge` and its kin are what pydantic leaves of a bound it cannot translate.
    ...defined({
      min: number('minimum', 'ge'),
      max: number('maximum', 'le'),
      above: number('exclusiveMinimum', 'gt'),
      below: number('exclusiveMaximum', 'lt'),
      minLength: number('minLength'),
      maxLength: number('maxLength'),
      minItems: number('minItems'),
      maxItems: number('maxItems'),
      pattern: typeof schema.pattern === 'string' ? schema.pattern : undefined,
    }),
    fields: [],
    open: false,
    variants: [],
  };
}

/** Docstrings name chapters of the protocol, which says nothing to who fills in a form. */
function withoutChapters(text: string): string {
  return text.replace(/ \((?:PROTOCOL )?\d+(?:\.\d+)*(?:, \d+(?:\.\d+)*)*\)/g, '');
}

function defined<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, each]) => each !== undefined)) as never;
}

function textKind(schema: Schema, name: string): Kind {
  if (schema.contentEncoding === 'base64' || FILE.test(name)) return 'file';
  return LONG.test(name) ? 'longtext' : 'text';
}

/** `maxWidth` becomes "Max width", `delayMs` "Delay (ms)"; a title of the schema's own is kept. */
export function labelOf(name: string, schema: Schema = {}): string {
  const title = typeof schema.title === 'string' ? schema.title : '';
  const made = name.replace(/_/g, '').toLowerCase() === title.replace(/[ _]/g, '').toLowerCase();
  if (title && !made && !/^[A-Z]\w+[A-Z]\w*$/.test(title)) return title;
  const unit = /(Ms|Mps|Bytes|Px|Deg|Degrees|Percent|Meters|Seconds)$/.exec(name)?.[1];
  const stem = unit ? name.slice(0, -unit.length) : name;
  const words = stem.replace(/_/g, ' ').replace(/([a-z0-9])([A-Z])/g, '$1 $2').trim().toLowerCase();
  const text = words ? words[0]?.toUpperCase() + words.slice(1) : unit ?? '';
  const units: Record<string, string> = { Percent: '%', Deg: '°', Degrees: '°', Meters: 'm', Mps: 'm/s', Seconds: 's' };
  return unit && words ? `${text} (${units[unit] ?? unit.toLowerCase()})` : text.replace(/\bid\b/gi, 'ID').replace(/\burl\b/gi, 'URL');
}

function variantLabel(schema: Schema | undefined, field: Field): string {
  if (typeof schema?.title === 'string') return schema.title.replace(/([a-z])([A-Z])/g, '$1 $2');
  const names: Partial<Record<Kind, string>> = {
    text: 'Text', longtext: 'Text', number: 'Number', integer: 'Whole number', boolean: 'Yes or no',
    list: 'List', object: 'Object', map: 'Names and values', choice: 'Choice',
  };
  return names[field.kind] ?? 'JSON';
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
