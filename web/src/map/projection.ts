// The arithmetic of a map: Web Mercator, and a window on it that is moved and zoomed. The world is a square of side 1, from
// the north-west.
import type { Point } from '../net/places';

/** A place on the square of the world. */
export interface Spot {
  x: number;
  y: number;
}

/** A window on the world: its middle, and how many pixels the world is wide. */
export interface View extends Spot {
  scale: number;
}

/** The size of a window, in pixels. */
export interface Size {
  width: number;
  height: number;
}

/** Where Mercator's square ends. */
const LAT_MAX = 85.0511;
/** The whole world in a small window. */
export const SCALE_MIN = 300;
/** A street. */
export const SCALE_MAX = 40_000_000;
/** Room between what is shown and the edge of the window, in pixels. */
const MARGIN = 36;
/** How close one comes to a single place: some 100 km across. */
const NEAR_SCALE = 160_000;

/** Where a point is on the square of the world. */
export function project({ lat, lon }: Point): Spot {
  const held = Math.min(LAT_MAX, Math.max(-LAT_MAX, lat));
  const sine = Math.sin((held * Math.PI) / 180);
  return { x: (lon + 180) / 360, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) };
}

/** The point that is there on the square of the world. */
export function unproject({ x, y }: Spot): Point {
  const lat = (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
  return { lat, lon: x * 360 - 180 };
}

/** Where a spot is in the window, in pixels from its top left. */
export function toPixels(view: View, size: Size, spot: Spot): Spot {
  return {
    x: (spot.x - view.x) * view.scale + size.width / 2,
    y: (spot.y - view.y) * view.scale + size.height / 2,
  };
}

/** The spot that is at some pixels of the window. */
export function fromPixels(view: View, size: Size, pixels: Spot): Spot {
  return {
    x: view.x + (pixels.x - size.width / 2) / view.scale,
    y: view.y + (pixels.y - size.height / 2) / view.scale,
  };
}

/** The window moved by so many pixels of what is in it. */
export function pan(view: View, dx: number, dy: number): View {
  return held({ ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale });
}

/** The window zoomed by a factor; what is at `around` stays there. */
export function zoom(view: View, size: Size, factor: number, around: Spot = middle(size)): View {
  const fixed = fromPixels(view, size, around);
  const scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, view.scale * factor));
  return held({
    scale,
    x: fixed.x - (around.x - size.width / 2) / scale,
    y: fixed.y - (around.y - size.height / 2) / scale,
  });
}

/** The window that shows all of some points. */
export function fit(points: readonly Point[], size: Size): View {
  const spots = points.map(project);
  const [xs, ys] = [spots.map((spot) => spot.x), spots.map((spot) => spot.y)];
  const [west, east] = [Math.min(...xs), Math.max(...xs)];
  const [north, south] = [Math.min(...ys), Math.max(...ys)];
  const room = (pixels: number, extent: number) => Math.max(pixels - 2 * MARGIN, MARGIN) / Math.max(extent, 1e-9);
  const scale = Math.min(room(size.width, east - west), room(size.height, south - north), NEAR_SCALE);
  return held({ x: (west + east) / 2, y: (north + south) / 2, scale: Math.max(scale, SCALE_MIN) });
}

function middle(size: Size): Spot {
  return { x: size.width / 2, y: size.height / 2 };
}

function held(view: View): View {
  return { ...view, x: Math.min(1, Math.max(0, view.x)), y: Math.min(1, Math.max(0, view.y)) };
}
