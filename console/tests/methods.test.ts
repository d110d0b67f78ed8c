import { expect, test } from 'vitest';
import {
  labelOf,
  leftOver,
  partsOf,
  RECORDED,
  together,
  type Method,
  type Step,
} from '../src/methods/recorded';

const step = (more: Partial<Step>): Step => ({
  ms: 0,
  source: 'Lambda',
  target: 'S3',
  what: 'GetObject',
  by: '',
  times: 1,
  ...more,
});

test('parts stand in one order, whoever speaks first', () => {
  expect(
    partsOf([
      step({ source: 'Device', target: 'AWS IoT' }),
      step({ source: 'You', target: 'Step Functions' }),
    ]),
  ).toEqual(['You', 'Step Functions', 'AWS IoT', 'Device']);
});

test('a part that nobody has placed stands at the end', () => {
  expect(partsOf([step({ source: 'Lambda', target: 'Moon' })])).toEqual(['Lambda', 'Moon']);
});

test('calls of a function to one service, one after another, are one arrow', () => {
  const steps = [
    step({ by: 'A', what: 'Get' }),
    step({ by: 'B', what: 'Look', target: 'DynamoDB' }),
    step({ by: 'A', what: 'Put' }),
    step({ by: 'A', what: 'Tell', target: 'AWS IoT' }),
    step({ by: 'A', what: 'Get' }),
  ];
  expect(together(steps).map(labelOf)).toEqual(['A: Get, Put', 'B: Look', 'A: Tell', 'A: Get']);
  expect(steps[0]?.what).toBe('Get');
});

test('what came many times says how often', () => {
  expect(labelOf(step({ times: 3 }))).toBe('GetObject (3 times)');
});

test('what is left over is counted over all cuts', () => {
  const left = { StartTask: { things: ['a', 'b'] }, TakeTurn: { shadows: ['a'] } };
  expect(leftOver({ left } as unknown as Method)).toBe(3);
});

test('each method was recorded, and robbed', () => {
  for (const method of RECORDED.methods) {
    expect(method.steps.length).toBeGreaterThan(20);
    expect(method.attacks.length).toBeGreaterThan(0);
  }
});
