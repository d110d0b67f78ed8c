import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { calm } from '../src/app/calm';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** How often the listener is told when something comes so often a second, for so many seconds. */
function told(rate: number, seconds: number): number {
  let times = 0;
  let come = (): void => undefined;
  const end = calm(
    (listener) => {
      come = listener;
      return () => undefined;
    },
    250,
    () => Date.now(),
  )(() => {
    times += 1;
  });
  for (let number = 0; number < rate * seconds; number += 1) {
    come();
    vi.advanceTimersByTime(1000 / rate);
  }
  vi.advanceTimersByTime(250);
  end();
  return times;
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
  let times = 0;
  let come = (): void => undefined;
  const end = calm(
    (listener) => {
      come = listener;
      return () => undefined;
    },
    250,
    () => Date.now(),
  )(() => {
    times += 1;
  });
  for (let number = 0; number < 20; number += 1) come();
  expect(times).toBe(8);
  vi.advanceTimersByTime(250);
  expect(times).toBe(9);
  for (let number = 0; number < 20; number += 1) come();
  end();
  const before = times;
  vi.advanceTimersByTime(1000);
  expect(times).toBe(before);
});
