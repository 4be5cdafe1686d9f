// Points as people type or paste them into a field that is also for names.
import { readPoint } from '../net/places';
import type { Point } from '../net/places';

/** Reads `45.188, 5.724`. Whole numbers are none: `38 000` is a postcode on its way, and nobody points to within 100 km. */
export function typedPoint(text: string): Point | undefined {
  return /\d\.\d.*\d\.\d/.test(text) ? readPoint(text) : undefined;
}
