import type { DeviceType } from '../api/api';

/** The device types, those first that one can see most of. */
export const TYPES: DeviceType[] = [
  'bulb',
  'switch',
  'thermostat',
  'vehicle',
  'meter',
  'generic',
  'rogue',
  'host',
];
