/** An age as kubectl has it: the largest unit that fills (45s, 3m, 2h, 5d, 2y). */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const units: [string, number][] = [
    ['y', 31_536_000],
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
  ];
  for (const [unit, length] of units) {
    if (seconds >= length) return `${String(Math.floor(seconds / length))}${unit}`;
  }
  return `${String(seconds)}s`;
}

/** A time in milliseconds or seconds, as short as it can be said. */
export function latency(milliseconds: number): string {
  return milliseconds < 1000
    ? `${String(Math.round(milliseconds))} ms`
    : `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
}

/** Time of day in UTC, as everywhere in the playground: 12:13:22.123Z. */
export const clock = (at: number | string): string => {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? String(at) : time.toISOString().slice(11);
};

/** Day and time in UTC, whole seconds: 2026-01-02 03:04:05Z. */
export const moment = (at: number | string): string => {
  const time = new Date(at);
  return Number.isNaN(time.getTime())
    ? String(at)
    : `${time.toISOString().slice(0, 19).replace('T', ' ')}Z`;
};

/** Bytes in words: 512 bytes, 2.0 KB, 1.5 MB. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${String(bytes)} ${bytes === 1 ? 'byte' : 'bytes'}`;
  return bytes < 1_000_000
    ? `${(bytes / 1000).toFixed(1)} KB`
    : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
