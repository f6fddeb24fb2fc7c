/** A place on a map that is drawn here: no tile, no request, no third party learns where the node is. */

import { useEffect, useState } from 'preact/hooks';
import type { Place } from './shapes';

const WIDTH = 480;
const HEIGHT = 300;
/** Degrees of latitude that the region view spans. */
const SPAN = 24;

type Ring = [number, number][];

export function PlaceMap({ place }: { place: Place }) {
  const [rings, setRings] = useState<Ring[]>([]);
  useEffect(() => {
    let wanted = true;
    // Its data is larger than the whole page: only who sees a map loads it.
    void import('./world').then((world) => wanted && setRings(world.outlines()));
    return () => { wanted = false; };
  }, []);
  const { lat, lon, accuracy } = place;
  const told = `${degrees(lat, 'N', 'S')}, ${degrees(lon, 'E', 'W')}${accuracy === null ? '' : `, within ${metres(accuracy)}`}`;
  const view = regionOf(lat);
  return (
    <figure class="map">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Map: ${told}`} data-outlines={rings.length}>
        <rect class="map-sea" width={WIDTH} height={HEIGHT} />
        <Graticule lat={lat} lon={lon} view={view} />
        <path class="map-land" d={rings.map((ring) => pathOf(ring, lat, lon, view)).join('')} />
        <Marker place={place} />
        <Globe rings={rings} lat={lat} lon={lon} />
      </svg>
      <figcaption>
        <span>{told}</span>
        <a href={`https://www.openstreetmap.org/?mlat=${lat}&mlon=${lon}#map=15/${lat}/${lon}`} target="_blank" rel="noreferrer noopener">
          Open in OpenStreetMap
        </a>
      </figcaption>
    </figure>
  );
}

interface View {
  /** Pixels per degree, each way: a degree of longitude is shorter away from the equator. */
  x: number;
  y: number;
}

function regionOf(lat: number): View {
  const y = HEIGHT / SPAN;
  return { x: y * Math.max(Math.cos((lat * Math.PI) / 180), 0.15), y };
}

function pathOf(ring: Ring, lat: number, lon: number, view: View): string {
  const points = ring.map(([x, y]) => [WIDTH / 2 + turn(x - lon) * view.x, HEIGHT / 2 - (y - lat) * view.y] as const);
  if (!points.some(([x, y]) => x > -WIDTH && x < 2 * WIDTH && y > -HEIGHT && y < 2 * HEIGHT)) return '';
  return joined(points, 180 * view.x);
}

/** A closed line; where it goes round the back of the globe it is interrupted, not drawn across. */
function joined(points: readonly (readonly [number, number])[], jump: number): string {
  return points
    .map(([x, y], n) => `${n > 0 && Math.abs(x - (points[n - 1]?.[0] ?? x)) < jump ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join('');
}

/** Longitudes apart, the short way. */
function turn(difference: number): number {
  return ((((difference + 180) % 360) + 360) % 360) - 180;
}

function Graticule({ lat, lon, view }: { lat: number; lon: number; view: View }) {
  const step = 5;
  const lines = [];
  for (let n = -8; n <= 8; n += 1) {
    const x = WIDTH / 2 + (Math.round(lon / step) * step + n * step - lon) * view.x;
    const y = HEIGHT / 2 - (Math.round(lat / step) * step + n * step - lat) * view.y;
    lines.push(<path class="map-grid" d={`M${x} 0V${HEIGHT}M0 ${y}H${WIDTH}`} />);
  }
  return <>{lines}</>;
}

function Marker({ place }: { place: Place }) {
  const x = WIDTH / 2;
  const y = HEIGHT / 2;
  return (
    <g>
      <circle class="map-ring" cx={x} cy={y} r={14} />
      {place.heading !== null && <path class="map-heading" d="M0 -30L6 -18H-6Z" transform={`translate(${x} ${y}) rotate(${place.heading})`} />}
      <circle class="map-dot" cx={x} cy={y} r={5} />
    </g>
  );
}

/** The whole world in a corner, so that the region is somewhere. */
function Globe({ rings, lat, lon }: { rings: Ring[]; lat: number; lon: number }) {
  const width = 120;
  const height = 60;
  const scale = width / 360;
  const land = rings.map((ring) => joined(ring.map(([x, y]) => [(x + 180) * scale, (90 - y) * scale] as const), width / 2)).join('');
  return (
    <g transform={`translate(${WIDTH - width - 8} ${HEIGHT - height - 8})`}>
      <rect class="map-inset" width={width} height={height} />
      <path class="map-land" d={land} />
      <circle class="map-dot" cx={(lon + 180) * scale} cy={(90 - lat) * scale} r={3} />
    </g>
  );
}

function degrees(value: number, positive: string, negative: string): string {
  return `${Math.abs(value).toFixed(5)}° ${value < 0 ? negative : positive}`;
}

function metres(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(1)} km` : `${Math.round(value)} m`;
}
