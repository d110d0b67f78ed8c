import 'uplot/dist/uPlot.min.css';
import uPlot from 'uplot';
import { useEffect, useRef } from 'react';
import { AdminButton } from '../ui/AdminButton';
import { Empty } from '../ui/small';
import { brief } from '../values/json';
import { clock } from '../values/time';
import type { OfDevice } from './ofDevice';
import { seriesOf, type Series } from './series';
import { useChange } from './useChange';

/** The numbers of the telemetry as lines that move. */
export default function Lines({ thingName, told, facts }: OfDevice) {
  const change = useChange(thingName);
  const lines = seriesOf(told?.recent.newest(600, ({ kind }) => kind === 'telemetry') ?? []);
  if (lines.length === 0) {
    const seconds = facts.reported.time;
    return (
      <Empty title="No telemetry since this page is open">
        {facts.isOnline
          ? `The device sends every ${brief(seconds) || '60'} seconds.`
          : 'The device is not online.'}
        <div className="gap">
          <AdminButton
            loading={change.isPending}
            loadingText="The shadow is being changed"
            disabled={!facts.isOnline}
            onClick={() => {
              change.mutate({ time: 2 });
            }}
          >
            Send every 2 seconds
          </AdminButton>
        </div>
      </Empty>
    );
  }
  return (
    <div className="lines" data-testid="lines">
      {lines.map((line) => (
        <Line key={line.path} line={line} />
      ))}
    </div>
  );
}

const HEIGHT = 130;

function Line({ line }: { line: Series }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const last = line.values.findLast((value) => value !== null) ?? undefined;

  useEffect(() => {
    const place = box.current;
    if (!place) return undefined;
    const style = getComputedStyle(place);
    const text = style.getPropertyValue('--quiet');
    const grid = style.getPropertyValue('--hair');
    const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    const made = new uPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        padding: [8, 8, 0, 0],
        scales: { y: { range: (_plot, low, high) => room(low, high) } },
        axes: [
          { ...axis, values: (_plot, at) => at.map(timeOfDay) },
          { ...axis, size: 56 },
        ],
        series: [{}, { stroke: style.getPropertyValue('--accent'), width: 2, points: { size: 4 } }],
      },
      [[], []],
      place,
    );
    plot.current = made;
    const watcher = new ResizeObserver(() => {
      made.setSize({ width: place.clientWidth, height: HEIGHT });
    });
    watcher.observe(place);
    return () => {
      watcher.disconnect();
      made.destroy();
    };
  }, []);

  useEffect(() => {
    plot.current?.setData([line.times, line.values]);
  });

  return (
    <figure className="line" data-testid={`line-${line.path}`}>
      <figcaption>
        {line.path} <b>{last === undefined ? '–' : String(last)}</b>
      </figcaption>
      <div
        ref={box}
        role="img"
        aria-label={`${line.path}, ${String(line.values.length)} messages, the latest ${String(last ?? 'none')}`}
      />
    </figure>
  );
}

/** In UTC, as everywhere. */
const timeOfDay = (seconds: number): string => clock(seconds * 1000).slice(0, 8);

/** A line that hardly moves is not drawn as a mountain. */
function room(low: number | null, high: number | null): [number, number] {
  const from = low ?? 0;
  const to = high ?? 1;
  const least = Math.max(Math.abs(to) * 0.01, 0.5);
  const missing = Math.max(0, least - (to - from)) / 2 + (to - from) * 0.08;
  return [from - missing, to + missing];
}
