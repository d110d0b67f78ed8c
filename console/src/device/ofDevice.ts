import type { Description } from '../api/api';
import type { Told } from '../live/store';
import type { Facts } from '../pictures/facts';
import type { JsonObject } from '../values/json';

/** What every side of a device is given. */
export interface OfDevice {
  thingName: string;
  device: Description;
  told: Told | undefined;
  facts: Facts;
}

/** The three parts of a shadow; empty where there is none. */
export function shadowOf(device: Description) {
  const part = (name: 'desired' | 'reported' | 'delta'): JsonObject =>
    (device.shadow?.[name] ?? {}) as JsonObject;
  return { desired: part('desired'), reported: part('reported'), delta: part('delta') };
}
