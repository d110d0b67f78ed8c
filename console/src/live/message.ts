import { brief, isObject } from '../values/json';
import { member, type Payload } from './payload';

/** A message that has arrived. */
export interface Message {
  /** Counts the messages of this page. */
  id: number;
  /** When it arrived here, in milliseconds of Unix time. */
  at: number;
  topic: string;
  payload: Payload;
  qos: number;
  retain: boolean;
  properties: Properties;
  kind: Kind;
  /** Whose it is, where the topic or the payload says so. */
  thingName: string | undefined;
}

/** MQTT 5 properties, as far as the message has them. */
export interface Properties {
  contentType?: string;
  responseTopic?: string;
  /** Text if it is one, else hexadecimal digits. */
  correlationData?: string;
  messageExpiryInterval?: number;
  payloadFormatIndicator?: boolean;
  userProperties?: [string, string][];
}

export type Kind = 'telemetry' | 'shadow' | 'metrics' | 'event' | 'presence' | 'command' | 'job';

/** What kind of message comes on this topic; the same words as `playground watch`. */
export function kindOf(topic: string): Kind {
  if (topic.startsWith('evt/playground/') && topic.endsWith('/metrics')) return 'metrics';
  if (/^\$aws\/things\/[^/]+\/jobs\//.test(topic) || topic.startsWith('$aws/events/job')) {
    return 'job';
  }
  if (topic.startsWith('$aws/things/')) return 'shadow';
  if (topic.startsWith('$aws/events/presence/')) return 'presence';
  if (topic.startsWith('$aws/commands/')) return 'command';
  const [first] = topic.split('/', 1);
  return first === 'evt' ? 'event' : first === 'cmd' ? 'command' : 'telemetry';
}

/** Whose message it is. A telemetry topic of somebody's own choice ends in the thing's name. */
export function thingOf(topic: string): string | undefined {
  const levels = topic.split('/');
  const [first, second] = levels;
  if (first === '$aws') {
    if (second === 'things') return levels[2];
    if (second === 'events' && levels[2] === 'presence') return levels[4];
    if (second === 'commands' && levels[2] === 'things') return levels[3];
    return undefined;
  }
  if (second === 'playground' && (first === 'dt' || first === 'evt' || first === 'cmd')) {
    return levels[2];
  }
  return levels.at(-1);
}

/** What happened, in a few words. */
export function told({ topic, payload, kind }: Message): string {
  const { value } = payload;
  if (payload.kind === 'empty') return 'an empty message';
  if (payload.kind === 'binary') return 'binary data';
  if (value === undefined || !isObject(value)) return brief(payload.text, 160);
  switch (kind) {
    case 'shadow':
      return shadowTold(topic, value) ?? pairs(value);
    case 'presence':
      return [
        brief(member(value, 'eventType')),
        brief(member(value, 'disconnectReason') ?? member(value, 'ipAddress')),
      ]
        .filter(Boolean)
        .join(', ');
    default:
      return pairs(value);
  }
}

function shadowTold(topic: string, value: Payload['value']): string | undefined {
  if (topic.endsWith('/update/delta')) return `delta: ${pairs(member(value, 'state'))}`;
  if (topic.endsWith('/update/rejected')) {
    return `the service rejects an update: ${brief(member(value, 'message'))}`;
  }
  if (!topic.endsWith('/update/accepted')) return undefined;
  return (['desired', 'reported'] as const)
    .filter((side) => member(value, 'state', side) !== undefined)
    .map((side) => `${side}: ${pairs(member(value, 'state', side))}`)
    .join('; ');
}

const LEFT_OUT = new Set(['thingName', 'timestamp', 'deviceType']);

/** An object as `key=value`, without what every message has. */
export function pairs(value: Payload['value']): string {
  if (!isObject(value)) return brief(value);
  const text = Object.entries(value)
    .filter(([name]) => !LEFT_OUT.has(name))
    .map(([name, item]) => `${name}=${brief(item, 80)}`)
    .join(' ');
  return text.length > 240 ? `${text.slice(0, 239)}…` : text;
}
