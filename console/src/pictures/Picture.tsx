import {
  celsius,
  drawn,
  hostedBy,
  inWords,
  isOn,
  misbehaves,
  numberIn,
  placeOf,
  temperatureText,
  type Facts,
  type Place,
} from './facts';

interface Given {
  type: string;
  facts: Facts;
}

/** A device as a picture that moves with what it reports and sends. */
export function Picture({ type, facts }: Given) {
  const Drawing = DRAWINGS[type] ?? Sensor;
  return (
    <svg
      className={`picture picture-${type} ${facts.isOnline ? '' : 'picture-away'}`}
      viewBox="0 0 100 100"
      role="img"
      aria-label={inWords(type, facts)}
      data-testid="picture"
    >
      <Drawing facts={facts} />
    </svg>
  );
}

type Drawing = (given: { facts: Facts }) => React.JSX.Element;

const Bulb: Drawing = ({ facts }) => {
  const lit = isOn(facts, 'status') === true && facts.isOnline;
  return (
    <g className={lit ? 'lit' : ''} data-lit={lit}>
      <circle className="glow" cx="50" cy="42" r="40" />
      <g className="rays">
        {[0, 45, 90, 135, 180, 225, 270, 315].map((angle) => (
          <line
            key={angle}
            x1="50"
            y1="4"
            x2="50"
            y2="-4"
            transform={`rotate(${String(angle)} 50 42)`}
          />
        ))}
      </g>
      <path
        className="glass"
        d="M50 12a30 30 0 0 0-17 54.700c3 2.3 5 5.5 5 9.300h24c0-3.8 2-7 5-9.300A30 30 0 0 0 50 12z"
      />
      <path className="wire" d="M42 74V56l-5-8 6.5 4 6.5-5 6.5 5 6.5-4-5 8v18" />
      <path className="cap" d="M38 79h24v5H38zM39.5 86h21v5h-21zM44 93h12l-3 4h-6z" />
    </g>
  );
};

const Switch: Drawing = ({ facts }) => {
  const on = isOn(facts, 'position') === true;
  return (
    <g>
      <rect className="plate" x="18" y="8" width="64" height="84" rx="9" />
      <circle className="screw" cx="50" cy="15" r="2" />
      <circle className="screw" cx="50" cy="85" r="2" />
      <g className={`rocker ${on ? 'rocker-on' : ''}`}>
        <rect className="rocker-well" x="32" y="22" width="36" height="56" rx="5" />
        <rect className="rocker-up" x="34" y="24" width="32" height="26" rx="4" />
        <rect className="rocker-down" x="34" y="50" width="32" height="26" rx="4" />
        <circle className="lamp" cx="50" cy={on ? 31 : 69} r="3" />
      </g>
    </g>
  );
};

/** Degrees on the dial: 5 °C left below, 35 °C right below. */
const turnOf = (temperature: number): number =>
  -130 + (Math.min(35, Math.max(5, temperature)) - 5) * (260 / 30);

const Thermostat: Drawing = ({ facts }) => {
  const temperature = celsius(facts, 'temperature');
  const target = celsius(facts, 'target');
  const mode = facts.telemetry?.mode;
  const heats = mode === 'heat' && facts.isOnline;
  const ticks = Array.from({ length: 31 }, (_, at) => at + 5);
  return (
    <g>
      <circle className="plate" cx="50" cy="50" r="46" />
      {ticks.map((tick) => (
        <line
          key={tick}
          className={tick % 5 === 0 ? 'tick tick-main' : 'tick'}
          x1="50"
          y1="9"
          x2="50"
          y2={tick % 5 === 0 ? 16 : 13}
          transform={`rotate(${String(turnOf(tick))} 50 50)`}
        />
      ))}
      {target !== undefined && (
        <path
          className="wanted"
          d="M50 19l-4-8h8z"
          style={{ transform: `rotate(${String(turnOf(target))}deg)` }}
        />
      )}
      {temperature !== undefined && (
        <line
          className="needle"
          x1="50"
          y1="30"
          x2="50"
          y2="17"
          style={{ transform: `rotate(${String(turnOf(temperature))}deg)` }}
        />
      )}
      <circle className={`core ${heats ? 'core-heats' : ''}`} cx="50" cy="50" r="25" />
      <text className="number" x="50" y="53">
        {temperatureText(facts)}
      </text>
      <text className="small" x="50" y="65">
        {typeof mode === 'string' ? mode.slice(0, 8) : ''}
      </text>
    </g>
  );
};

