export type Subscribe = (listener: () => void) => () => void;

const FEW = 8;

/**
 * Tells its listener at once while little comes: up to 8 times in so many milliseconds. When more
 * comes, or has come in the span before, it tells once in that time, the last time included.
 */
export function calm(
  subscribe: Subscribe,
  every: number,
  clock: () => number = () => performance.now(),
): Subscribe {
  if (every === 0) return subscribe;
  return (listener) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let [begun, before, here] = [clock(), 0, 0];
    const end = subscribe(() => {
      const spans = Math.floor((clock() - begun) / every);
      if (spans > 0) [begun, before, here] = [begun + spans * every, spans === 1 ? here : 0, 0];
      here += 1;
      if (timer === undefined && Math.max(before, here) <= FEW) {
        listener();
        return;
      }
      timer ??= setTimeout(() => {
        timer = undefined;
        listener();
      }, every);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  };
}
