import { useMemo, useState } from 'react';
import { BEGIN, END, type Progress, type StateGraph, type Visit } from './graph';
import { layout, pathOf, written, type Placed, type PlacedNode } from './layout';

interface Given {
  graph: StateGraph;
  progress?: ReadonlyMap<string, Progress>;
  visits?: readonly Visit[];
  chosen?: string | undefined;
  choose?: (name: string | undefined) => void;
}

const WORDS: Record<Progress, string> = {
  running: 'running',
  done: 'done',
  retried: 'done after a retry',
  caught: 'failed, and caught',
  failed: 'ended the execution',
};

const NOTHING: ReadonlyMap<string, Progress> = new Map();

/** A state machine as a graph; of an execution with how far each state is. */
export default function GraphPicture({ graph, progress = NOTHING, visits, chosen, choose }: Given) {
  const placed = useMemo(() => layout(graph), [graph]);
  const [withErrors, setWithErrors] = useState(false);
  const isExecution = visits !== undefined;
  return (
    <div>
      <div className="graph-head">
        <label>
          <input
            type="checkbox"
            checked={withErrors}
            onChange={(event) => {
              setWithErrors(event.target.checked);
            }}
          />{' '}
          Ways of errors
        </label>
        {isExecution && (
          <ul className="graph-legend" aria-label="Colours">
            {(Object.keys(WORDS) as Progress[]).map((one) => (
              <li key={one} className={`legend-${one}`}>
                {WORDS[one]}
              </li>
            ))}
          </ul>
        )}
      </div>
      {/* A large graph scrolls; the keyboard gets there too. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="graph" role="group" tabIndex={0} aria-label="Graph of the workflow">
        <svg
          width={placed.width}
          height={placed.height}
          viewBox={`0 0 ${String(placed.width)} ${String(placed.height)}`}
          className={isExecution ? 'graph-of-execution' : ''}
          data-testid="graph"
        >
          <defs>
            <marker
              id="arrow"
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="9"
              markerHeight="9"
              orient="auto"
              markerUnits="userSpaceOnUse"
            >
              <path d="M0 0L8 4L0 8Z" className="arrow" />
            </marker>
          </defs>
          <Part
            placed={placed}
            progress={progress}
            visits={visits}
            withErrors={withErrors}
            chosen={chosen}
            choose={choose}
          />
        </svg>
      </div>
    </div>
  );
}

interface OfPart {
  visits: readonly Visit[] | undefined;
  chosen: string | undefined;
  choose: ((name: string | undefined) => void) | undefined;
  placed: Placed;
  progress: ReadonlyMap<string, Progress>;
  withErrors: boolean;
}

function Part({ placed, ...rest }: OfPart) {
  const { progress, withErrors } = rest;
  const went = (name: string): boolean => name === BEGIN || progress.has(name);
  const edges = placed.edges.filter(
    ({ from, to, kind }) =>
      kind !== 'catch' || withErrors || (progress.get(from) === 'caught' && progress.has(to)),
  );
  return (
    <>
      {edges.map((edge) => {
        const way = pathOf(edge.points);
        const taken = went(edge.from) && (went(edge.to) || edge.to === END);
        const shown = edge.kind === 'catch' && progress.get(edge.from) !== 'caught' ? false : taken;
        return (
          <g
            key={`${edge.from} ${edge.to} ${edge.kind}`}
            className={`edge edge-${edge.kind} ${shown ? 'edge-taken' : ''}`}
          >
            <path d={way} markerEnd="url(#arrow)">
              <title>{`${edge.from} → ${edge.to}${edge.label && `: ${edge.label}`}`}</title>
            </path>
            {edge.label && edge.kind !== 'catch' && (
              <text x={edge.at.x} y={edge.at.y + 3} className="edge-label">
                {written(edge)}
              </text>
            )}
          </g>
        );
      })}
      {placed.nodes.map((node) => (
        <Node key={node.name} placed={node} {...rest} />
      ))}
    </>
  );
}

function Node({ placed, ...rest }: Omit<OfPart, 'placed'> & { placed: PlacedNode }) {
  const { progress, visits, chosen, choose } = rest;
  const { name, node, x, y, width, height, lanes } = placed;
  if (node === undefined) {
    return <circle className={name === BEGIN ? 'begin' : 'end'} cx={x} cy={y} r={width / 2} />;
  }
  const state = progress.get(name);
  const visit = visits?.findLast((one) => one.name === name);
  const tries = visit && visit.attempts > 1 ? ` ×${String(visit.attempts)}` : '';
  const words = `${name}, ${node.type}${state ? `, ${WORDS[state]}` : visits ? ', not entered' : ''}`;
  const trouble = visit?.error ? `${visit.error}: ${visit.cause ?? ''}` : undefined;
  const press = (): void => {
    choose?.(chosen === name ? undefined : name);
  };
  const isBox = lanes.length > 0;
  return (
    <g
      className={`node node-${node.type.toLowerCase()} ${state ? `is-${state}` : ''} ${
        chosen === name ? 'is-chosen' : ''
      }`}
      transform={`translate(${String(x - width / 2)} ${String(y - height / 2)})`}
      data-testid={`node-${name}`}
      data-progress={state ?? 'none'}
    >
      <g
        {...(choose && {
          role: 'button',
          tabIndex: 0,
          'aria-label': words,
          'aria-pressed': chosen === name,
          onClick: press,
          onKeyDown: (event: React.KeyboardEvent) => {
            if (event.key !== 'Enter' && event.key !== ' ') return;
            event.preventDefault();
            press();
          },
        })}
      >
        <title>{[words, node.comment, trouble].filter(Boolean).join('\n')}</title>
        <rect
          className="node-box"
          width={width}
          height={height}
          rx={node.type === 'Choice' ? 19 : 6}
        />
        <text className="node-name" x={width / 2} y={isBox ? 21 : height / 2 + 1}>
          {name}
          {tries}
        </text>
        {state === 'running' && <circle className="node-pulse" cx={width - 11} cy={11} r="4" />}
      </g>
      {lanes.map((lane) => (
        <g key={lane.x} transform={`translate(${String(lane.x)} ${String(lane.y)})`}>
          <rect className="lane" width={lane.width} height={lane.height} rx="4" />
          <g transform={`translate(${String((lane.width - lane.content.width) / 2)} 0)`}>
            <Part {...rest} placed={lane.content} />
          </g>
        </g>
      ))}
    </g>
  );
}
