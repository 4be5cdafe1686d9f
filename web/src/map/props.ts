// What every map is given, whoever draws it.
import type { Point } from '../net/places';

/** A place on a map. */
export interface Marker extends Point {
  /** What it is called. */
  name?: string;
  /** `stop` on the way of a ride, or an end of a search. */
  kind: 'stop' | 'end' | 'wish';
}

/** What a map is given. */
export interface MapProps {
  /** Where to look first, when nothing else says so. */
  start?: Point;
  /** The way of a ride: origin, via points, destination. */
  route?: readonly Marker[];
  /** Other places to show. */
  markers?: readonly Marker[];
  /** The point that was picked. */
  picked?: Point;
  /** Makes the map one on which a point is picked. */
  onpick?: (point: Point) => void;
}

/** Where the middle of France is, which is as good a place to begin as any. */
const BEGINNING: readonly Point[] = [
  { lat: 51, lon: -4.5 },
  { lat: 42.5, lon: 8 },
];

/** The points that a map should show when it comes up. */
export function shownFirst({ start, route, markers, picked }: MapProps): readonly Point[] {
  const all = [...(route ?? []), ...(markers ?? []), ...(picked ? [picked] : [])];
  if (all.length > 0) return all;
  return start ? [start] : BEGINNING;
}

/** What a map is called. */
export function labelOf({ route }: MapProps, words: { label: string; route: (stops: string) => string }): string {
  const names = (route ?? []).flatMap((stop) => stop.name ?? []);
  return names.length > 0 ? words.route(names.join(' → ')) : words.label;
}
