import { member } from '../live/payload';
import type { Json, JsonObject } from '../values/json';

/** What a picture shows of a device: what it reports, and its latest telemetry. */
export interface Facts {
  reported: JsonObject;
  telemetry: JsonObject | undefined;
  /** Earlier telemetry, the oldest first: where a vehicle came from. */
  trail: readonly JsonObject[];
  isOnline: boolean;
}

export interface Place {
  latitude: number;
  longitude: number;
  heading: number;
}

export const numberOf = (value: Json | undefined): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

export const numberIn = (facts: Facts, ...path: string[]): number | undefined =>
  numberOf(member(facts.telemetry, ...path));

/** Whether a bulb is lit or a switch is on; what it reports counts before its telemetry. */
export function isOn(facts: Facts, key: 'status' | 'position'): boolean | undefined {
  const value = facts.reported[key] ?? facts.telemetry?.[key];
  return value === 'on' ? true : value === 'off' ? false : undefined;
}

export function placeOf(telemetry: JsonObject | undefined): Place | undefined {
  const latitude = numberOf(member(telemetry, 'position', 'latitude'));
  const longitude = numberOf(member(telemetry, 'position', 'longitude'));
  if (latitude === undefined || longitude === undefined) return undefined;
  return { latitude, longitude, heading: numberOf(member(telemetry, 'position', 'heading')) ?? 0 };
}

/**
 * Places on a picture of this size, north above. A degree of longitude is shorter than one of
 * latitude by the cosine of the latitude.
 */
export function drawn(
  places: readonly Place[],
  width: number,
  height: number,
): { x: number; y: number }[] {
  if (places.length === 0) return [];
  const latitudes = places.map((place) => place.latitude);
  const shrink = Math.cos(((latitudes[0] ?? 0) * Math.PI) / 180);
  const xs = places.map((place) => place.longitude * shrink);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...latitudes), Math.max(...latitudes)];
  const scale = Math.min(width / Math.max(right - left, 1e-4), height / Math.max(high - low, 1e-4));
  return places.map((place, at) => ({
    x: width / 2 + ((xs[at] ?? 0) - (left + right) / 2) * scale,
    y: height / 2 - (place.latitude - (low + high) / 2) * scale,
  }));
}

/** Temperature in degrees Celsius, whatever unit the device sends. */
export function celsius(facts: Facts, name: string): number | undefined {
  const value = numberIn(facts, name);
  if (value === undefined) return undefined;
  return facts.telemetry?.unit === 'imperial' ? ((value - 32) * 5) / 9 : value;
}

const degree = (facts: Facts): string => (facts.telemetry?.unit === 'imperial' ? '°F' : '°C');

/** A temperature as the device sends it: 21.4 °C. */
export function temperatureText(facts: Facts, name = 'temperature'): string {
  const value = numberIn(facts, name);
  return value === undefined ? '–' : `${value.toFixed(1)} ${degree(facts)}`;
}

/** What the picture shows, in words, for who can't see it. */
export function inWords(type: string, facts: Facts): string {
  const state = facts.isOnline ? '' : ', not connected';
  switch (type) {
    case 'bulb': {
      const on = isOn(facts, 'status');
      return `Bulb, ${on === undefined ? 'not known whether lit' : on ? 'lit' : 'dark'}${state}`;
    }
    case 'switch': {
      const on = isOn(facts, 'position');
      return `Switch, ${on === undefined ? 'position not known' : on ? 'on' : 'off'}${state}`;
    }
    case 'thermostat':
      return `Thermostat, ${temperatureText(facts)}, wanted ${temperatureText(facts, 'target')}${state}`;
    case 'vehicle':
      return `Vehicle, ${numberIn(facts, 'speed')?.toFixed(0) ?? 'unknown'} ${
        facts.telemetry?.unit === 'imperial' ? 'mph' : 'km/h'
      }${state}`;
    case 'meter':
      return `Meter, ${String(numberIn(facts, 'energy') ?? 'unknown')} kWh${state}`;
    case 'rogue':
      return `Rogue, ${misbehaves(facts) ? 'misbehaves' : 'behaves'}${state}`;
    case 'host':
      return `Host, ${String(hostedBy(facts) ?? 'unknown')} devices${state}`;
    default:
      return `Sensor, ${temperatureText(facts)}${state}`;
  }
}

/** How many devices a host runs, as it reports. */
export const hostedBy = (facts: Facts): number | undefined =>
  numberOf(member(facts.reported, 'hosting', 'devices'));

/** Whether a rogue has been told to do anything wrong. */
export function misbehaves(facts: Facts): boolean {
  const { misbehave } = facts.reported;
  return misbehave === 'all' || (Array.isArray(misbehave) && misbehave.length > 0);
}
