/** A command's result shown as what it is; the whole as JSON is one click away. */

import { useMemo } from 'preact/hooks';
import { isObject, labelOf, type Json, type JsonObject } from '../schema/fields';
import { mediaOf, shortened } from './media';
import { MediaFigure } from './MediaFigure';
import { PlaceMap } from './PlaceMap';
import { columnsOf, measureText, momentOf, placeOf, runOf } from './shapes';

const MOST_ROWS = 200;
const DEEPEST = 5;

export function Result({ value, caption }: { value: Json | undefined; caption: string }) {
  if (value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0)) {
    return <p class="muted">Done. There is nothing more to show.</p>;
  }
  return (
    <div class="result">
      <View value={value} name="" caption={caption} depth={0} />
      <details class="result-raw">
        <summary>As JSON</summary>
        <pre tabIndex={0} aria-label="Result as JSON">{JSON.stringify(shortened(value), null, 2)}</pre>
      </details>
    </div>
  );
}

interface ViewProps {
  value: Json;
  name: string;
  caption: string;
  depth: number;
}

function View({ value, name, caption, depth }: ViewProps) {
  if (depth > DEEPEST) return <pre>{JSON.stringify(shortened(value), null, 2)}</pre>;
  if (Array.isArray(value)) return <Many value={value} name={name} caption={caption} depth={depth} />;
  if (isObject(value)) return <One value={value} name={name} caption={caption} depth={depth} />;
  return <Plain name={name} value={value} />;
}

/** An object: its picture, sound or place first, then whatever else it says. */
function One({ value, caption, depth }: Omit<ViewProps, 'value'> & { value: JsonObject }) {
  const media = useMemo(() => mediaOf(value), [value]);
  const place = placeOf(value);
  const run = runOf(value);
  const hidden = new Set<string>([...(media ? [media.field] : []), ...(run ? ['stdout', 'stderr'] : [])]);
  // A text block of MCP content is its text.
  if (value.type === 'text' && typeof value.text === 'string') return <Text value={value.text} />;
  const rest = Object.entries(value).filter(([key, each]) => !hidden.has(key) && each !== null && each !== '');
  const facts = rest.filter(([, each]) => typeof each !== 'object');
  const parts = rest.filter(([, each]) => typeof each === 'object');
  return (
    <div class="result-one">
      {media && <MediaFigure media={media} caption={caption} />}
      {place && <PlaceMap place={place} />}
      {run && <Output label="Output" text={run.stdout} />}
      {run && run.stderr !== '' && <Output label="Errors" text={run.stderr} />}
      {facts.length > 0 && (
        <dl class="facts">
          {facts.map(([key, each]) => (
            <div>
              <dt>{labelOf(key).replace(/ \([^)]*\)$/, '')}</dt>
              <dd><Plain name={key} value={each} /></dd>
            </div>
          ))}
        </dl>
      )}
      {parts.map(([key, each]) => (
        <section class="result-part">
          <h3>{labelOf(key)}</h3>
          <View value={each} name={key} caption={`${caption}: ${labelOf(key)}`} depth={depth + 1} />
        </section>
      ))}
    </div>
  );
}

function Many({ value, name, caption, depth }: Omit<ViewProps, 'value'> & { value: Json[] }) {
  const shown = value.slice(0, MOST_ROWS);
  const rest = value.length > MOST_ROWS && <p class="muted">The first {MOST_ROWS} of {value.length}; all are in the JSON.</p>;
  const withMedia = useMemo(() => value.some((each) => isObject(each) && (each.type === 'text' || mediaOf(each) !== null)), [value]);
  if (value.length === 0) return <p class="muted">None.</p>;
  const columns = withMedia ? null : columnsOf(value);
  if (columns !== null) {
    return (
      <>
        <Rows rows={shown as JsonObject[]} columns={columns} caption={caption} />
        {rest}
      </>
    );
  }
  return (
    <>
      <ul class={withMedia ? 'result-media' : 'result-list'}>
        {shown.map((each, n) => <li><View value={each} name={name} caption={`${caption} ${n + 1}`} depth={depth + 1} /></li>)}
      </ul>
      {rest}
    </>
  );
}

function Rows({ rows, columns, caption }: { rows: JsonObject[]; columns: string[]; caption: string }) {
  return (
    <div class="result-table" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <thead>
          <tr>{columns.map((key) => <th scope="col">{labelOf(key)}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {columns.map((key) => <td>{row[key] === undefined || row[key] === null ? '' : <Cell name={key} value={row[key]} />}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ name, value }: { name: string; value: Json }) {
  return typeof value === 'object' ? <code>{JSON.stringify(shortened(value))}</code> : <Plain name={name} value={value} />;
}

function Plain({ name, value }: { name: string; value: Json }) {
  const moment = momentOf(name, value);
  if (moment !== null) return <time dateTime={new Date(moment).toISOString()}>{new Date(moment).toLocaleString()}</time>;
  if (typeof value === 'boolean') return <>{value ? 'yes' : 'no'}</>;
  if (typeof value === 'number') return <>{measureText(name, value)}</>;
  return <Text value={String(value)} />;
}

function Text({ value }: { value: string }) {
  if (/^https?:\/\/\S+$/.test(value)) return <a href={value} target="_blank" rel="noreferrer noopener">{value}</a>;
  return value.includes('\n') ? <pre tabIndex={0}>{value}</pre> : <span class="result-text">{String(shortened(value))}</span>;
}

function Output({ label, text }: { label: string; text: string }) {
  return (
    <section class="result-part">
      <h3>{label}</h3>
      {text === '' ? <p class="muted">It printed nothing.</p> : <pre tabIndex={0} aria-label={label}>{text}</pre>}
    </section>
  );
}
