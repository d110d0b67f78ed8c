import { describe, expect, it } from 'vitest';
import { listFleets } from '../src/cli/lines';
import { fleetOf, SAMPLE } from '../src/fleets/fleetFile';

describe('a fleet file', () => {
  it('is what the form begins with', () => {
    expect(fleetOf(SAMPLE).value?.name).toBe('office');
  });

  it.each([
    ['', /./],
    ['{"name": "x"', /./],
    ['[]', /an object|JSON object/],
    ['{"name": "x"}', /an array groups/],
    ['{"groups": []}', /a name/],
    [`{"name": "x", "groups": ["${'y'.repeat(70_000)}"]}`, /bytes, more than 65536/],
  ])('is not %s', (text, fault) => {
    const found = fleetOf(text);
    expect(found.fault).toMatch(fault);
    expect(found.value).toBeUndefined();
  });
});

it('lists fleets by the table that holds them', () => {
  const home = { prefix: '', outputs: { FleetsTableName: 'fleets-1' } };
  expect(listFleets(home)).toBe('aws dynamodb scan --table-name fleets-1');
});
