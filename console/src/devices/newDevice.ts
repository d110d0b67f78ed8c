import { byteLength, isObject, readJson, type JsonObject } from '../values/json';

/** Levels of AWS IoT's own topics: a device with such a name could speak for others. */
const RESERVED = new Set(
  (
    'accepted rejected get update delete delta documents notify notify-next start-next json cbor ' +
    'shadow jobs online lwt tamper metrics link-refused res req create confirm abandon telemetry'
  ).split(' '),
);

/** What is wrong with a thing name; an empty one is made up by the workflow. */
export function nameFault(name: string): string | undefined {
  if (name === '') return undefined;
  if (!/^[a-zA-Z0-9:_-]{1,128}$/.test(name)) {
    return 'must be 1 to 128 letters, digits, and : _ -';
  }
  return RESERVED.has(name) ? 'is a level that AWS IoT reserves in its topics' : undefined;
}

const MOST: Record<string, number> = { m: 525_600, h: 8_760, d: 365 };

/** What is wrong with a signing request, by its outside; AWS IoT looks at what is in it. */
export function csrFault(csr: string): string | undefined {
  const pem = /^\s*-----BEGIN (CERTIFICATE REQUEST)-----\r?\n[A-Za-z0-9+/=\s]+-----END \1-----\s*$/;
  if (csr.length <= 4096 && pem.test(csr)) return undefined;
  return 'must be a certificate signing request in PEM, of at most 4096 characters';
}

/** What is wrong with a time to live; an empty one is none. */
/** The rule of a batch's name; empty is none. */
export function batchFault(batch: string): string | undefined {
  return batch === '' || /^[a-zA-Z0-9_-]{1,40}$/.test(batch)
    ? undefined
    : 'must be 1 to 40 letters, digits, _ or -';
}

export function ttlFault(ttl: string): string | undefined {
  if (ttl === '') return undefined;
  const [, number = '', unit = ''] = /^([1-9][0-9]{0,5})([mhd])$/.exec(ttl) ?? [];
  return Number(number) <= (MOST[unit] ?? -1)
    ? undefined
    : 'must be a number with m, h or d, such as 2h, from 1m to 365d';
}

interface Given<Value> {
  value?: Value;
  fault?: string;
}

/** Attributes from lines of name=value. */
export function attributesOf(text: string): Given<Record<string, string>> {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  if (lines.length === 0) return {};
  if (lines.length > 20) return { fault: 'must be 20 attributes at most' };
  const value: Record<string, string> = {};
  for (const line of lines) {
    const at = line.indexOf('=');
    const name = line.slice(0, at);
    const given = line.slice(at + 1);
    if (at < 1) return { fault: `${line}: must be name=value` };
    if (!/^[a-zA-Z0-9_.,@/:#-]{1,128}$/.test(name) || name === 'execution') {
      return { fault: `${name}: is no name that an attribute can have` };
    }
    if (!/^[a-zA-Z0-9_.,@/:#=[\]-]{0,800}$/.test(given)) {
      return { fault: `${name}: holds a character that AWS IoT does not take` };
    }
    if (name in value) return { fault: `${name}: stands twice` };
    value[name] = given;
  }
  return { value };
}

/** A model from its JSON; the device itself checks the rest of it. */
export function modelOf(text: string): Given<JsonObject> {
  if (text.trim() === '') return {};
  const { value, fault } = readJson(text);
  if (fault !== undefined) return { fault };
  if (!isObject(value) || !isObject(value.telemetry)) {
    return { fault: 'must be a JSON object with an object telemetry' };
  }
  const bytes = byteLength(JSON.stringify(value));
  return bytes > 16_384 ? { fault: `has ${String(bytes)} bytes, more than 16384` } : { value };
}
