/** Outlines of the world's countries as SVG paths, from Natural Earth (public domain) at 1:110 million. */

import topology from 'world-atlas/countries-110m.json';

type Point = [number, number];
interface Topology {
  transform: { scale: Point; translate: Point };
  arcs: Point[][];
  objects: { countries: { geometries: { type: string; arcs: number[][] | number[][][] }[] } };
}

/** Closed rings of longitude and latitude, in degrees. */
export function outlines(): Point[][] {
  const { transform, arcs, objects } = topology as unknown as Topology;
  const lines = arcs.map((arc) => absolute(arc, transform));
  const rings: Point[][] = [];
  for (const { type, arcs: parts } of objects.countries.geometries) {
    const polygons = (type === 'Polygon' ? [parts] : parts) as number[][][];
    for (const polygon of polygons) for (const ring of polygon) rings.push(joined(ring, lines));
  }
  return rings;
}

/** Arcs hold differences of integers. */
function absolute(arc: Point[], { scale, translate }: Topology['transform']): Point[] {
  let x = 0;
  let y = 0;
  return arc.map(([dx, dy]) => {
    x += dx;
    y += dy;
    return [x * scale[0] + translate[0], y * scale[1] + translate[1]];
  });
}

/** A ring names its arcs; a complement (~n) is arc n the other way round. */
function joined(ring: number[], lines: Point[][]): Point[] {
  const points: Point[] = [];
  for (const at of ring) {
    const line = at < 0 ? [...(lines[~at] ?? [])].reverse() : (lines[at] ?? []);
    points.push(...(points.length > 0 ? line.slice(1) : line));
  }
  return points;
}