const Vehicle: Drawing = ({ facts }) => {
  const here = placeOf(facts.telemetry);
  const places = facts.trail
    .map(placeOf)
    .filter((place): place is Place => place !== undefined)
    .slice(-200);
  if (here !== undefined) places.push(here);
  const points = drawn(places, 72, 56);
  const van = points.at(-1) ?? { x: 36, y: 28 };
  const speed = numberIn(facts, 'speed');
  return (
    <g>
      <rect className="map" x="4" y="6" width="92" height="88" rx="8" />
      <path className="street" d="M4 34h92M4 66h92M30 6v88M68 6v88M4 90L60 6" />
      <g transform="translate(14 14)">
        <polyline
          className="trail"
          points={points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')}
        />
        <g
          className="van"
          style={{ transform: `translate(${String(van.x)}px, ${String(van.y)}px)` }}
        >
          <circle className="van-halo" r="9" />
          <path
            className="van-body"
            d="M0 -7L5 6L0 3.500L-5 6Z"
            style={{ transform: `rotate(${String(here?.heading ?? 0)}deg)` }}
          />
        </g>
      </g>
      <text className="small" x="50" y="91">
        {speed === undefined
          ? ''
          : `${speed.toFixed(0)} ${facts.telemetry?.unit === 'imperial' ? 'mph' : 'km/h'}`}
      </text>
    </g>
  );
};

const Meter: Drawing = ({ facts }) => {
  const energy = numberIn(facts, 'energy');
  const power = numberIn(facts, 'power');
  const digits = energy === undefined ? '------' : energy.toFixed(1).padStart(7, '0').slice(-7);
  // A disc that turns once in 2 s at 1 kW.
  const seconds = power !== undefined && power > 0 ? Math.max(0.6, 2000 / power) : undefined;
  return (
    <g>
      <rect className="plate" x="10" y="6" width="80" height="88" rx="10" />
      <rect className="window" x="18" y="18" width="64" height="20" rx="3" />
      <text className="digits" x="50" y="33">
        {digits}
      </text>
      <text className="small" x="50" y="48">
        kWh
      </text>
      <rect className="window" x="18" y="56" width="64" height="12" rx="2" />
      <g className="disc-window">
        <rect
          className={`disc ${facts.isOnline && seconds !== undefined ? 'disc-turns' : ''}`}
          x="20"
          y="58"
          width="10"
          height="8"
          style={{ animationDuration: `${String(seconds ?? 4)}s` }}
        />
      </g>
      <text className="number" x="50" y="85">
        {power === undefined ? '–' : `${power.toFixed(0)} W`}
      </text>
    </g>
  );
};

const Rogue: Drawing = ({ facts }) => {
  const wrong = misbehaves(facts) && facts.isOnline;
  return (
    <g className={wrong ? 'wrong' : ''}>
      <path
        className="hood"
        d="M50 8C26 8 18 34 16 62c0 14 10 30 34 30s34-16 34-30C82 34 74 8 50 8z"
      />
      <path
        className="face"
        d="M50 26c-15 0-20 16-20 32 0 12 8 22 20 22s20-10 20-22c0-16-5-32-20-32z"
      />
      <g className="eyes">
        <path d="M36 52l11 4-10 3zM64 52l-11 4 10 3z" />
      </g>
      {wrong && <path className="bolt" d="M82 6L70 26h8l-6 16 18-22h-9l7-14z" />}
    </g>
  );
};

const Host: Drawing = ({ facts }) => {
  const devices = hostedBy(facts);
  return (
    <g>
      <rect className="plate" x="16" y="8" width="68" height="84" rx="8" />
      <rect className="window" x="24" y="16" width="52" height="10" rx="3" />
      <rect className="window" x="24" y="30" width="52" height="10" rx="3" />
      <text className="number" x="50" y="62">
        {devices === undefined ? '–' : String(devices)}
      </text>
      <text className="small" x="50" y="78">
        devices
      </text>
    </g>
  );
};

const Sensor: Drawing = ({ facts }) => {
  const humidity = numberIn(facts, 'humidity');
  return (
    <g>
      <rect className="plate" x="12" y="18" width="76" height="64" rx="12" />
      <path className="waves" d="M38 12a17 17 0 0 1 24 0M32 6a25 25 0 0 1 36 0" />
      <text className="number" x="50" y="48">
        {temperatureText(facts)}
      </text>
      <text className="small" x="50" y="64">
        {humidity === undefined ? '' : `${humidity.toFixed(0)} % humid`}
      </text>
      <circle
        key={numberIn(facts, 'sequence') ?? 'none'}
        className={facts.telemetry ? 'beat' : 'beat-none'}
        cx="78"
        cy="28"
        r="3.5"
      />
    </g>
  );
};

const DRAWINGS: Record<string, Drawing | undefined> = {
  bulb: Bulb,
  switch: Switch,
  thermostat: Thermostat,
  vehicle: Vehicle,
  meter: Meter,
  rogue: Rogue,
  host: Host,
  generic: Sensor,
};
