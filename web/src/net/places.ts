// Places by name and names of places, from the server's gazetteer.
import type { GazetteerPlace, NearestTown, PlacesFound } from '../wire/http';
import { get } from './http';

/** A point on earth, in degrees. */
export interface Point {
  lat: number;
  lon: number;
}

/** A place that the server knows. */
export type KnownPlace = GazetteerPlace;

/** How many suggestions are shown. */
const SUGGESTED = 8;

/** Places whose name begins like `text`; those near `near` count more. */
export async function suggest(text: string, near: Point | undefined, signal: AbortSignal): Promise<KnownPlace[]> {
  const query = { q: text, near: near && written(near), limit: SUGGESTED };
  return (await get<PlacesFound>('/places', query, signal)).items;
}

/** The place nearest to a point, if there is one. */
export async function nearest(point: Point, signal?: AbortSignal): Promise<KnownPlace | undefined> {
  return (await get<NearestTown>('/places/nearest', { at: written(point) }, signal)).place ?? undefined;
}

/** A point as the API reads it: to about a metre. */
export function written({ lat, lon }: Point): string {
  return `${Number(lat.toFixed(5))},${Number(lon.toFixed(5))}`;
}

/** Reads `LAT,LON`, as people and addresses write it. */
export function readPoint(text: string): Point | undefined {
  const [, lat, lon] = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*[,;\s]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(text) ?? [];
  if (lat === undefined || lon === undefined) return undefined;
  const point = { lat: Number(lat), lon: Number(lon) };
  return Math.abs(point.lat) <= 90 && Math.abs(point.lon) <= 180 ? point : undefined;
}

/** Where this device is. Rejects when it may not or cannot say. */
export function ownPosition(): Promise<Point> {
  return new Promise((found, failed) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => found({ lat: coords.latitude, lon: coords.longitude }),
      failed,
      { timeout: 10_000, maximumAge: 60_000 },
    );
  });
}
