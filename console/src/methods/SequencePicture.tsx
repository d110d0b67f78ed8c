import { labelOf, partsOf, together, type Step } from './recorded';

const LEFT = 70;
const COLUMN = 92;
const TOP = 34;
const ROW = 30;
const HEAD = 7;

/** A run as a picture: who spoke to whom, from top to bottom. */
export function SequencePicture({ steps, label }: { steps: readonly Step[]; label: string }) {
  const parts = partsOf(steps);
  const arrows = together(steps);
  const at = (part: string): number => LEFT + COLUMN * (parts.indexOf(part) + 0.5);
  const width = LEFT + COLUMN * parts.length;
  const height = TOP + ROW * (arrows.length + 1);
  return (
    // A wide picture scrolls; the keyboard gets there too.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="sequence" role="group" tabIndex={0} aria-label={label}>
      <svg
        width={width}
        height={height}
        viewBox={`0 0 ${String(width)} ${String(height)}`}
        data-testid="sequence"
      >
        {parts.map((part) => (
          <g key={part}>
            <text className="sequence-part" x={at(part)} y={18}>
              {part}
            </text>
            <line className="sequence-life" x1={at(part)} x2={at(part)} y1={26} y2={height} />
          </g>
        ))}
        {arrows.map((step, row) => (
          <Arrow
            key={row}
            step={step}
            from={at(step.source)}
            to={at(step.target)}
            y={TOP + ROW * (row + 0.8)}
            // A label at the right edge grows to the left.
            atEdge={[step.source, step.target].includes(parts.at(-1) ?? '')}
          />
        ))}
      </svg>
    </div>
  );
}

interface Drawn {
  step: Step;
  from: number;
  to: number;
  y: number;
  atEdge: boolean;
}

function Arrow({ step, from, to, y, atEdge }: Drawn) {
  const towards = Math.sign(to - from) || 1;
  const tip = to - towards * 2;
  const label = labelOf(step);
  return (
    <g className={step.by === '' ? 'sequence-arrow' : 'sequence-arrow sequence-call'}>
      <title>{`${String(step.ms)} ms, ${step.source} to ${step.target}: ${label}`}</title>
      <text className="sequence-moment" x={4} y={y + 4}>
        {step.ms} ms
      </text>
      <line x1={from} x2={tip} y1={y} y2={y} />
      <path d={`M${String(tip)} ${String(y)}l${String(-towards * HEAD)} -4v8z`} />
      <text
        className="sequence-label"
        x={atEdge ? Math.max(from, to) - 6 : Math.min(from, to) + 6}
        y={y - 5}
        textAnchor={atEdge ? 'end' : 'start'}
      >
        {label}
      </text>
    </g>
  );
}
