/** Whether the API can be reached, as the latest requests have shown. */
export class Reach {
  #lost = false;
  #back = 0;
  readonly #listeners = new Set<() => void>();

  get lost(): boolean {
    return this.#lost;
  }

  /** How often it has come back: whoever has data from before asks again. */
  get back(): number {
    return this.#back;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  saw(reached: boolean): void {
    if (reached !== this.#lost) return;
    this.#lost = !reached;
    if (reached) this.#back += 1;
    for (const listener of this.#listeners) listener();
  }
}

/** Statuses of what stands before the API (this page's server) when the API itself is away. */
const AWAY = new Set([502, 503, 504]);

/**
 * Whether an answer came from the API itself: it and its gateway speak JSON. The server of this
 * machine speaks it, too, and says that it answers in the API's place.
 */
export const isOfApi = ({ status, headers }: Response): boolean =>
  !AWAY.has(status) ||
  ((headers.get('content-type') ?? '').includes('json') &&
    headers.get('playground-api') !== 'away');
