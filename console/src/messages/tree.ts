/** A level of a topic, with what was seen at and below it. */
export interface TopicNode {
  level: string;
  topic: string;
  children: Map<string, TopicNode>;
  /** Messages at this very topic. */
  here: number;
  /** Messages at it and below. */
  all: number;
  /** Time of the latest, in milliseconds. */
  at: number;
}

const node = (level: string, topic: string): TopicNode => ({
  level,
  topic,
  children: new Map(),
  here: 0,
  all: 0,
  at: 0,
});

/**
 * The topics that messages came on, as a tree. Topics with an id in them never come twice, so a
 * level keeps its `most` children that were used last.
 */
export class TopicTree {
  readonly root = node('', '');

  constructor(readonly most = 1500) {}

  add(topic: string, at: number): void {
    let place = this.root;
    touch(place, at);
    const levels = topic.split('/');
    for (const [depth, level] of levels.entries()) {
      // Taken out and put back: a map's order is then that of the last use.
      const known = place.children.get(level);
      place.children.delete(level);
      const child = known ?? node(level, levels.slice(0, depth + 1).join('/'));
      place.children.set(level, child);
      if (place.children.size > this.most) {
        const [oldest] = place.children.keys();
        if (oldest !== undefined) place.children.delete(oldest);
      }
      touch(child, at);
      place = child;
    }
    place.here += 1;
  }

  clear(): void {
    this.root.children.clear();
    this.root.here = this.root.all = this.root.at = 0;
  }
}

function touch(place: TopicNode, at: number): void {
  place.all += 1;
  place.at = at;
}

/** A line of the tree as it is shown. */
export interface TopicLine {
  node: TopicNode;
  depth: number;
  open: boolean;
  /** Messages at it and below, when the line was made: the node counts on. */
  count: number;
  /** Levels that have only one below them stand in one line: dt/playground. */
  label: string;
}

/** The lines that are to be seen when these topics are open, in the order of the alphabet. */
export function linesOf(root: TopicNode, open: ReadonlySet<string>): TopicLine[] {
  const lines: TopicLine[] = [];
  const walk = (parent: TopicNode, depth: number): void => {
    const children = [...parent.children.values()].sort((left, right) =>
      left.level < right.level ? -1 : 1,
    );
    for (const child of children) {
      let last = child;
      let label = child.level;
      for (;;) {
        const [only] = last.children.values();
        if (last.children.size !== 1 || last.here > 0 || only === undefined) break;
        last = only;
        label += `/${last.level}`;
      }
      const isOpen = open.has(last.topic);
      lines.push({ node: last, depth, open: isOpen, count: last.all, label });
      if (isOpen) walk(last, depth + 1);
    }
  };
  walk(root, 0);
  return lines;
}

/** Whether a topic filter of MQTT takes in a topic (MQTT 5, 4.7). */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  // A wildcard at the beginning takes in no topic that begins with $ (4.7.2).
  if (topic.startsWith('$') && (wanted[0] === '#' || wanted[0] === '+')) return false;
  for (const [depth, level] of wanted.entries()) {
    if (level === '#') return depth === wanted.length - 1;
    if (depth >= levels.length) return false;
    if (level !== '+' && level !== levels[depth]) return false;
  }
  return wanted.length === levels.length;
}
