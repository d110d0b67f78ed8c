import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { calm } from '../src/app/calm';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A listener that is told in calm; `come` is what comes, `end` ends it. */
function listener() {
  const seen = { times: 0, come: (): void => undefined, end: (): void => undefined };
  const subscribe = calm(
    (act) => {
      seen.come = act;
      return () => undefined;
    },
    250,
    () => Date.now(),
  );
  seen.end = subscribe(() => {
    seen.times += 1;
  });
  return seen;
}

/** How often it is told when something comes so often a second, for so many seconds. */
function told(rate: number, seconds: number): number {
  const seen = listener();
  for (let number = 0; number < rate * seconds; number += 1) {
    seen.come();
    vi.advanceTimersByTime(1000 / rate);
  }
  vi.advanceTimersByTime(250);
  seen.end();
  return seen.times;
}

test('a little is told at once, each time', () => {
  expect(told(1, 10)).toBe(10);
  expect(told(20, 10)).toBe(200);
});

test('much is told four times a second', () => {
  const times = told(60, 10);
  expect(times).toBeGreaterThan(35);
  expect(times).toBeLessThan(55);
});

test('the last of much is told too, and nothing after the end', () => {
  const seen = listener();
  for (let number = 0; number < 20; number += 1) seen.come();
  expect(seen.times).toBe(8);
  vi.advanceTimersByTime(250);
  expect(seen.times).toBe(9);
  for (let number = 0; number < 20; number += 1) seen.come();
  seen.end();
  const before = seen.times;
  vi.advanceTimersByTime(1000);
  expect(seen.times).toBe(before);
});
