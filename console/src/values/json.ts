/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json | undefined;
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Equality of JSON values; the order of an object's members does not count. */
export function same(left: Json | undefined, right: Json | undefined): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, at) => same(item, right[at]));
  }
  if (isObject(left) && isObject(right)) {
    const names = Object.keys(left);
    return (
      names.length === Object.keys(right).length &&
      names.every((name) => name in right && same(left[name], right[name]))
    );
  }
  return left === right;
}

/** What came of reading a text: its value, or why there is none. */
export type Read = { value: Json; fault?: undefined } | { value?: undefined; fault: string };

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * The value of a JSON text. A number that this page could not write again as it is, is a fault
 * and not another number: 12345678901234567890 would become 12345678901234567000.
 */
export function readJson(text: string): Read {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    return { fault: `is no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  for (const [token] of text.matchAll(STRING_OR_NUMBER)) {
    if (!token.startsWith('"') && !isKept(token)) {
      return { fault: `holds ${token}, a number that a browser can't keep exactly` };
    }
  }
  return { value };
}

/** Whether a number keeps all its digits as a double. */
function isKept(token: string): boolean {
  const value = Number(token);
  return Number.isFinite(value) && digits(token) === digits(String(value));
}

/** Digits and power of ten of a decimal number, without zeros that say nothing: -1.50e3 → -15e2. */
function digits(token: string): string {
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? [];
  const all = (whole + fraction).replace(/^0+/, '');
  const significant = all.replace(/0+$/, '');
  if (significant === '') return '0';
  const exponent = Number(power) - fraction.length + (all.length - significant.length);
  return `${sign}${significant}e${String(exponent)}`;
}

/** A typed text as the command line takes it: JSON when it can be read as such, else text. */
export function readTyped(text: string): Read {
  const read = readJson(text);
  return read.fault?.startsWith('is no JSON') ? { value: text } : read;
}

const ENCODER = new TextEncoder();

/** Bytes of a text in UTF-8. */
export const byteLength = (text: string): number => ENCODER.encode(text).length;

/** Short text of a value, for a table's cell. */
export function brief(value: Json | undefined, most = 120): string {
  if (value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
