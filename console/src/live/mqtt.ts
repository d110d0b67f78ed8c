import type { IClientOptions, IPublishPacket } from 'mqtt';
import type { LiveTicket } from '../api/api';
import type { Open } from './connection';
import { kindOf, thingOf, type Message, type Properties } from './message';
import { payloadOf } from './payload';

/** https://docs.aws.amazon.com/general/latest/gr/iot-core.html: subscriptions per request. */
const MOST_FILTERS = 8;
const PATIENCE = 15_000;

let count = 0;

/**
 * MQTT 5 over the WebSocket of a signed URL, subscribed to the ticket's topic filters. Raises when
 * the broker refuses the connection or a filter.
 */
export async function openMqtt(
  ticket: LiveTicket,
  take: (message: Message) => void,
  lost: (reason: string) => void,
): Promise<Open> {
  const { connect } = (await import('mqtt')).default;
  const options: IClientOptions = {
    protocolVersion: 5,
    clientId: ticket.clientId,
    clean: true,
    // Who connects again asks for a new URL first: LiveConnection.
    reconnectPeriod: 0,
    connectTimeout: PATIENCE,
    // A hidden page's timers run once a minute.
    keepalive: 300,
    // The other kind makes a worker from a blob, which the page's policy forbids.
    timerVariant: 'native',
    // Its own URL is put together anew, and the signature would no longer fit.
    transformWsUrl: () => ticket.url,
  };
  const client = connect(ticket.url, options);
  client.on('message', (topic, bytes, packet) => {
    take(messageOf(topic, bytes, packet));
  });
  let said = false;
  let fail: (error: Error) => void = () => undefined;
  const broken = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Whoever waits for it is told; nobody waits any more once the connection is open.
  broken.catch(() => undefined);
  const gone = (reason: string): void => {
    if (said) return;
    said = true;
    fail(new Error(reason));
    lost(reason);
  };
  client.on('error', (error) => {
    gone(error.message);
  });
  client.on('disconnect', (packet) => {
    gone(`The broker has ended the connection (reason code ${String(packet.reasonCode)}).`);
  });
  client.on('close', () => {
    gone('The broker can’t be reached, or has ended the connection.');
  });
  const close = (): void => {
    said = true;
    client.end(true);
  };
  try {
    await Promise.race([
      broken,
      new Promise<void>((resolve) => {
        client.once('connect', () => {
          resolve();
        });
      }),
    ]);
    for (let start = 0; start < ticket.topicFilters.length; start += MOST_FILTERS) {
      const some = ticket.topicFilters.slice(start, start + MOST_FILTERS);
      // Raises for a reason code of 128 or more.
      await Promise.race([broken, client.subscribeAsync(some, { qos: 0 })]);
    }
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

function messageOf(topic: string, bytes: Uint8Array, packet: IPublishPacket): Message {
  count += 1;
  return {
    id: count,
    at: Date.now(),
    topic,
    payload: payloadOf(bytes),
    qos: packet.qos,
    retain: packet.retain,
    properties: propertiesOf(packet.properties),
    kind: kindOf(topic),
    thingName: thingOf(topic),
  };
}

function propertiesOf(given: IPublishPacket['properties']): Properties {
  if (!given) return {};
  const { contentType, responseTopic, correlationData, userProperties } = given;
  const { messageExpiryInterval, payloadFormatIndicator } = given;
  return {
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData: payloadOf(correlationData).text }),
    ...(messageExpiryInterval !== undefined && { messageExpiryInterval }),
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
    ...(userProperties && { userProperties: flat(userProperties) }),
  };
}

const flat = (given: Record<string, string | string[]>): [string, string][] =>
  Object.entries(given).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one): [string, string] => [name, one]),
  );
