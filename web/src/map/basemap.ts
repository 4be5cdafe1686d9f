// The plain map that comes with the page: land, borders and larger towns. See scripts/make-basemap for its file.
import file from './basemap.json?url';
import { project } from './projection';
import type { Spot } from './projection';

/** An outline of land, on the square of the world. */
export interface Ring {
  /** x and y in turn. */
  spots: Float64Array;
  west: number;
  east: number;
  north: number;
  south: number;
}

/** A town with a name. */
export interface Town extends Spot {
  name: string;
}

/** What is drawn beneath everything else. */
export interface Basemap {
  rings: Ring[];
  /** The largest first. */
  towns: Town[];
}

/** The file: whole hundredths of a degree, longitude first; in a ring each as the difference to the one before. */
interface Written {
  rings: number[][];
  towns: [name: string, lon: number, lat: number][];
}

let loading: Promise<Basemap> | undefined;

/** Loads it once. A loading that failed is made again by whoever asks next. */
export function basemap(): Promise<Basemap> {
  loading ??= load().catch((failure: unknown) => {
    loading = undefined;
    throw failure;
  });
  return loading;
}

async function load(): Promise<Basemap> {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`the map answers ${response.status}`);
  const written = (await response.json()) as Written;
  return {
    rings: written.rings.map(read),
    towns: written.towns.map(([name, lon, lat]) => ({ name, ...project({ lat: lat / 100, lon: lon / 100 }) })),
  };
}

/** A ring as it is written. */
export function read(told: readonly number[]): Ring {
  const spots = new Float64Array(told.length);
  const ring: Ring = { spots, west: 1, east: 0, north: 1, south: 0 };
  let [lon, lat] = [0, 0];
  for (let at = 0; at < told.length; at += 2) {
    lon += told[at] ?? 0;
    lat += told[at + 1] ?? 0;
    const { x, y } = project({ lat: lat / 100, lon: lon / 100 });
    spots[at] = x;
    spots[at + 1] = y;
    ring.west = Math.min(ring.west, x);
    ring.east = Math.max(ring.east, x);
    ring.north = Math.min(ring.north, y);
    ring.south = Math.max(ring.south, y);
  }
  return ring;
}
