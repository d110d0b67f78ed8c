import { describe, expect, test, vi } from 'vitest';
import { LiveConnection, type Opener } from '../src/live/connection';
import { kindOf, thingOf, told, type Message } from '../src/live/message';
import { CLIPPED_BYTES, payloadOf, shown, WHOLE_BYTES } from '../src/live/payload';
import { Ring } from '../src/live/ring';
import { LiveStore } from '../src/live/store';
import { FakeClock } from './clock';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let id = 0;
function message(topic: string, payload: string | Uint8Array, at = 0): Message {
  id += 1;
  return {
    id,
    at,
    topic,
    payload: payloadOf(typeof payload === 'string' ? bytes(payload) : payload),
    qos: 0,
    retain: false,
    properties: {},
    kind: kindOf(topic),
    thingName: thingOf(topic),
  };
}

describe('a ring', () => {
  test('keeps the latest', () => {
    const ring = new Ring<number>(3);
    for (const item of [1, 2, 3, 4, 5]) ring.push(item);
    expect(ring.newest(9)).toEqual([5, 4, 3]);
    expect([ring.length, ring.dropped, ring.at(0), ring.at(-1), ring.at(3)]).toEqual([
      3,
      2,
      3,
      5,
      undefined,
    ]);
  });

  test('keeps to its bytes, and always the newest', () => {
    const ring = new Ring<number>(10, 100, (item) => item);
    for (const item of [50, 40, 30]) ring.push(item);
    expect(ring.newest(9)).toEqual([30, 40]);
    expect(ring.bytes).toBe(70);
    ring.push(500);
    expect(ring.newest(9)).toEqual([500]);
    expect(ring.bytes).toBe(500);
  });

  test('finds those that fit, and copies with other limits', () => {
    const ring = new Ring<number>(100);
    for (let item = 0; item < 250; item += 1) ring.push(item);
    expect(ring.newest(2, (item) => item % 100 === 0)).toEqual([200]);
    expect(ring.copy(3).newest(9)).toEqual([249, 248, 247]);
    ring.clear();
    expect([ring.length, ring.at(-1)]).toEqual([0, undefined]);
  });
});

describe('a payload', () => {
  test('of JSON has its value', () => {
    expect(payloadOf(bytes('{"a": 1}'))).toMatchObject({ kind: 'json', value: { a: 1 }, size: 8 });
  });

  test('of HTML is text', () => {
    const html = '<img src=x onerror=alert(1)>';
    expect(payloadOf(bytes(html))).toMatchObject({ kind: 'text', text: html, value: undefined });
  });

  test('of no text is hexadecimal digits', () => {
    expect(payloadOf(new Uint8Array([0, 255, 16]))).toMatchObject({
      kind: 'binary',
      text: '00 ff 10',
    });
    expect(payloadOf(bytes('a\u0000b')).kind).toBe('binary');
  });

  test('of nothing is empty', () => {
    expect(payloadOf(new Uint8Array())).toMatchObject({ kind: 'empty', size: 0 });
  });

  test('that is long is kept in part, with its size, and not parsed', () => {
    const long = JSON.stringify({ fill: 'é'.repeat(65_000) });
    const payload = payloadOf(bytes(long));
    expect(payload).toMatchObject({ kind: 'text', clipped: true, value: undefined });
    expect(payload.size).toBe(bytes(long).length);
    expect(payload.text.length).toBeLessThanOrEqual(CLIPPED_BYTES);
    expect(payload.text).not.toContain('\ufffd');
    expect(shown(payload).clipped).toBe(true);
  });

  test('is shown in part from a page on, and whole up to there', () => {
    const between = payloadOf(bytes(JSON.stringify({ fill: 'x'.repeat(CLIPPED_BYTES) })));
    expect(between.size).toBeLessThan(WHOLE_BYTES);
    expect([between.kind, shown(between).clipped]).toEqual(['json', true]);
    expect(shown(payloadOf(bytes('{"a":1}')))).toEqual({
      text: '{\n  "a": 1\n}',
      clipped: false,
    });
  });
});

test.each([
  ['dt/playground/lamp/telemetry', 'telemetry', 'lamp'],
  ['my/own/lamp', 'telemetry', 'lamp'],
  ['evt/playground/lamp/tamper', 'event', 'lamp'],
  ['evt/playground/lamp/metrics', 'metrics', 'lamp'],
  ['cmd/playground/lamp/res/api/1', 'command', 'lamp'],
  ['$aws/things/lamp/shadow/update/delta', 'shadow', 'lamp'],
  ['$aws/things/lamp/jobs/notify', 'job', 'lamp'],
  ['$aws/events/presence/connected/lamp', 'presence', 'lamp'],
  ['$aws/commands/things/lamp/executions/1/request/json', 'command', 'lamp'],
])('%s is %s of %s', (topic, kind, thingName) => {
  expect([kindOf(topic), thingOf(topic)]).toEqual([kind, thingName]);
});

test('messages in a few words', () => {
  const said = (topic: string, payload: string): string => told(message(topic, payload));
  expect(said('dt/playground/lamp/telemetry', '{"thingName":"lamp","temperature":21.4}')).toBe(
    'temperature=21.4',
  );
  const shadow = '$aws/things/lamp/shadow/update';
  expect(said(`${shadow}/delta`, '{"state":{"time":2}}')).toBe('delta: time=2');
  expect(said(`${shadow}/accepted`, '{"state":{"reported":{"time":2}}}')).toBe('reported: time=2');
  expect(
    said(
      '$aws/events/presence/disconnected/lamp',
      '{"eventType":"disconnected","disconnectReason":"CLIENT_ERROR"}',
    ),
  ).toBe('disconnected, CLIENT_ERROR');
  expect(said('dt/playground/lamp/telemetry', '<b>x</b>')).toBe('<b>x</b>');
  expect(said(`${shadow}/accepted`, '[1]')).toBe('[1]');
});

