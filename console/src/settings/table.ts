import rows from '../generated/settings.json';
import { has, type Setting } from './rules';

/** The settings that devices have, in the device's own order. */
export const SETTINGS: readonly Setting[] = rows;

/** Those of a device type that a person may set. */
export const settingsOf = (deviceType: string): Setting[] =>
  SETTINGS.filter((setting) => has(setting, deviceType) && setting.setBy === undefined);
