import { isObject, type Json, type JsonObject } from '../values/json';

/** A state of a state machine, as a node of its graph. */
export interface StateNode {
  name: string;
  type: string;
  comment: string | undefined;
  /** Of Parallel and Map: the graph of each branch. */
  lanes: StateGraph[];
  /** Errors that are tried again, with the number of attempts. */
  retries: { errors: string[]; most: number }[];
}

export interface StateEdge {
  from: string;
  to: string;
  kind: 'next' | 'choice' | 'default' | 'catch';
  label: string;
}

/** The graph of a state machine or of a branch. Begin and end are nodes of their own. */
export interface StateGraph {
  nodes: StateNode[];
  edges: StateEdge[];
}

export const BEGIN = '(begin)';
export const END = '(end)';

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
const objects = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : [];
const texts = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];

/**
 * The graph of a definition in Amazon States Language. Of a Parallel state each branch is a lane;
 * a Map state has one. What is no definition gives an empty graph.
 */
export function graphOf(definition: Json | undefined): StateGraph {
  if (!isObject(definition) || !isObject(definition.States)) return { nodes: [], edges: [] };
  const states = Object.entries(definition.States).filter((entry): entry is [string, JsonObject] =>
    isObject(entry[1]),
  );
  const nodes = states.map(([name, state]) => nodeOf(name, state));
  const edges = states.flatMap(([name, state]) => edgesOf(name, state));
  const start = text(definition.StartAt);
  return {
    nodes,
    edges: [...(start ? [edge(BEGIN, start, 'next')] : []), ...merged(edges)],
  };
}

function nodeOf(name: string, state: JsonObject): StateNode {
  const lanes =
    state.Type === 'Parallel'
      ? objects(state.Branches).map(graphOf)
      : state.Type === 'Map'
        ? [graphOf(state.ItemProcessor ?? state.Iterator)]
        : [];
  return {
    name,
    type: text(state.Type),
    comment: typeof state.Comment === 'string' ? state.Comment : undefined,
    lanes,
    retries: objects(state.Retry).map((row) => ({
      errors: texts(row.ErrorEquals),
      most: typeof row.MaxAttempts === 'number' ? row.MaxAttempts : 3,
    })),
  };
}

const edge = (from: string, to: string, kind: StateEdge['kind'], label = ''): StateEdge => ({
  from,
  to,
  kind,
  label,
});

function edgesOf(name: string, state: JsonObject): StateEdge[] {
  const found: StateEdge[] = [];
  if (typeof state.Next === 'string') found.push(edge(name, state.Next, 'next'));
  const ends = state.End === true || state.Type === 'Succeed' || state.Type === 'Fail';
  if (ends) found.push(edge(name, END, 'next'));
  for (const choice of objects(state.Choices)) {
    const next = text(choice.Next);
    if (next) found.push(edge(name, next, 'choice', conditionOf(choice)));
  }
  if (typeof state.Default === 'string') {
    found.push(edge(name, state.Default, 'default', 'otherwise'));
  }
  for (const row of objects(state.Catch)) {
    const next = text(row.Next);
    if (next) found.push(edge(name, next, 'catch', texts(row.ErrorEquals).join(', ')));
  }
  return found;
}

/** Several ways between the same two states are one line with several labels. */
function merged(edges: StateEdge[]): StateEdge[] {
  const found = new Map<string, StateEdge>();
  for (const one of edges) {
    const key = JSON.stringify([one.from, one.to, one.kind === 'catch']);
    const known = found.get(key);
    if (known === undefined) found.set(key, { ...one });
    else if (one.label && known.label) known.label += ` | ${one.label}`;
    else known.label ||= one.label;
  }
  return [...found.values()];
}

const COMPARISON = /^(String|Numeric|Boolean|Timestamp|Is)/;
const SIGNS: [RegExp, string][] = [
  [/GreaterThanEquals/, '≥'],
  [/LessThanEquals/, '≤'],
  [/GreaterThan/, '>'],
  [/LessThan/, '<'],
  [/Matches/, '~'],
  [/Equals/, '='],
];

/** A rule of a Choice state in short: `$.identity = csr`. */
export function conditionOf(rule: JsonObject): string {
  if (typeof rule.Condition === 'string') return rule.Condition.replace(/^\{%\s*|\s*%\}$/g, '');
  for (const [word, joint] of [
    ['And', ' and '],
    ['Or', ' or '],
  ] as const) {
    if (Array.isArray(rule[word])) return objects(rule[word]).map(conditionOf).join(joint);
  }
  if (isObject(rule.Not)) return `not (${conditionOf(rule.Not)})`;
  const variable = text(rule.Variable);
  const operator = Object.keys(rule).find((key) => COMPARISON.test(key));
  if (operator === undefined) return variable;
  const value = rule[operator];
  if (operator.startsWith('Is')) {
    const what = operator.slice(2).toLowerCase();
    return `${variable} is ${value === false ? 'not ' : ''}${what}`;
  }
  const sign = SIGNS.find(([pattern]) => pattern.test(operator))?.[1] ?? operator;
  return `${variable} ${sign} ${typeof value === 'string' ? value : JSON.stringify(value)}`;
}

/** What an execution says of a state. */
export interface Visit {
  name: string;
  enteredAt: string;
  exitedAt: string | null;
  attempts: number;
  error: string | null;
  cause: string | null;
}

export type Progress = 'running' | 'done' | 'retried' | 'caught' | 'failed';

/**
 * How far each state is, by its name; states that were not entered are missing. An error of a state
 * that goes on where its Catch leads was caught; one that goes on as usual was overcome by a retry.
 */
export function progressOf(
  visits: readonly Visit[],
  status: string,
  graph: StateGraph,
): Map<string, Progress> {
  const caughtBy = catchersOf(graph);
  const found = new Map<string, Progress>();
  for (const [at, visit] of visits.entries()) {
    const later = visits.slice(at + 1);
    found.set(visit.name, progress(visit, status, caughtBy.get(visit.name), later));
  }
  return found;
}

function progress(
  visit: Visit,
  status: string,
  catchers: ReadonlySet<string> | undefined,
  later: readonly Visit[],
): Progress {
  if (visit.exitedAt === null) return status === 'RUNNING' ? 'running' : 'failed';
  if (visit.error !== null && later.some(({ name }) => catchers?.has(name))) return 'caught';
  return visit.attempts > 1 || visit.error !== null ? 'retried' : 'done';
}

/** Where the errors of each state lead, and nothing else of it, branches included. */
function catchersOf(graph: StateGraph, found = new Map<string, Set<string>>()) {
  for (const { from, to, kind } of graph.edges) {
    if (kind !== 'catch') continue;
    if (graph.edges.some((one) => one.from === from && one.to === to && one.kind !== 'catch')) {
      continue;
    }
    found.set(from, (found.get(from) ?? new Set()).add(to));
  }
  for (const node of graph.nodes) for (const lane of node.lanes) catchersOf(lane, found);
  return found;
}

/** Names of the playground's states that undo or end what has failed. */
export const UNDOING = /^(CleanUp|Undo|GiveBack|.*Failed$)/;
