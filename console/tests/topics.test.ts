import { describe, expect, test } from 'vitest';
import { routeOf, topicFault } from '../src/messages/publish';
import { linesOf, matches, TopicTree } from '../src/messages/tree';

describe('the tree of topics', () => {
  const tree = new TopicTree();
  tree.add('dt/playground/lamp/telemetry', 1);
  tree.add('dt/playground/lamp/telemetry', 2);
  tree.add('dt/playground/wall/telemetry', 3);
  tree.add('dt', 4);

  test('counts at and below each level', () => {
    expect(tree.root.all).toBe(4);
    const dt = tree.root.children.get('dt');
    expect([dt?.here, dt?.all, dt?.at]).toEqual([1, 4, 4]);
  });

  test('shows what is open; levels with one below stand together', () => {
    expect(linesOf(tree.root, new Set()).map(({ label }) => label)).toEqual(['dt']);
    const open = linesOf(tree.root, new Set(['dt', 'dt/playground']));
    expect(open.map(({ label, depth }) => [label, depth])).toEqual([
      ['dt', 0],
      ['playground', 1],
      ['lamp/telemetry', 2],
      ['wall/telemetry', 2],
    ]);
    expect(open[2]?.node.topic).toBe('dt/playground/lamp/telemetry');
  });

  test('forgets the level that was used longest ago', () => {
    const small = new TopicTree(2);
    for (const topic of ['r/1', 'r/2', 'r/1', 'r/3']) small.add(topic, 0);
    expect([...(small.root.children.get('r')?.children.keys() ?? [])]).toEqual(['1', '3']);
    expect(small.root.children.get('r')?.all).toBe(4);
  });
});

test.each([
  ['#', 'a/b', true],
  ['#', '$aws/a', false],
  ['+/a', '$aws/a', false],
  ['$aws/#', '$aws/a', true],
  ['a/#', 'a', true],
  ['a/+', 'a', false],
  ['a/+', 'a/', true],
  ['a/+/c', 'a/b/c', true],
  ['a/+/c', 'a/b/d', false],
  ['a/b', 'a/b/c', false],
  ['a/b/c', 'a/b', false],
  ['dt/playground/+/telemetry', 'dt/playground/lamp/telemetry', true],
])('%s takes in %s: %s', (filter, topic, taken) => {
  expect(matches(filter, topic)).toBe(taken);
});

test('only a request to a device goes through the API', () => {
  const payload = '{"command": "tamper", "arguments": {"detail": "x"}}';
  expect(routeOf('cmd/playground/lamp/req', payload)).toEqual({
    kind: 'command',
    thingName: 'lamp',
    command: 'tamper',
    arguments: { detail: 'x' },
  });
  expect(routeOf('cmd/playground/lamp/res', payload)).toEqual({ kind: 'line' });
  expect(routeOf('cmd/playground/lamp/req', 'tamper')).toEqual({ kind: 'line' });
});

test('topics that AWS IoT does not take', () => {
  expect(topicFault('a/b')).toBeUndefined();
  expect(topicFault('a/+')).toContain('wildcard');
  expect(topicFault('a/'.repeat(8))).toContain('7 slashes');
  expect(topicFault('é'.repeat(129))).toContain('256 bytes');
});
