import { describe, expect, test } from 'vitest';
import { changeOf, textOf, valueOf } from '../src/settings/draft';
import { fault, type Setting, type Subject } from '../src/settings/rules';
import { SETTINGS, settingsOf } from '../src/settings/table';
import type { Json } from '../src/values/json';

const LAMP: Subject = { thingName: 'lamp', deviceType: 'bulb', metricsFloor: 300 };
const subjectOf = (deviceType: string): Subject => ({ ...LAMP, deviceType });

function setting(key: string): Setting {
  const found = SETTINGS.find((one) => one.key === key);
  if (!found) throw new Error(key);
  return found;
}

/** What a device says, in the words of device/virtual_device/shadow/setting_rules.py. */
const NO_MANIFEST =
  'must be an object of version, an integer from 1 to 9007199254740991, and url, ' +
  'an http or https URL of at most 3072 characters';

const SAID: [string, Json, string | undefined, string?][] = [
  ['time', 1, undefined],
  ['time', 86_400, undefined],
  ['time', 0, 'must be an integer from 1 to 86400'],
  ['time', 86_401, 'must be an integer from 1 to 86400'],
  ['time', 1.5, 'must be an integer from 1 to 86400'],
  ['time', true, 'must be an integer from 1 to 86400'],
  ['time', '5', 'must be an integer from 1 to 86400'],
  ['time', null, 'must be an integer from 1 to 86400'],
  ['speed', null, undefined],
  ['speed', 1000, undefined],
  ['speed', 1001, 'must be an integer from 1 to 1000'],
  ['metrics', 0, undefined],
  ['metrics', 300, undefined],
  ['metrics', 299, 'must be 0 or an integer from 300 to 86400'],
  ['unit', 'metric', undefined],
  ['unit', 'furlong', 'must be one of metric, imperial'],
  ['unit', ['metric'], 'must be one of metric, imperial'],
  ['status', 'on', undefined],
  ['status', 'on', 'is not a setting of a meter device', 'meter'],
  ['topic', 'dt/playground/lamp/x', undefined],
  ['topic', 'my/lamp', undefined],
  ['topic', 7, 'must be a string'],
  ['topic', 'dt/playground/lamp/+', 'holds a wildcard or a control character'],
  ['topic', 'dt/playground/lamp/a\u00a0b', 'holds a wildcard or a control character'],
  ['topic', 'dt/playground/lamp/a b', undefined],
  ['topic', 'a/b/c/d/e/f/g/h/lamp', 'has more than 7 slashes'],
  ['topic', 'a//lamp', 'has an empty level'],
  ['topic', `dt/playground/lamp/${'é'.repeat(120)}`, 'is longer than 256 bytes'],
  ['topic', 'cmd/playground/lamp', 'is reserved'],
  ['topic', '$aws/lamp', 'is reserved'],
  ['topic', 'my/wall', 'is neither below dt/playground/lamp/ nor ends in lamp'],
  ['topic', 'dt/\ud800/lamp', 'is not valid Unicode'],
  ['payload', {}, undefined],
  ['payload', null, undefined],
  ['payload', [], 'must be a JSON object'],
  ['payload', { a: 'x'.repeat(2041) }, 'is longer than 2048 bytes of JSON'],
  ['payload', { a: 'x'.repeat(2040) }, undefined],
  [
    'payload',
    { a: '\ud800' },
    'holds a number that is out of range or text that is not valid Unicode',
  ],
  ['reconnect', 'x'.repeat(126), undefined],
  ['reconnect', 'x'.repeat(127), 'is longer than 128 bytes of JSON'],
  ['links', ['a', 'b'], undefined, 'switch'],
  ['links', ['a', 'a'], 'must not name a thing twice', 'switch'],
  ['links', ['lamp'], 'must not name the device itself', 'switch'],
  ['links', ['a b'], 'must be an array of at most 10 thing names', 'switch'],
  ['links', 'abcdefghijk'.split(''), 'must be an array of at most 10 thing names', 'switch'],
  ['links', ['a'.repeat(128)], undefined, 'switch'],
  [
    'links',
    ['a', 'b', 'c', 'd'].map((one) => one.repeat(128)),
    'is longer than 512 bytes of JSON',
    'switch',
  ],
  ['misbehave', 'all', undefined, 'rogue'],
  ['misbehave', ['flood', 'clone'], undefined, 'rogue'],
  ['misbehave', ['flood', 'flood'], 'must not hold one of them twice', 'rogue'],
  ['victim', null, undefined, 'rogue'],
  ['victim', 'lamp', 'must not name the device itself', 'rogue'],
  ['victim', 'a b', 'must be a thing name', 'rogue'],
  ['manifest', null, undefined, 'host'],
  ['manifest', { version: 7, url: 'https://b.example/m.json?X=1' }, undefined, 'host'],
  ['manifest', { version: 0, url: 'https://b.example/m.json' }, NO_MANIFEST, 'host'],
  ['manifest', { version: 2 ** 53, url: 'https://b.example/m.json' }, NO_MANIFEST, 'host'],
  ['manifest', { version: 7, url: 'file:///m.json' }, NO_MANIFEST, 'host'],
  ['manifest', { version: 7, url: 'https://b.example/a b' }, NO_MANIFEST, 'host'],
  ['manifest', { version: 7, url: `https://${'b'.repeat(3065)}` }, NO_MANIFEST, 'host'],
  ['manifest', { version: 7, url: `https://${'b'.repeat(3064)}` }, undefined, 'host'],
  ['manifest', { version: 7, url: 'https://b.example', more: 1 }, NO_MANIFEST, 'host'],
  ['manifest', { version: 7 }, NO_MANIFEST, 'host'],
  ['quarantine', true, undefined],
  ['quarantine', 1, 'must be true or false'],
];

