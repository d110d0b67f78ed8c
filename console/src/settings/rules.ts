import { byteLength, isObject, type Json } from '../values/json';

/** A row of the table of settings: the rule by its kind, with its limits. */
export interface Setting {
  key: string;
  does: string;
  rule: string;
  low?: number;
  high?: number;
  orNull?: boolean;
  maxBytes?: number;
  maxSlashes?: number;
  maxItems?: number;
  below?: string;
  reserved?: string[];
  choices?: string[];
  pattern?: string;
  all?: string;
  names?: string[];
  maxVersion?: number;
  maxCharacters?: number;
  deviceTypes?: string[];
  setBy?: string;
}

/** The device that the values are for. */
export interface Subject {
  thingName: string;
  deviceType: string;
  /** Seconds between two of its metrics reports at least: 1 on the laptop, 300 on AWS. */
  metricsFloor: number;
}

type Rule = (limits: Setting, value: Json, subject: Subject) => string | undefined;

const MAX_DEPTH = 64;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** What Python's `str.isprintable` refuses, which is the device's own rule. */
const UNPRINTABLE = /(?! )[\p{C}\p{Z}]/u;

/**
 * What the device would say to a value of this setting; undefined when it takes it. The words are
 * the device's own (device/virtual_device/shadow/setting_rules.py).
 */
export function fault(setting: Setting, value: Json, subject: Subject): string | undefined {
  if (!has(setting, subject.deviceType)) {
    return `is not a setting of a ${subject.deviceType} device`;
  }
  const rule = RULES[setting.rule];
  return rule ? rule(setting, value, subject) : undefined;
}

/** Whether devices of this type have the setting. */
export const has = (setting: Setting, deviceType: string): boolean =>
  setting.deviceTypes?.includes(deviceType) ?? true;

const isInteger = (value: Json): value is number =>
  typeof value === 'number' && Number.isInteger(value);

const integer: Rule = ({ low = 0, high = 0, orNull = false }, value) =>
  (orNull && value === null) || (isInteger(value) && low <= value && value <= high)
    ? undefined
    : `must be an integer from ${String(low)} to ${String(high)}`;

const reportingInterval: Rule = ({ high = 0 }, value, { metricsFloor: low }) =>
  isInteger(value) && (value === 0 || (low <= value && value <= high))
    ? undefined
    : `must be 0 or an integer from ${String(low)} to ${String(high)}`;

const oneOf: Rule = ({ choices = [] }, value) =>
  typeof value === 'string' && choices.includes(value)
    ? undefined
    : `must be one of ${choices.join(', ')}`;

const any: Rule = ({ maxBytes = Infinity }, value) => {
  if (isTorn(value, 0)) {
    return 'holds a number that is out of range or text that is not valid Unicode';
  }
  return byteLength(JSON.stringify(value)) <= maxBytes
    ? undefined
    : `is longer than ${String(maxBytes)} bytes of JSON`;
};

/** Whether something in the value would not come through as it is. */
function isTorn(value: Json | undefined, depth: number): boolean {
  if (depth > MAX_DEPTH) return true;
  if (typeof value === 'string') return LONE_SURROGATE.test(value);
  if (typeof value === 'number') {
    return !Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) > 2 ** 63);
  }
  if (Array.isArray(value)) return value.some((item) => isTorn(item, depth + 1));
  return (
    isObject(value) &&
    Object.entries(value).some(
      ([name, member]) => LONE_SURROGATE.test(name) || isTorn(member, depth + 1),
    )
  );
}

const object: Rule = (limits, value, subject) =>
  value !== null && !isObject(value) ? 'must be a JSON object' : any(limits, value, subject);

const telemetryTopic: Rule = (limits, value, { thingName }) => {
  if (typeof value !== 'string') return 'must be a string';
  return formFault(limits, value) ?? ownershipFault(limits, value, thingName);
};

function formFault(limits: Setting, topic: string): string | undefined {
  const { maxBytes = 256, maxSlashes = 7 } = limits;
  if (LONE_SURROGATE.test(topic)) return 'is not valid Unicode';
  if (byteLength(topic) > maxBytes) return `is longer than ${String(maxBytes)} bytes`;
  const levels = topic.split('/');
  if (levels.length - 1 > maxSlashes) return `has more than ${String(maxSlashes)} slashes`;
  if (/[+#]/.test(topic) || UNPRINTABLE.test(topic)) {
    return 'holds a wildcard or a control character';
  }
  return levels.every((level) => level !== '') ? undefined : 'has an empty level';
}

function ownershipFault(limits: Setting, topic: string, thingName: string): string | undefined {
  const own = `${limits.below ?? ''}${thingName}/`;
  if (topic.startsWith(own)) return undefined;
  if (limits.reserved?.some((start) => topic.startsWith(start))) return 'is reserved';
  return topic.split('/').at(-1) === thingName
    ? undefined
    : `is neither below ${own} nor ends in ${thingName}`;
}

const isName = (value: Json | undefined, pattern = '.*'): value is string =>
  typeof value === 'string' && new RegExp(`^(?:${pattern})$`, 'u').test(value);

const otherThings: Rule = (limits, value, subject) => {
  const { maxItems = 10, pattern } = limits;
  if (
    !Array.isArray(value) ||
    value.length > maxItems ||
    !value.every((name) => isName(name, pattern))
  ) {
    return `must be an array of at most ${String(maxItems)} thing names`;
  }
  if (new Set(value).size < value.length) return 'must not name a thing twice';
  return value.includes(subject.thingName)
    ? 'must not name the device itself'
    : any(limits, value, subject);
};

const anotherThing: Rule = ({ pattern }, value, { thingName }) => {
  if (value !== null && !isName(value, pattern)) return 'must be a thing name';
  return value === thingName ? 'must not name the device itself' : undefined;
};

const allOrSome: Rule = ({ all: everything = 'all', names = [] }, value) => {
  if (value === everything) return undefined;
  if (
    !Array.isArray(value) ||
    !value.every((name) => typeof name === 'string' && names.includes(name))
  ) {
    return `must be ${everything} or an array of ${names.join(', ')}`;
  }
  return new Set(value).size < value.length ? 'must not hold one of them twice' : undefined;
};

const boolean: Rule = (_limits, value) =>
  value === null || typeof value === 'boolean' ? undefined : 'must be true or false';

const versionedUrl: Rule = ({ maxVersion = 1, maxCharacters = 0, pattern = '' }, value) => {
  if (value === null) return undefined;
  const { version, url, ...others } = isObject(value) ? value : {};
  if (
    version !== undefined &&
    isInteger(version) &&
    1 <= version &&
    version <= maxVersion &&
    typeof url === 'string' &&
    url.length <= maxCharacters &&
    new RegExp(`^(?:${pattern})$`).test(url) &&
    Object.keys(others).length === 0
  ) {
    return undefined;
  }
  return (
    `must be an object of version, an integer from 1 to ${String(maxVersion)}, and url, ` +
    `an http or https URL of at most ${String(maxCharacters)} characters`
  );
};

const RULES: Record<string, Rule | undefined> = {
  integer,
  reportingInterval,
  oneOf,
  any,
  object,
  telemetryTopic,
  otherThings,
  anotherThing,
  allOrSome,
  boolean,
  versionedUrl,
};
