import type { LiveTicket } from '../api/api';
import type { Clock } from '../session/session';

export type LiveState =
  | { kind: 'off' }
  | { kind: 'connecting' }
  | { kind: 'live'; since: number }
  /** Was or should be there; tried again at this time. */
  | { kind: 'lost'; reason: string; retryAt: number };

/** An open connection. */
export interface Open {
  close(): void;
}

/**
 * Opens a connection by a ticket and subscribes; calls `lost` once when it has ended. Raises when
 * it can't be opened.
 */
export type Opener = (ticket: LiveTicket, lost: (reason: string) => void) => Promise<Open>;

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

/**
 * Keeps a connection open: with a new signed URL each time, because one is good for a single
 * connection and a few minutes.
 */
export class LiveConnection {
  #state: LiveState = { kind: 'off' };
  #open: Open | undefined;
  #tries = 0;
  #turn = 0;
  #comebacks = 0;
  #cancel: () => void = () => undefined;
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly ticket: () => Promise<LiveTicket>,
    readonly opener: Opener,
    readonly clock: Clock,
    readonly random: () => number = Math.random,
  ) {}

  get state(): LiveState {
    return this.#state;
  }

  /** How often it has come back after it was lost: what was missed is to be asked for. */
  get comebacks(): number {
    return this.#comebacks;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  start(): void {
    if (this.#state.kind !== 'off') return;
    void this.#connect();
  }

  stop(): void {
    this.#turn += 1;
    this.#cancel();
    this.#open?.close();
    this.#open = undefined;
    this.#tries = 0;
    this.#set({ kind: 'off' });
  }

  /** Try again at once, for example because the page is looked at again. */
  retry(): void {
    if (this.#state.kind === 'lost') void this.#connect();
  }

  async #connect(): Promise<void> {
    this.#cancel();
    this.#turn += 1;
    const turn = this.#turn;
    const again = this.#tries > 0;
    if (!again) this.#set({ kind: 'connecting' });
    try {
      const open = await this.opener(await this.ticket(), (reason) => {
        if (turn === this.#turn) this.#lose(reason);
      });
      if (turn !== this.#turn) {
        open.close();
        return;
      }
      this.#open = open;
      this.#tries = 0;
      if (again) this.#comebacks += 1;
      this.#set({ kind: 'live', since: this.clock.now() });
    } catch (error) {
      if (turn === this.#turn) this.#lose(error instanceof Error ? error.message : String(error));
    }
  }

  #lose(reason: string): void {
    this.#turn += 1;
    this.#open?.close();
    this.#open = undefined;
    this.#tries += 1;
    const longest = Math.min(FIRST_PAUSE * 2 ** (this.#tries - 1), LONGEST_PAUSE);
    // Full jitter above a half, so that many pages do not come back together.
    const pause = longest * (0.5 + 0.5 * this.random());
    this.#set({ kind: 'lost', reason, retryAt: this.clock.now() + pause });
    this.#cancel = this.clock.after(pause, () => void this.#connect());
  }

  #set(state: LiveState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}
