import { describe, expect, test } from 'vitest';
import { BEGIN, conditionOf, END, graphOf, progressOf } from '../src/workflow/graph';
import { layout, pathOf, type Placed } from '../src/workflow/layout';
import type { Json } from '../src/values/json';

const CATCH = [{ ErrorEquals: ['States.ALL'], Next: 'CleanUp' }];
const DEFINITION: Json = {
  StartAt: 'Make',
  States: {
    Make: {
      Type: 'Task',
      Comment: 'Makes it.',
      Retry: [{ ErrorEquals: ['Transient'], MaxAttempts: 5 }],
      Catch: [...CATCH, { ErrorEquals: ['Busy'], Next: 'CleanUp' }],
      Next: 'Both',
    },
    Both: {
      Type: 'Parallel',
      Branches: [
        {
          StartAt: 'Who',
          States: {
            Who: {
              Type: 'Choice',
              Choices: [{ Variable: '$.identity', StringEquals: 'csr', Next: 'Pass' }],
              Default: 'Certificate',
            },
            Pass: { Type: 'Pass', End: true },
            Certificate: { Type: 'Task', End: true },
          },
        },
        { StartAt: 'Config', States: { Config: { Type: 'Task', End: true } } },
      ],
      Catch: CATCH,
      Next: 'Each',
    },
    Each: {
      Type: 'Map',
      ItemProcessor: { StartAt: 'One', States: { One: { Type: 'Task', End: true } } },
      End: true,
    },
    CleanUp: { Type: 'Task', Next: 'Failed' },
    Failed: { Type: 'Fail' },
  },
};
const GRAPH = graphOf(DEFINITION);

describe('the graph of a definition', () => {
  test('has states, ways and errors', () => {
    expect(GRAPH.nodes.map(({ name }) => name)).toEqual([
      'Make',
      'Both',
      'Each',
      'CleanUp',
      'Failed',
    ]);
    expect(GRAPH.edges).toEqual([
      { from: BEGIN, to: 'Make', kind: 'next', label: '' },
      { from: 'Make', to: 'Both', kind: 'next', label: '' },
      { from: 'Make', to: 'CleanUp', kind: 'catch', label: 'States.ALL | Busy' },
      { from: 'Both', to: 'Each', kind: 'next', label: '' },
      { from: 'Both', to: 'CleanUp', kind: 'catch', label: 'States.ALL' },
      { from: 'Each', to: END, kind: 'next', label: '' },
      { from: 'CleanUp', to: 'Failed', kind: 'next', label: '' },
      { from: 'Failed', to: END, kind: 'next', label: '' },
    ]);
    expect(GRAPH.nodes[0]?.retries).toEqual([{ errors: ['Transient'], most: 5 }]);
  });

  test('has a lane for each branch, and one for a map', () => {
    const [, both, each] = GRAPH.nodes;
    expect(both?.lanes.map((lane) => lane.nodes.map(({ name }) => name))).toEqual([
      ['Who', 'Pass', 'Certificate'],
      ['Config'],
    ]);
    expect(both?.lanes[0]?.edges).toContainEqual({
      from: 'Who',
      to: 'Pass',
      kind: 'choice',
      label: '$.identity = csr',
    });
    expect(each?.lanes[0]?.nodes[0]?.name).toBe('One');
  });

  test.each([[null], [3], [{}], [{ States: 'x' }], [{ StartAt: 1, States: { A: 1 } }]])(
    'of %j is empty',
    (definition) => {
      expect(graphOf(definition as Json).nodes).toEqual([]);
    },
  );
});

test.each([
  [{ Variable: '$.a', NumericGreaterThanEquals: 3 }, '$.a ≥ 3'],
  [{ Variable: '$.a', IsPresent: false }, '$.a is not present'],
  [{ Not: { Variable: '$.a', BooleanEquals: true } }, 'not ($.a = true)'],
  [
    {
      And: [
        { Variable: '$.a', IsPresent: true },
        { Variable: '$.a', StringMatches: 'x*' },
      ],
    },
    '$.a is present and $.a ~ x*',
  ],
  [{ Condition: '{% $x = 1 %}' }, '$x = 1'],
])('the condition %j', (rule, words) => {
  expect(conditionOf(rule)).toBe(words);
});

describe('progress', () => {
  const visit = (name: string, more: object = {}) => ({
    name,
    enteredAt: 'a',
    exitedAt: 'b' as string | null,
    attempts: 1,
    error: null as string | null,
    cause: null,
    ...more,
  });

  test('of an execution that runs', () => {
    const found = progressOf(
      [
        visit('Make', { attempts: 2, error: 'Transient' }),
        visit('Both', { exitedAt: null }),
        visit('Who'),
      ],
      'RUNNING',
      GRAPH,
    );
    expect(Object.fromEntries(found)).toEqual({ Make: 'retried', Both: 'running', Who: 'done' });
  });

  test('of one that has failed and was undone', () => {
    const found = progressOf(
      [
        visit('Make', { attempts: 3, error: 'Busy' }),
        visit('CleanUp'),
        visit('Failed', { exitedAt: null, attempts: 0 }),
      ],
      'FAILED',
      GRAPH,
    );
    expect(Object.fromEntries(found)).toEqual({
      Make: 'caught',
      CleanUp: 'done',
      Failed: 'failed',
    });
  });
});

describe('the layout', () => {
  const placed = layout(GRAPH);
  const box = (name: string) => {
    const found = placed.nodes.find((node) => node.name === name);
    if (!found) throw new Error(name);
    return found;
  };

  test('has no two states on the same place', () => {
    const overlaps = ({ nodes }: Placed): string[] =>
      nodes.flatMap((left, at) => [
        ...nodes
          .slice(at + 1)
          .filter(
            (right) =>
              Math.abs(left.x - right.x) < (left.width + right.width) / 2 &&
              Math.abs(left.y - right.y) < (left.height + right.height) / 2,
          )
          .map((right) => `${left.name} ${right.name}`),
        ...left.lanes.flatMap((lane) => overlaps(lane.content)),
      ]);
    expect(overlaps(placed)).toEqual([]);
  });

  test('keeps lanes side by side within their box', () => {
    const both = box('Both');
    const [left, right] = both.lanes;
    if (!left || !right) throw new Error('lanes');
    expect(left.x + left.width).toBeLessThanOrEqual(right.x);
    expect(right.x + right.width).toBeLessThanOrEqual(both.width);
    expect(left.y + left.height).toBeLessThanOrEqual(both.height);
    expect(left.content.width).toBeLessThanOrEqual(left.width + 0.01);
  });

  test('goes down, and has a line for each way', () => {
    expect(box('Make').y).toBeLessThan(box('Both').y);
    expect(box('Both').y).toBeLessThan(box('Each').y);
    expect(placed.edges).toHaveLength(GRAPH.edges.length);
    for (const edge of placed.edges) expect(pathOf(edge.points)).toMatch(/^M.*L/);
  });

  test('of nothing is empty', () => {
    expect(layout({ nodes: [], edges: [] }).nodes).toEqual([]);
  });
});
