import dagre, { type EdgeLabel, type GraphLabel, type NodeLabel } from '@dagrejs/dagre';
import { BEGIN, END, type StateEdge, type StateGraph, type StateNode } from './graph';

/** A state where it stands: centre, size, and its lanes if it has any. */
export interface PlacedNode {
  node: StateNode | undefined;
  name: string;
  x: number;
  y: number;
  width: number;
  height: number;
  lanes: { x: number; y: number; width: number; height: number; content: Placed }[];
}

export interface PlacedEdge extends StateEdge {
  points: { x: number; y: number }[];
  /** Where its label stands. */
  at: { x: number; y: number };
}

/** A graph with places, in the units of its own picture; (0, 0) is top left. */
export interface Placed {
  width: number;
  height: number;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
}

const HEIGHT = 38;
const LANE_GAP = 14;
const HEADER = 34;
const LETTER = 7.4;

/**
 * Places for a graph. A state with lanes is laid out from within: its lanes first, side by side,
 * and then it is one box of that size among its neighbours. So no line goes through a lane.
 */
export function layout(graph: StateGraph): Placed {
  const sheet = new dagre.graphlib.Graph<GraphLabel, NodeLabel, EdgeLabel>({ multigraph: true });
  sheet.setGraph({
    rankdir: 'TB',
    nodesep: 34,
    ranksep: 40,
    edgesep: 14,
    marginx: 12,
    marginy: 12,
  });
  const inner = new Map<string, { lanes: PlacedNode['lanes']; width: number; height: number }>();
  for (const node of graph.nodes) {
    const size =
      node.lanes.length > 0
        ? lanesOf(node)
        : { lanes: [], width: Math.max(110, node.name.length * LETTER + 36), height: HEIGHT };
    inner.set(node.name, size);
    sheet.setNode(node.name, { width: size.width, height: size.height });
  }
  for (const name of [BEGIN, END]) {
    if (graph.edges.some(({ from, to }) => from === name || to === name)) {
      inner.set(name, { lanes: [], width: 18, height: 18 });
      sheet.setNode(name, { width: 18, height: 18 });
    }
  }
  // A line to a state that is not there would make dagre draw one.
  const all = graph.edges.filter(({ from, to }) => inner.has(from) && inner.has(to));
  const beside = new Set(besides(all, graph));
  const edges = all.filter((edge) => !beside.has(edge));
  for (const [at, edge] of edges.entries()) {
    const isError = edge.kind === 'catch';
    // Room for what is written on the line; ways of errors bend for the others.
    const label = isError || edge.label === '' ? {} : { width: widthOf(edge), height: 16 };
    sheet.setEdge(
      edge.from,
      edge.to,
      { weight: isError ? 1 : 30, labelpos: 'c', ...label },
      String(at),
    );
  }
  dagre.layout(sheet);
  const nodes = [...inner].map(([name, size]): PlacedNode => {
    const { x = 0, y = 0 } = sheet.node(name);
    return { node: graph.nodes.find((one) => one.name === name), name, x, y, ...size };
  });
  const label = sheet.graph();
  const placed = edges.map((edge, at): PlacedEdge => {
    const {
      points = [],
      x = 0,
      y = 0,
    } = sheet.edge({ v: edge.from, w: edge.to, name: String(at) });
    return { ...edge, points, at: { x, y } };
  });
  const places = new Map(nodes.map((node) => [node.name, node]));
  return {
    width: label.width ?? 0,
    height: label.height ?? 0,
    nodes,
    edges: [...placed, ...[...beside].map((edge) => bow(edge, places))],
  };
}

/**
 * Ways of errors that have no say in where states stand. Nearly every state has one to the same
 * place, and they would pull all states apart. A state that only an error leads to keeps the way
 * from the last of its sources, so that it stands below that one.
 */
function besides(edges: StateEdge[], graph: StateGraph): StateEdge[] {
  const order = new Map(graph.nodes.map(({ name }, at) => [name, at]));
  const place = ({ from }: StateEdge): number => order.get(from) ?? -1;
  const errors = edges.filter(({ kind }) => kind === 'catch');
  const kept = new Set<StateEdge>();
  for (const to of new Set(errors.map((edge) => edge.to))) {
    if (edges.some((edge) => edge.to === to && edge.kind !== 'catch')) continue;
    const ways = errors.filter((edge) => edge.to === to).sort((a, b) => place(b) - place(a));
    const [last] = ways;
    if (last) kept.add(last);
  }
  return errors.filter((edge) => !kept.has(edge));
}

/** A line beside the others, from the right side of one state to the right side of the other. */
function bow(edge: StateEdge, places: ReadonlyMap<string, PlacedNode>): PlacedEdge {
  const from = places.get(edge.from);
  const to = places.get(edge.to);
  if (!from || !to) return { ...edge, points: [], at: { x: 0, y: 0 } };
  const start = { x: from.x + from.width / 2, y: from.y };
  const end = { x: to.x + to.width / 2, y: to.y };
  const out = { x: Math.max(start.x, end.x) + 26, y: (start.y + end.y) / 2 };
  return { ...edge, points: [start, out, end], at: out };
}

const MOST_LETTERS = 30;

/** What is written on a line: its label, cut when it is long. */
export const written = ({ label }: StateEdge): string =>
  label.length > MOST_LETTERS ? `${label.slice(0, MOST_LETTERS - 1)}…` : label;

const widthOf = (edge: StateEdge): number => written(edge).length * 5.8 + 8;

function lanesOf(node: StateNode): { lanes: PlacedNode['lanes']; width: number; height: number } {
  let x = LANE_GAP;
  let height = 0;
  const lanes = node.lanes.map((graph) => {
    const content = layout(graph);
    const lane = { x, y: HEADER, width: content.width, height: 0, content };
    x += content.width + LANE_GAP;
    height = Math.max(height, content.height);
    return lane;
  });
  const width = Math.max(x, node.name.length * LETTER + 60);
  // Lanes are of one height and fill the box, even when its name is wider.
  const more = (width - x) / Math.max(1, lanes.length);
  for (const [at, lane] of lanes.entries()) {
    lane.x += more * at;
    lane.width += more;
    lane.height = height;
  }
  return { lanes, width, height: HEADER + height + LANE_GAP };
}

/** A line through points, with round corners. */
export function pathOf(points: readonly { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  let path = `M${at(first)}`;
  for (const [index, point] of rest.entries()) {
    const next = rest[index + 1];
    path += next === undefined ? `L${at(point)}` : `Q${at(point)} ${at(middle(point, next))}`;
  }
  return path;
}

const at = ({ x, y }: { x: number; y: number }): string => `${x.toFixed(1)},${y.toFixed(1)}`;
const middle = (a: { x: number; y: number }, b: { x: number; y: number }) => ({
  x: (a.x + b.x) / 2,
  y: (a.y + b.y) / 2,
});
