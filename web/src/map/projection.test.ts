import { describe, expect, it } from 'vitest';

import { SCALE_MAX, SCALE_MIN, fit, fromPixels, pan, project, toPixels, unproject, zoom } from './projection';

const GRENOBLE = { lat: 45.1885, lon: 5.7245 };
const LYON = { lat: 45.764, lon: 4.8357 };
const SIZE = { width: 320, height: 240 };

describe('a map', () => {
  it('puts points where Mercator does, and finds them again', () => {
    expect(project({ lat: 0, lon: 0 })).toEqual({ x: 0.5, y: 0.5 });
    expect(project({ lat: 85.0511, lon: 180 }).y).toBeCloseTo(0, 4);
    for (const point of [GRENOBLE, LYON, { lat: -33.9, lon: 151.2 }]) {
      const again = unproject(project(point));
      expect(again.lat).toBeCloseTo(point.lat, 9);
      expect(again.lon).toBeCloseTo(point.lon, 9);
    }
  });

  it('shows all of what it is fitted to', () => {
    const view = fit([GRENOBLE, LYON], SIZE);
    for (const point of [GRENOBLE, LYON]) {
      const { x, y } = toPixels(view, SIZE, project(point));
      expect(x).toBeGreaterThan(30);
      expect(x).toBeLessThan(SIZE.width - 30);
      expect(y).toBeGreaterThan(30);
      expect(y).toBeLessThan(SIZE.height - 30);
    }
  });

  it('shows the surroundings of a single place', () => {
    const view = fit([LYON], SIZE);
    expect(toPixels(view, SIZE, project(LYON))).toEqual({ x: 160, y: 120 });
    expect(view.scale).toBeLessThan(SCALE_MAX);
  });

  it('follows the finger', () => {
    const view = fit([LYON], SIZE);
    const moved = toPixels(pan(view, 10, -5), SIZE, project(LYON));
    expect(moved.x).toBeCloseTo(170);
    expect(moved.y).toBeCloseTo(115);
  });

  it('keeps what is under the finger while it is zoomed', () => {
    const view = fit([GRENOBLE, LYON], SIZE);
    const finger = { x: 40, y: 200 };
    const before = fromPixels(view, SIZE, finger);
    const after = fromPixels(zoom(view, SIZE, 3, finger), SIZE, finger);
    expect(after.x).toBeCloseTo(before.x, 12);
    expect(after.y).toBeCloseTo(before.y, 12);
  });

  it('zooms no further than there is something to see', () => {
    const view = fit([LYON], SIZE);
    expect(zoom(view, SIZE, 1e9).scale).toBe(SCALE_MAX);
    expect(zoom(view, SIZE, 1e-9).scale).toBe(SCALE_MIN);
  });
});
