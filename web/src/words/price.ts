// Prices as people type them.

/** Whole cents of a price in digits, with comma or point; undefined where it cannot be read, nothing included. */
export function readPrice(text: string): number | undefined {
  const [, units, decimals] = /^\s*(\d{1,5})(?:[.,](\d{0,2}))?\s*\p{Sc}?\s*$/u.exec(text) ?? [];
  return units === undefined ? undefined : Number(units) * 100 + Number((decimals ?? '').padEnd(2, '0'));
}
