import { describe, expect, test } from 'vitest';
import { problemOf } from '../src/api/problem';
import { isOfApi, Reach } from '../src/api/reach';
import { describedBy } from '../src/device/help';
import { lifeOf } from '../src/device/life';
import { seriesOf } from '../src/device/series';
import {
  attributesOf,
  batchFault,
  csrFault,
  modelOf,
  nameFault,
  ttlFault,
} from '../src/devices/newDevice';
import type { Message } from '../src/live/message';
import { payloadOf } from '../src/live/payload';
import { drawn, inWords, type Facts } from '../src/pictures/facts';
import type { Json } from '../src/values/json';

const telemetry = (at: number, value: Json): Message => ({
  id: at,
  at: at * 1000,
  topic: 'dt/playground/van/telemetry',
  payload: payloadOf(new TextEncoder().encode(JSON.stringify(value))),
  qos: 0,
  retain: false,
  properties: {},
  kind: 'telemetry',
  thingName: 'van',
});

test('telemetry as lines, by the time it came; what is missing is a gap', () => {
  const newestFirst = [
    telemetry(2, { sequence: 1, speed: 31, engine: { temperature: 91 } }),
    telemetry(1, { sequence: 0, speed: 30, plate: 'x' }),
  ];
  expect(seriesOf(newestFirst)).toEqual([
    { path: 'speed', times: [1, 2], values: [30, 31] },
    { path: 'engine.temperature', times: [1, 2], values: [null, 91] },
  ]);
  expect(seriesOf(newestFirst, 1)).toHaveLength(1);
});

test('the answer to help, whatever a device says', () => {
  expect(
    describedBy({
      tamper: {
        description: 'publishes the event',
        arguments: { detail: { rule: 'text', default: null, description: 'what' } },
      },
      read: { description: 'reads', arguments: {} },
      odd: 7,
    }),
  ).toEqual([
    {
      name: 'tamper',
      description: 'publishes the event',
      arguments: [{ name: 'detail', rule: 'text', description: 'what', preset: undefined }],
    },
    { name: 'read', description: 'reads', arguments: [] },
  ]);
});

describe('a certificate’s life', () => {
  const certificate = {
    certificateId: 'c1',
    status: 'ACTIVE',
    createdAt: '2026-01-01T00:00:00.000Z',
    notBefore: null,
    notAfter: '2049-12-31T23:59:59.000Z',
  };
  const catalog = { nextCertificateId: null } as Parameters<typeof lifeOf>[0]['catalog'];
  const states = (given: Parameters<typeof lifeOf>[0]): string[][] =>
    lifeOf(given).map(({ name, state }) => [name, state]);

  test('active', () => {
    expect(states({ certificate, catalog })).toEqual([
      ['Made', 'done'],
      ['ACTIVE', 'now'],
      ['Revoked', 'later'],
      ['Expired', 'later'],
    ]);
  });

  test('with a successor, and revoked', () => {
    expect(
      states({ certificate, catalog: { ...catalog, nextCertificateId: 'c2' } }),
    ).toContainEqual(['Successor', 'now']);
    expect(states({ certificate: { ...certificate, status: 'REVOKED' }, catalog })).toContainEqual([
      'Revoked',
      'bad',
    ]);
    expect(lifeOf({ certificate: null, catalog })).toEqual([]);
  });
});

