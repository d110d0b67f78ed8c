import { type Json, isObject } from '../values/json';

/** Payloads up to here are kept as they are. */
export const WHOLE_BYTES = 65_536;
/** Of longer ones, and of what is shown of any, this much. */
export const CLIPPED_BYTES = 16_384;

/** A message's payload as it can be shown: always text, whatever the device has sent. */
export interface Payload {
  /** Bytes as they came. */
  size: number;
  kind: 'json' | 'text' | 'binary' | 'empty';
  /** The beginning of it, or all; of binary data hexadecimal digits. */
  text: string;
  clipped: boolean;
  /** The value, of JSON that was kept whole. */
  value: Json | undefined;
}

const STRICT = new TextDecoder('utf-8', { fatal: true });
const LENIENT = new TextDecoder('utf-8');
/** Control characters that no text has; tab, LF and CR are text. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Reads a payload. Never raises: what is no text becomes hexadecimal digits. */
export function payloadOf(bytes: Uint8Array): Payload {
  const size = bytes.length;
  if (size === 0) return { size, kind: 'empty', text: '', clipped: false, value: undefined };
  const clipped = size > WHOLE_BYTES;
  const text = textOf(clipped ? bytes.subarray(0, CLIPPED_BYTES) : bytes, clipped);
  if (text === undefined) {
    return {
      size,
      kind: 'binary',
      text: hexadecimal(bytes),
      clipped: size > 256,
      value: undefined,
    };
  }
  const value = clipped ? undefined : jsonOf(text);
  return { size, kind: value === undefined ? 'text' : 'json', text, clipped, value };
}

function textOf(bytes: Uint8Array, cut: boolean): string | undefined {
  try {
    // The cut may go through a character of several bytes: what is left of it is dropped.
    const text = cut ? LENIENT.decode(bytes).replace(/\ufffd+$/, '') : STRICT.decode(bytes);
    return CONTROL.test(text) || (cut && text.includes('\ufffd')) ? undefined : text;
  } catch {
    return undefined;
  }
}

function jsonOf(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

const hexadecimal = (bytes: Uint8Array): string =>
  Array.from(bytes.subarray(0, 256), (byte) => byte.toString(16).padStart(2, '0')).join(' ');

/** What is shown of it: JSON with one member a line, and no more than fits a page. */
export function shown(payload: Payload): { text: string; clipped: boolean } {
  const text =
    payload.kind === 'json' && payload.size <= CLIPPED_BYTES
      ? JSON.stringify(payload.value, null, 2)
      : payload.text;
  return text.length > CLIPPED_BYTES
    ? { text: text.slice(0, CLIPPED_BYTES), clipped: true }
    : { text, clipped: payload.clipped };
}

/** A value's member by a path such as state.reported; undefined where there is none. */
export function member(value: Json | undefined, ...path: string[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (found, name) => (isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined),
    value,
  );
}
