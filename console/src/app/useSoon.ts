import { useEffect, useRef } from 'react';

/**
 * Acts a moment after a number has changed, once for each pause, in milliseconds. Changes that come
 * meanwhile are acted on together afterwards: a stream of them neither acts for each nor never.
 */
export function useSoon(signal: number, act: () => void, ...pauses: number[]): void {
  const latest = useRef({ signal, act });
  const timers = useRef<ReturnType<typeof setTimeout>[]>([]);
  const acted = useRef(signal);
  useEffect(() => {
    latest.current = { signal, act };
    const begin = (): void => {
      if (timers.current.length > 0 || acted.current === latest.current.signal) return;
      acted.current = latest.current.signal;
      timers.current = pauses.map((pause, at) =>
        setTimeout(() => {
          latest.current.act();
          if (at < pauses.length - 1) return;
          timers.current = [];
          begin();
        }, pause),
      );
    };
    begin();
  });
  useEffect(
    () => () => {
      timers.current.forEach(clearTimeout);
      timers.current = [];
    },
    [],
  );
}
