import { isObject, readJson, type JsonObject } from '../values/json';

/** What the API can do of a publish: only a request to a device goes through it. */
export type Route =
  | { kind: 'command'; thingName: string; command: string; arguments?: JsonObject }
  | { kind: 'line' };

/** A request to `cmd/playground/NAME/req` is a command, which the API gives; the rest is a line. */
export function routeOf(topic: string, payload: string): Route {
  const [, thingName] = /^cmd\/playground\/([^/]+)\/req$/.exec(topic) ?? [];
  const { value } = readJson(payload);
  if (thingName === undefined || !isObject(value) || typeof value.command !== 'string') {
    return { kind: 'line' };
  }
  return {
    kind: 'command',
    thingName,
    command: value.command,
    ...(isObject(value.arguments) && { arguments: value.arguments }),
  };
}

/** Why AWS IoT would not take a topic to publish to. */
export function topicFault(topic: string): string | undefined {
  if (topic === '') return 'must not be empty';
  if (/[+#]/.test(topic)) return 'must hold no wildcard: that is for filters';
  if (new TextEncoder().encode(topic).length > 256) return 'must have 256 bytes at most';
  const reserved = topic.startsWith('$aws/');
  if (!reserved && topic.split('/').length > 8) return 'must have 7 slashes at most';
  return undefined;
}
