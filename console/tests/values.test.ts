import { describe, expect, test } from 'vitest';
import { differences, shadowRows } from '../src/values/difference';
import { readJson, readTyped, same } from '../src/values/json';
import { age, latency, size } from '../src/values/time';

describe('differences', () => {
  test('by member, with what was there and is there', () => {
    expect(
      differences({ a: 1, b: { c: 2, d: 3 }, e: [1] }, { a: 1, b: { c: 4 }, e: [1, 2], f: null }),
    ).toEqual([
      { path: 'b.c', before: 2, after: 4, kind: 'changed' },
      { path: 'b.d', before: 3, after: undefined, kind: 'removed' },
      { path: 'e', before: [1], after: [1, 2], kind: 'changed' },
      { path: 'f', before: undefined, after: null, kind: 'added' },
    ]);
  });

  test('none between the same values in another order', () => {
    expect(differences({ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 })).toEqual([]);
  });

  test('between values of another kind is all of it', () => {
    expect(differences([1], { a: 1 })).toEqual([
      { path: '', before: [1], after: { a: 1 }, kind: 'changed' },
    ]);
  });
});

test('same: a missing member is not null', () => {
  expect(same({ a: null }, {})).toBe(false);
  expect(same({ a: undefined as never }, { b: 1 })).toBe(false);
  expect(same(1, true)).toBe(false);
});

test('a shadow: what needs a look comes first, with the reason in the device’s words', () => {
  const rows = shadowRows(
    { time: 60, unit: 'furlong', status: 'on' },
    {
      time: 60,
      unit: 'metric',
      status: 'off',
      firmware: '1.0.0',
      rejected: { unit: { value: 'furlong', reason: 'must be one of metric, imperial' } },
    },
    { unit: 'furlong', status: 'on' },
  );
  expect(rows.map(({ key, state, reason }) => [key, state, reason])).toEqual([
    ['unit', 'rejected', 'must be one of metric, imperial'],
    ['status', 'pending', undefined],
    ['time', 'same', undefined],
    ['firmware', 'reported only', undefined],
  ]);
});

describe('JSON as it is typed', () => {
  test.each([
    ['10', 10],
    ['10.0', 10],
    ['1e1', 10],
    ['0.1', 0.1],
    ['"1e999"', '1e999'],
    ['{"a": "12345678901234567890"}', { a: '12345678901234567890' }],
    ['-0', -0],
    ['9007199254740991', 9007199254740991],
  ])('%s is kept', (text, value) => {
    expect(readJson(text)).toEqual({ value });
  });

  test.each(['12345678901234567890', '{"a": [0.12345678901234567890]}', '1e999'])(
    '%s is refused: it could not be written again',
    (text) => {
      expect(readJson(text).fault).toContain("can't keep exactly");
    },
  );

  test('what is no JSON is a text', () => {
    expect(readTyped('lid lifted')).toEqual({ value: 'lid lifted' });
    expect(readTyped('on')).toEqual({ value: 'on' });
    expect(readTyped('true')).toEqual({ value: true });
  });
});

test('ages, latencies, sizes', () => {
  expect([0, 59_999, 60_000, 3_600_000, 90_000_000, 4e10].map(age)).toEqual([
    '0s',
    '59s',
    '1m',
    '1h',
    '1d',
    '1y',
  ]);
  expect([42.4, 1500, 61_000].map(latency)).toEqual(['42 ms', '1.5 s', '61 s']);
  expect([1, 512, 131_072].map(size)).toEqual(['1 byte', '512 bytes', '131.1 KB']);
});
