import recorded from '../generated/methods.json';

/** One arrow of a run, `ms` after its start. `by`: the function that calls. */
export interface Step {
  ms: number;
  source: string;
  target: string;
  what: string;
  by: string;
  times: number;
}

/** What a thief had, tried and was told. */
export interface Attack {
  has: string;
  tries: string;
  told: string;
  refused: boolean;
}

/** A way to become a device: its words, its figures, and one run. */
export interface Method {
  name: string;
  starts_with: string;
  key_made_by: string;
  key_travels: string;
  thief_gets: string;
  quota: string;
  seconds: number;
  messages: number;
  connections: number;
  calls: number;
  dollars: number;
  cuts: number;
  left: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  attacks: readonly Attack[];
  steps: readonly Step[];
}

/** What docs/methods.json has: recorded by `make methods`. */
export interface Recorded {
  commit: string;
  date: string;
  runs: number;
  methods: readonly Method[];
}

export const RECORDED: Recorded = recorded;

/** How much there was more after all cuts than before. */
export const leftOver = ({ left }: Method): number =>
  Object.values(left)
    .flatMap((found) => Object.values(found))
    .reduce((sum, names) => sum + names.length, 0);

/** Who takes part in a run, from left to right, always in the same order. */
const PLACES = [
  'You',
  'Step Functions',
  'Lambda',
  'DynamoDB',
  'S3',
  'ECS',
  'ECR',
  'SQS',
  'AWS IoT',
  'Device',
];

/** The parts of a run, in the order in which they are drawn. */
export function partsOf(steps: readonly Step[]): string[] {
  const met = new Set(steps.flatMap(({ source, target }) => [source, target]));
  return [...PLACES.filter((place) => met.has(place)), ...[...met].filter(isUnknown)];
}

const isUnknown = (place: string): boolean => !PLACES.includes(place);

/** The calls that a function makes to one service, one after another, as one arrow. */
export function together(steps: readonly Step[]): Step[] {
  const found: Step[] = [];
  const last = new Map<string, Step>();
  for (const step of steps) {
    const before = step.by === '' ? undefined : last.get(step.by);
    if (before?.target === step.target) {
      before.what += `, ${step.what}`;
      continue;
    }
    const copy = { ...step };
    found.push(copy);
    if (step.by !== '') last.set(step.by, copy);
  }
  return found;
}

/** What stands on an arrow. */
export const labelOf = ({ by, what, times }: Step): string =>
  (by === '' ? '' : `${by}: `) + what + (times > 1 ? ` (${String(times)} times)` : '');
