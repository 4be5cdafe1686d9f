// When a ride passes its stops, by its departure, its arrival and the lengths of its legs.
import type { RideState } from '../wire/http';

/** The instant at each stop. */
export function passes(ride: Pick<RideState, 'departs_at' | 'arrives_at' | 'legs_m'>): Date[] {
  const [departs, arrives] = [Date.parse(ride.departs_at), Date.parse(ride.arrives_at)];
  const whole = ride.legs_m.reduce((sum, leg) => sum + leg, 0);
  let driven = 0;
  const after = ride.legs_m.map((leg) => {
    driven += leg;
    return new Date(departs + (whole === 0 ? 0 : ((arrives - departs) * driven) / whole));
  });
  return [new Date(departs), ...after];
}
