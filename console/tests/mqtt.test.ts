import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generate, parser, type Packet } from 'mqtt-packet';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { LiveTicket } from '../src/api/api';
import type { Message } from '../src/live/message';
import { openMqtt } from '../src/live/mqtt';

// The browser's build of mqtt.js, on Node.js.
vi.stubGlobal('WebSocket', WebSocket);
vi.stubGlobal('navigator', { userAgent: 'test' });
vi.stubGlobal('window', { document: {} });
vi.stubGlobal('document', {});

const V5 = { protocolVersion: 5 };
const NOT_AUTHORIZED = 135;

/** A broker of MQTT 5 over WebSocket that says what a test wants. */
class Broker {
  readonly seen: Packet[] = [];
  readonly urls: (string | undefined)[] = [];
  refuse = '';
  #http: Server | undefined;
  #sockets: WebSocket[] = [];

  async start(): Promise<number> {
    const http = createServer();
    this.#http = http;
    new WebSocketServer({ server: http, handleProtocols: () => 'mqtt' }).on(
      'connection',
      (socket, request) => {
        this.#sockets.push(socket);
        this.urls.push(request.url);
        const reader = parser(V5);
        reader.on('packet', (packet: Packet) => {
          this.#answer(packet);
        });
        socket.on('message', (bytes: Buffer) => reader.parse(bytes));
      },
    );
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return (http.address() as AddressInfo).port;
  }

  #answer(packet: Packet): void {
    this.seen.push(packet);
    if (packet.cmd === 'connect') {
      const reasonCode = this.refuse === 'connect' ? NOT_AUTHORIZED : 0;
      this.send({ cmd: 'connack', sessionPresent: false, reasonCode });
    }
    if (packet.cmd === 'subscribe') {
      const granted = packet.subscriptions.map(({ topic }) =>
        topic === this.refuse ? NOT_AUTHORIZED : 0,
      );
      this.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted });
    }
  }

  send(packet: Packet): void {
    this.#sockets.at(-1)?.send(generate(packet, V5));
  }

  cut(): void {
    this.#sockets.at(-1)?.terminate();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    await new Promise((resolve) => this.#http?.close(resolve));
  }
}

let broker: Broker;
let ticket: LiveTicket;

beforeEach(async () => {
  broker = new Broker();
  ticket = {
    url: `ws://127.0.0.1:${String(await broker.start())}/mqtt?X-Amz-Signature=a%2Fb&x=%2520`,
    clientId: 'console-1',
    expiresAt: '2026-01-01T00:15:00.000Z',
    topicFilters: Array.from({ length: 9 }, (_, at) => `f/${String(at)}`),
  };
});

afterEach(() => broker.stop());

test('the signed URL is asked for as it is, and filters go eight at a time', async () => {
  const open = await openMqtt(ticket, vi.fn(), vi.fn());
  expect(broker.urls).toEqual(['/mqtt?X-Amz-Signature=a%2Fb&x=%2520']);
  const [connect, ...subscribes] = broker.seen;
  expect(connect).toMatchObject({ clientId: 'console-1', protocolVersion: 5, clean: true });
  expect(
    subscribes.map((packet) => (packet.cmd === 'subscribe' ? packet.subscriptions.length : 0)),
  ).toEqual([8, 1]);
  open.close();
});

test('a message comes with its properties', async () => {
  const taken: Message[] = [];
  const open = await openMqtt(ticket, (message) => taken.push(message), vi.fn());
  broker.send({
    cmd: 'publish',
    topic: 'cmd/playground/lamp/req',
    payload: '{"command":"ping"}',
    qos: 0,
    dup: false,
    retain: false,
    properties: {
      contentType: 'application/json',
      responseTopic: 'cmd/playground/lamp/res',
      correlationData: Buffer.from([0, 255]),
      messageExpiryInterval: 10,
      userProperties: { who: ['ann', 'ben'] },
    },
  });
  await vi.waitFor(() => {
    expect(taken).toHaveLength(1);
  });
  expect(taken[0]).toMatchObject({
    topic: 'cmd/playground/lamp/req',
    kind: 'command',
    thingName: 'lamp',
    payload: { kind: 'json', value: { command: 'ping' }, size: 18 },
    properties: {
      contentType: 'application/json',
      responseTopic: 'cmd/playground/lamp/res',
      correlationData: '00 ff',
      messageExpiryInterval: 10,
      userProperties: [
        ['who', 'ann'],
        ['who', 'ben'],
      ],
    },
  });
  open.close();
});

test.each(['connect', 'f/8'])('%s refused is told, and leaves nothing open', async (refuse) => {
  broker.refuse = refuse;
  const lost = vi.fn();
  await expect(openMqtt(ticket, vi.fn(), lost)).rejects.toThrow(/[Nn]ot authorized|135/);
});

test('a broker that is not there is told', async () => {
  await broker.stop();
  await expect(openMqtt(ticket, vi.fn(), vi.fn())).rejects.toThrow(/reached|ECONNREFUSED/);
});

test('a lost connection is told once, and is not connected again', async () => {
  const lost = vi.fn();
  await openMqtt(ticket, vi.fn(), lost);
  broker.cut();
  await vi.waitFor(() => {
    expect(lost).toHaveBeenCalledTimes(1);
  });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(lost).toHaveBeenCalledTimes(1);
  expect(broker.urls).toHaveLength(1);
});

test('the broker’s reason is told', async () => {
  const lost = vi.fn();
  await openMqtt(ticket, vi.fn(), lost);
  broker.send({ cmd: 'disconnect', reasonCode: 142 });
  await vi.waitFor(() => {
    expect(lost).toHaveBeenCalledWith(expect.stringContaining('142'));
  });
});

test('who closes is told nothing', async () => {
  const lost = vi.fn();
  const open = await openMqtt(ticket, vi.fn(), lost);
  open.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(lost).not.toHaveBeenCalled();
});
