/** A notice at the top of the page. */
export interface Flash {
  id: string;
  type: 'success' | 'info' | 'warning' | 'error' | 'in-progress';
  header?: string;
  content: string;
  /** A view that has more of it. */
  to?: string;
}

/** Good news goes by itself, after so many milliseconds. */
const SUCCESS_SHOWN = 4000;

/** The notices of this page. One with the id of another takes its place. */
export class Flashes {
  #list: readonly Flash[] = [];
  readonly #listeners = new Set<() => void>();

  get list(): readonly Flash[] {
    return this.#list;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  show(flash: Flash): void {
    this.#set([flash, ...this.#list.filter(({ id }) => id !== flash.id)].slice(0, 5));
    if (flash.type !== 'success') return;
    setTimeout(() => {
      // Not another one that has taken its place.
      if (this.#list.includes(flash)) this.dismiss(flash.id);
    }, SUCCESS_SHOWN);
  }

  dismiss(id: string): void {
    this.#set(this.#list.filter((flash) => flash.id !== id));
  }

  #set(list: readonly Flash[]): void {
    this.#list = list;
    for (const listener of this.#listeners) listener();
  }
}
