import { byteLength, isObject, readJson, type JsonObject } from '../values/json';

/** Of a request's body, as the API takes it. */
const MOST_BYTES = 65_536;

/** What a text says of a fleet; the workflow checks every field, this only that it is one. */
export function fleetOf(text: string): { value?: JsonObject; fault?: string } {
  const { value, fault } = readJson(text);
  if (fault !== undefined) return { fault };
  if (!isObject(value) || typeof value.name !== 'string' || !Array.isArray(value.groups)) {
    return { fault: 'must be a JSON object with a name and an array groups' };
  }
  const bytes = byteLength(JSON.stringify(value));
  return bytes > MOST_BYTES
    ? { fault: `has ${String(bytes)} bytes, more than ${String(MOST_BYTES)}` }
    : { value };
}

/** What stands in the form first: something that works. */
export const SAMPLE = JSON.stringify(
  {
    name: 'office',
    groups: [
      { name: 'lamp', count: 2, deviceType: 'bulb' },
      { name: 'meter', count: 1, deviceType: 'meter' },
    ],
  },
  null,
  2,
);
