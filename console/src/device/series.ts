import type { Message } from '../live/message';
import { isObject, type Json } from '../values/json';

/** A line of telemetry: a number of the messages, by the time when they came. */
export interface Series {
  path: string;
  /** Seconds of Unix time. */
  times: number[];
  values: (number | null)[];
}

const LEFT_OUT = new Set(['sequence']);

/**
 * The numbers of telemetry messages as lines, at most so many, by the path of each:
 * engine.temperature. Messages are given with the newest first. A number that a message has not
 * got is a gap.
 */
export function seriesOf(messages: readonly Message[], most = 8): Series[] {
  const rows = messages
    .filter(({ kind }) => kind === 'telemetry')
    .reverse()
    .map(({ at, payload }) => ({ at: at / 1000, numbers: new Map(numbersOf(payload.value)) }))
    .filter(({ numbers }) => numbers.size > 0);
  const paths = [...new Set(rows.flatMap(({ numbers }) => [...numbers.keys()]))].slice(0, most);
  const times = rows.map(({ at }) => at);
  return paths.map((path) => ({
    path,
    times,
    values: rows.map(({ numbers }) => numbers.get(path) ?? null),
  }));
}

function* numbersOf(value: Json | undefined, path = ''): Generator<[string, number]> {
  if (typeof value === 'number') yield [path, value];
  if (!isObject(value) || path.split('.').length > 3) return;
  for (const [name, item] of Object.entries(value)) {
    if (path === '' && LEFT_OUT.has(name)) continue;
    yield* numbersOf(item, path ? `${path}.${name}` : name);
  }
}
