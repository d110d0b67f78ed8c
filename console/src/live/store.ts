import { isObject, type JsonObject } from '../values/json';
import { TopicTree } from '../messages/tree';
import type { Message } from './message';
import { member } from './payload';
import { Ring } from './ring';

/** What the messages have told about a device since the page is open. */
export interface Told {
  /** When its latest message came, in milliseconds of Unix time. */
  at: number;
  /** Its latest telemetry, and when. */
  telemetry: JsonObject | undefined;
  telemetryAt: number;
  /** Changes to `reported` since then, merged. */
  reported: JsonObject;
  /** What presence said last; undefined when it has said nothing yet. */
  connected: boolean | undefined;
  /** Grows with each batch that has a message of it. */
  version: number;
  /** How many shadow, presence and job messages came: a sign to ask the API again. */
  changes: number;
  recent: Ring<Message>;
}

const BUDGET_BYTES = 24_000_000;
/** Of each device, when nobody looks at it: a thousand of them are to fit. */
const FEW = 60;
const FEW_BYTES = 100_000;
const MOST_DEVICES = 3000;
const sizeOf = (message: Message): number => 400 + 2 * message.payload.text.length;

/**
 * Everything that has arrived, as far as it is kept. Messages are taken in at once, and those
 * who look are told once a frame, however many came.
 */
export class LiveStore {
  readonly all = new Ring<Message>(3000, BUDGET_BYTES, sizeOf);
  readonly topics = new TopicTree();
  readonly devices = new Map<string, Told>();
  /** The latest message of each topic, and the one before. */
  readonly latest = new Map<string, { last: Message; before: Message | undefined }>();
  #version = 0;
  #presences = 0;
  #scheduled = false;
  readonly #touched = new Set<Told>();
  readonly #listeners = new Set<() => void>();

  constructor(readonly nextFrame: (act: () => void) => void) {}

  /** Grows with each batch. */
  get version(): number {
    return this.#version;
  }

  /** How many presence messages have come. */
  get presences(): number {
    return this.#presences;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  take(message: Message): void {
    this.all.push(message);
    this.topics.add(message.topic, message.at);
    this.#remember(message);
    if (message.thingName !== undefined) this.#learn(message.thingName, message);
    if (message.kind === 'presence') this.#presences += 1;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.nextFrame(() => {
      this.#scheduled = false;
      this.#version += 1;
      for (const told of this.#touched) told.version += 1;
      this.#touched.clear();
      for (const listener of this.#listeners) listener();
    });
  }

  #remember(message: Message): void {
    const known = this.latest.get(message.topic);
    this.latest.delete(message.topic);
    this.latest.set(message.topic, { last: message, before: known?.last });
    if (this.latest.size > 4000) {
      const [oldest] = this.latest.keys();
      if (oldest !== undefined) this.latest.delete(oldest);
    }
  }

  #learn(thingName: string, message: Message): void {
    const told = this.devices.get(thingName) ?? this.#begin(thingName);
    told.at = message.at;
    told.recent.push(message);
    this.#touched.add(told);
    const { value } = message.payload;
    if (message.kind === 'telemetry' && isObject(value)) {
      told.telemetry = value;
      told.telemetryAt = message.at;
    }
    if (message.kind === 'presence') {
      told.connected = member(value, 'eventType') === 'connected';
    }
    if (message.topic.endsWith('/shadow/update/accepted')) {
      const reported = member(value, 'state', 'reported');
      if (isObject(reported)) told.reported = { ...told.reported, ...reported };
    }
    if (message.kind !== 'telemetry' && message.kind !== 'metrics') told.changes += 1;
  }

  #begin(thingName: string): Told {
    const told: Told = {
      at: 0,
      telemetry: undefined,
      telemetryAt: 0,
      reported: {},
      connected: undefined,
      changes: 0,
      version: 0,
      recent: new Ring<Message>(FEW, FEW_BYTES, sizeOf),
    };
    this.devices.set(thingName, told);
    // A topic of somebody's own choice may end in anything.
    if (this.devices.size > MOST_DEVICES) {
      const [oldest] = this.devices.keys();
      if (oldest !== undefined) this.devices.delete(oldest);
    }
    return told;
  }

  /** Keep more of this device's messages, as long as somebody looks at it. */
  watch(thingName: string): () => void {
    const told = this.devices.get(thingName) ?? this.#begin(thingName);
    told.recent = told.recent.copy(1000, 4_000_000);
    return () => {
      told.recent = told.recent.copy(FEW, FEW_BYTES);
    };
  }
}

/** The browser's next frame, or soon when the page is hidden and draws none. */
export function browserFrame(act: () => void): void {
  if (document.visibilityState === 'visible') requestAnimationFrame(act);
  else setTimeout(act, 1000);
}