test.each(SAID)('%s = %j: %s', (key, value, said, deviceType = 'bulb') => {
  expect(fault(setting(key), value, subjectOf(deviceType))).toBe(said);
});

test('every kind of rule of the table is known: what is none of its words is refused', () => {
  const wrong: Json = [[['x']]];
  for (const one of SETTINGS.filter(({ rule }) => rule !== 'any')) {
    const subject = subjectOf(one.deviceTypes?.[0] ?? 'bulb');
    expect(fault(one, wrong, subject), one.key).toBeDefined();
  }
});

test('nobody sets what workflows set', () => {
  expect(settingsOf('bulb').map(({ key }) => key)).not.toContain('quarantine');
  expect(settingsOf('host').map(({ key }) => key)).not.toContain('manifest');
  expect(settingsOf('bulb').map(({ key }) => key)).toContain('status');
  expect(settingsOf('meter').map(({ key }) => key)).not.toContain('status');
});

describe('a draft', () => {
  const settings = settingsOf('switch');
  const subject = subjectOf('switch');

  test('is the merge patch of what was changed', () => {
    const draft = { time: '5', unit: 'metric', links: 'a, b', topic: 'my/lamp' };
    const desired = { time: 60, unit: 'metric', topic: 'dt/playground/lamp/telemetry' };
    expect(changeOf(settings, draft, desired, subject)).toEqual({
      desired: { time: 5, links: ['a', 'b'], topic: 'my/lamp' },
      faults: {},
    });
  });

  test('says what the device would refuse, and keeps it for the line', () => {
    expect(changeOf(settings, { time: 'abc' }, { time: 60 }, subject)).toEqual({
      desired: { time: 'abc' },
      faults: { time: 'must be an integer from 1 to 86400' },
    });
  });

  test('of an emptied field takes the key out, if it is there', () => {
    expect(changeOf(settings, { payload: '', unit: ' ' }, { payload: {} }, subject)).toEqual({
      desired: { payload: null },
      faults: {},
    });
  });

  test('never sends another number than was typed', () => {
    const text = '{"n": 12345678901234567890}';
    const { desired, faults } = changeOf(settings, { payload: text }, {}, subject);
    expect(desired).toEqual({});
    expect(faults.payload).toContain('12345678901234567890');
  });

  test('that repeats the field’s own text is no change, whatever the shadow holds', () => {
    for (const one of settingsOf('rogue')) {
      for (const value of [5, 'on', ['flood'], { a: 1 }, null] satisfies Json[]) {
        const draft = { [one.key]: textOf(one, value) };
        const change = changeOf([one], draft, { [one.key]: value }, subjectOf('rogue'));
        expect(change, `${one.key} ${JSON.stringify(value)}`).toEqual({ desired: {}, faults: {} });
      }
    }
  });

  test.each([
    ['time', 5],
    ['topic', 'my/lamp'],
    ['payload', { a: [1] }],
    ['reconnect', 'again'],
    ['unit', 'metric'],
    ['links', ['a', 'b']],
    ['misbehave', 'all'],
    ['misbehave', ['flood']],
    ['victim', 'wall'],
  ])('%s: a value comes back from its text', (key, value) => {
    expect(valueOf(setting(key), textOf(setting(key), value)).value).toEqual(value);
  });
});