describe('the store', () => {
  function storeWithFrames() {
    const frames: (() => void)[] = [];
    const store = new LiveStore((act) => frames.push(act));
    return { store, frames };
  }

  test('tells once a frame, however many messages come', () => {
    const { store, frames } = storeWithFrames();
    const listener = vi.fn();
    store.subscribe(listener);
    for (let count = 0; count < 200; count += 1) {
      store.take(message('dt/playground/lamp/telemetry', '{"temperature":1}'));
    }
    expect(frames).toHaveLength(1);
    expect(listener).not.toHaveBeenCalled();
    frames.shift()?.();
    expect(listener).toHaveBeenCalledTimes(1);
    store.take(message('dt/playground/lamp/telemetry', '{}'));
    expect(frames).toHaveLength(1);
  });

  test('knows of each device what was said', () => {
    const { store, frames } = storeWithFrames();
    store.take(message('dt/playground/lamp/telemetry', '{"temperature":1}', 5));
    store.take(
      message(
        '$aws/things/lamp/shadow/update/accepted',
        '{"state":{"reported":{"status":"on"}}}',
        6,
      ),
    );
    store.take(
      message('$aws/things/lamp/shadow/update/accepted', '{"state":{"desired":{"time":2}}}'),
    );
    store.take(message('$aws/events/presence/connected/lamp', '{"eventType":"connected"}', 7));
    const lamp = store.devices.get('lamp');
    expect(lamp).toMatchObject({
      at: 7,
      telemetry: { temperature: 1 },
      telemetryAt: 5,
      reported: { status: 'on' },
      connected: true,
      changes: 3,
    });
    expect([store.presences, store.topics.root.all]).toEqual([1, 4]);
    expect([lamp?.version, store.version]).toEqual([0, 0]);
    store.take(message('dt/playground/wall/telemetry', '{}'));
    frames.shift()?.();
    expect([lamp?.version, store.version]).toEqual([1, 1]);
    store.take(message('dt/playground/wall/telemetry', '{}'));
    frames.shift()?.();
    expect([lamp?.version, store.version]).toEqual([1, 2]);
    expect(store.latest.get('dt/playground/lamp/telemetry')?.before).toBeUndefined();
  });

  test('keeps more of a device that somebody looks at', () => {
    const { store } = storeWithFrames();
    const fill = (): void => {
      for (let count = 0; count < 300; count += 1) {
        store.take(message('dt/playground/lamp/telemetry', '{}'));
      }
    };
    fill();
    expect(store.devices.get('lamp')?.recent.length).toBe(60);
    const leave = store.watch('lamp');
    fill();
    expect(store.devices.get('lamp')?.recent.length).toBe(360);
    leave();
    expect(store.devices.get('lamp')?.recent.length).toBe(60);
  });
});

describe('the connection', () => {
  const TICKET = { url: 'wss://x', clientId: 'c', expiresAt: '', topicFilters: [] };

  function connection(opener: Opener) {
    const clock = new FakeClock();
    const ticket = vi.fn(() => Promise.resolve(TICKET));
    return { clock, ticket, live: new LiveConnection(ticket, opener, clock, () => 1) };
  }

  test('asks for a new URL each time, and says when it is back', async () => {
    let lose: (reason: string) => void = () => undefined;
    const { clock, ticket, live } = connection((_, lost) => {
      lose = lost;
      return Promise.resolve({ close: () => undefined });
    });
    live.start();
    await clock.settle();
    expect([live.state.kind, live.comebacks]).toEqual(['live', 0]);
    lose('gone');
    expect(live.state).toMatchObject({ kind: 'lost', reason: 'gone', retryAt: 1000 });
    await clock.pass(999);
    expect(ticket).toHaveBeenCalledTimes(1);
    await clock.pass(1);
    expect([live.state.kind, live.comebacks]).toEqual(['live', 1]);
    expect(ticket).toHaveBeenCalledTimes(2);
  });

  test('waits longer each time, and no longer than half a minute', async () => {
    const { clock, live } = connection(() => Promise.reject(new Error('refused')));
    live.start();
    await clock.settle();
    const pauses: number[] = [];
    for (let time = 0; time < 8; time += 1) {
      if (live.state.kind !== 'lost') throw new Error(live.state.kind);
      const pause = live.state.retryAt - clock.now();
      pauses.push(pause);
      await clock.pass(pause);
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  test('that was stopped while it opened is closed', async () => {
    const close = vi.fn();
    let opened: () => void = () => undefined;
    const { clock, live } = connection(
      () =>
        new Promise((resolve) => {
          opened = () => {
            resolve({ close });
          };
        }),
    );
    live.start();
    await clock.settle();
    live.stop();
    opened();
    await clock.settle();
    expect(close).toHaveBeenCalledTimes(1);
    expect(live.state.kind).toBe('off');
    await clock.pass(60_000);
    expect(live.state.kind).toBe('off');
  });

  test('is tried at once when somebody asks', async () => {
    let tries = 0;
    const { clock, live } = connection(() => {
      tries += 1;
      return tries === 1
        ? Promise.reject(new Error('refused'))
        : Promise.resolve({ close: () => undefined });
    });
    live.start();
    await clock.settle();
    live.retry();
    await clock.settle();
    expect(live.state.kind).toBe('live');
    await clock.pass(60_000);
    expect(tries).toBe(2);
  });
});