test('names, attributes and models of a new device', () => {
  expect(nameFault('')).toBeUndefined();
  expect(nameFault('lamp:1_-')).toBeUndefined();
  expect(nameFault('a b')).toContain('letters');
  expect(nameFault('update')).toContain('reserves');
  for (const ttl of ['', '1m', '525600m', '8760h', '365d']) expect(ttlFault(ttl)).toBeUndefined();
  for (const ttl of ['0m', '525601m', '8761h', '366d', '90s', '2H', '02h', '2', 'h']) {
    expect(ttlFault(ttl)).toContain('such as 2h');
  }
  for (const batch of ['', 'spring', '2026-05_a', 'x'.repeat(40)]) {
    expect(batchFault(batch)).toBeUndefined();
  }
  for (const batch of ['a b', 'a/b', 'a.b', 'a:b', 'x'.repeat(41)]) {
    expect(batchFault(batch)).toContain('1 to 40');
  }
  const pem = (name: string) => `-----BEGIN ${name}-----\nMIHJ\n-----END ${name}-----\n`;
  expect(csrFault(pem('CERTIFICATE REQUEST'))).toBeUndefined();
  for (const csr of ['', 'x', pem('CERTIFICATE'), pem('CERTIFICATE REQUEST').repeat(60)]) {
    expect(csrFault(csr)).toContain('signing request');
  }
  expect(attributesOf('room=kitchen\n\n floor=2=x')).toEqual({
    value: { room: 'kitchen', floor: '2=x' },
  });
  expect(attributesOf('room').fault).toContain('name=value');
  expect(attributesOf('execution=x').fault).toContain('no name');
  expect(attributesOf('a=1\na=2').fault).toContain('twice');
  expect(attributesOf('a=ü').fault).toContain('character');
  expect(modelOf('')).toEqual({});
  expect(modelOf('{"telemetry": {}}').value).toEqual({ telemetry: {} });
  expect(modelOf('[]').fault).toContain('telemetry');
  expect(modelOf(`{"telemetry": {"x": "${'x'.repeat(16_384)}"}}`).fault).toContain('16384');
});

describe('pictures', () => {
  const facts: Facts = { reported: {}, telemetry: undefined, trail: [], isOnline: true };

  test('say in words what they show', () => {
    expect(inWords('bulb', { ...facts, reported: { status: 'on' } })).toBe('Bulb, lit');
    expect(inWords('bulb', { ...facts, isOnline: false })).toBe(
      'Bulb, not known whether lit, not connected',
    );
    expect(inWords('switch', { ...facts, telemetry: { position: 'off' } })).toBe('Switch, off');
    expect(inWords('host', { ...facts, reported: { hosting: { devices: 480 } } })).toBe(
      'Host, 480 devices',
    );
    expect(inWords('host', facts)).toBe('Host, unknown devices');
    expect(inWords('rogue', { ...facts, reported: { misbehave: ['flood'] } })).toBe(
      'Rogue, misbehaves',
    );
  });

  test('draw places with north above, within the picture', () => {
    const places = [
      { latitude: 48.1, longitude: 11.5, heading: 0 },
      { latitude: 48.2, longitude: 11.6, heading: 0 },
    ];
    const [south, north] = drawn(places, 72, 56);
    if (!south || !north) throw new Error('places');
    expect(north.y).toBeLessThan(south.y);
    expect(north.x).toBeGreaterThan(south.x);
    for (const { x, y } of [south, north]) {
      expect(x).toBeGreaterThanOrEqual(-0.001);
      expect(x).toBeLessThanOrEqual(72.001);
      expect(y).toBeGreaterThanOrEqual(-0.001);
      expect(y).toBeLessThanOrEqual(56.001);
    }
    expect(drawn(places.slice(0, 1), 72, 56)).toEqual([{ x: 36, y: 28 }]);
  });
});

describe('answers that are not good', () => {
  test('problem details', () => {
    const problem = problemOf(422, {
      type: 'urn:iot-playground:problem:refused-by-device',
      title: 'The device refuses',
      status: 422,
      detail: '/command: is none',
      errors: [{ field: '/command', rule: 'is none' }],
    });
    expect([problem.kind, problem.message, problem.isPassing]).toEqual([
      'refused-by-device',
      '/command: is none',
      false,
    ]);
    expect(problem.errors).toEqual([{ field: '/command', rule: 'is none' }]);
  });

  test('API Gateway’s own, and none at all', () => {
    expect(problemOf(429, { message: 'Too Many Requests' }, '3')).toMatchObject({
      kind: '',
      message: 'Too Many Requests',
      retryAfter: 3,
      isPassing: true,
    });
    expect(problemOf(502, undefined).message).toBe('The answer does not say why.');
  });

  test('say whether the API is there', () => {
    const reach = new Reach();
    const away = new Response('gone', { status: 502 });
    const failed = new Response('{}', {
      status: 504,
      headers: { 'content-type': 'application/problem+json' },
    });
    expect([isOfApi(away), isOfApi(failed), isOfApi(new Response())]).toEqual([false, true, true]);
    reach.saw(true);
    expect([reach.lost, reach.back]).toEqual([false, 0]);
    reach.saw(false);
    reach.saw(false);
    expect([reach.lost, reach.back]).toEqual([true, 0]);
    reach.saw(true);
    expect([reach.lost, reach.back]).toEqual([false, 1]);
  });
});
