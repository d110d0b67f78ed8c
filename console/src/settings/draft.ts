import { readJson, readTyped, same, type Json, type JsonObject, type Read } from '../values/json';
import { fault, type Setting, type Subject } from './rules';

/** Texts of the fields that somebody has changed, by setting. */
export type Draft = Record<string, string | undefined>;

const AS_JSON = new Set(['object', 'otherThings', 'allOrSome']);
const AS_TEXT = new Set(['oneOf', 'telemetryTopic', 'anotherThing']);

/** The text of a field for a value that the shadow holds. */
export function textOf(setting: Setting, value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  const isBare = AS_TEXT.has(setting.rule) || value === setting.all;
  if (isBare && typeof value === 'string') return value;
  return JSON.stringify(value);
}

/** The value that a field's text stands for. An empty field stands for null: "take it out". */
export function valueOf(setting: Setting, text: string): Read {
  const typed = text.trim();
  if (typed === '') return { value: null };
  if (AS_TEXT.has(setting.rule)) return { value: typed };
  if (!AS_JSON.has(setting.rule)) return readTyped(typed);
  if (setting.rule === 'allOrSome' && typed === setting.all) return { value: typed };
  // Names are easier to type without the marks of an array.
  const bare = setting.rule !== 'object' && !typed.startsWith('[');
  return bare ? { value: typed.split(/[\s,]+/).filter(Boolean) } : readJson(typed);
}

/** What a draft would change, and what the device would refuse of it. */
export interface Change {
  desired: JsonObject;
  faults: Record<string, string>;
}

/** The merge patch that a draft stands for. Fields that are as they were are no part of it. */
export function changeOf(
  settings: readonly Setting[],
  draft: Draft,
  desired: JsonObject,
  subject: Subject,
): Change {
  const change: Change = { desired: {}, faults: {} };
  for (const setting of settings) {
    const text = draft[setting.key];
    if (text === undefined || text === textOf(setting, desired[setting.key])) continue;
    const read = valueOf(setting, text);
    if (read.fault !== undefined) {
      change.faults[setting.key] = read.fault;
      continue;
    }
    if (read.value === null && !(setting.key in desired)) continue;
    if (same(read.value, desired[setting.key])) continue;
    change.desired[setting.key] = read.value;
    // What is removed is never wrong.
    const refused = read.value === null ? undefined : fault(setting, read.value, subject);
    if (refused !== undefined) change.faults[setting.key] = refused;
  }
  return change;
}
