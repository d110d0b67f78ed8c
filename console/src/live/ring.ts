/**
 * Keeps the latest items, so many and so many bytes at most; older ones fall out. Adding and
 * dropping take the same time however full it is.
 */
export class Ring<Item> {
  readonly #items: (Item | undefined)[] = [];
  #first = 0;
  #length = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(
    readonly capacity: number,
    readonly budget = Infinity,
    readonly sizeOf: (item: Item) => number = () => 0,
  ) {
    if (!Number.isInteger(capacity) || capacity < 1) throw new RangeError('capacity: 1 or more');
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many items have fallen out. */
  get dropped(): number {
    return this.#dropped;
  }

  push(item: Item): void {
    if (this.#length === this.capacity) this.#drop();
    this.#items[(this.#first + this.#length) % this.capacity] = item;
    this.#length += 1;
    this.#bytes += this.sizeOf(item);
    // The newest stays, whatever its size.
    while (this.#bytes > this.budget && this.#length > 1) this.#drop();
  }

  #drop(): void {
    const oldest = this.#items[this.#first];
    this.#items[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.capacity;
    this.#length -= 1;
    this.#dropped += 1;
    if (oldest !== undefined) this.#bytes -= this.sizeOf(oldest);
  }

  /** The item at this place, the oldest is 0; negative places count from the newest. */
  at(index: number): Item | undefined {
    const place = index < 0 ? this.#length + index : index;
    if (place < 0 || place >= this.#length) return undefined;
    return this.#items[(this.#first + place) % this.capacity];
  }

  /** At most `most` items that fit, the newest first. */
  newest(most: number, fits: (item: Item) => boolean = () => true): Item[] {
    const found: Item[] = [];
    for (let back = 1; back <= this.#length && found.length < most; back += 1) {
      const item = this.at(-back);
      if (item !== undefined && fits(item)) found.push(item);
    }
    return found;
  }

  /** The latest of it, with other limits. */
  copy(capacity: number, budget = Infinity): Ring<Item> {
    const copy = new Ring<Item>(capacity, budget, this.sizeOf);
    for (const item of this.newest(capacity).reverse()) copy.push(item);
    return copy;
  }

  clear(): void {
    this.#items.length = 0;
    this.#first = this.#length = this.#bytes = this.#dropped = 0;
  }
}
