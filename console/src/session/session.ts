/** Who is signed in, and until when. Tokens stay in memory: they are written nowhere. */
export interface Session {
  accessToken: string;
  /** When the token ends, in milliseconds of Unix time. */
  expiresAt: number;
  username: string;
  group: 'admins' | 'viewers';
}

/** Where one signs in: the server of this page, or Cognito itself. */
export interface Door {
  /** Trade a one-time code for a session. Raises Refused. */
  withCode(code: string): Promise<Session>;
  /** Raises Refused, with the reason in plain words. */
  withPassword(username: string, password: string): Promise<Session>;
  /** Go on with an earlier sign-in of this browser. Raises Refused when there is none. */
  again(): Promise<Session>;
  signOut(): Promise<void>;
}

/** The door has said no. Any other error means that it could not be asked. */
export class Refused extends Error {
  override name = 'Refused';
}

export type SessionState =
  | { kind: 'starting' }
  | { kind: 'signed-out'; reason?: string }
  | { kind: 'unreachable' }
  | { kind: 'signed-in'; session: Session }
  /** Was signed in, and has to sign in again. The page stays as it is below the form. */
  | { kind: 'expired'; session: Session };

/** What of the browser is needed; tests have their own. */
export interface Clock {
  now(): number;
  after(milliseconds: number, act: () => void): () => void;
}

export const BROWSER_CLOCK: Clock = {
  now: () => Date.now(),
  after: (milliseconds, act) => {
    const timer = setTimeout(act, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** A token is renewed so long before its end. */
export const RENEW_BEFORE = 60_000;
/** How soon a door that could not be asked is asked again. */
export const ASK_AGAIN = 3_000;
/** A timer of a browser takes no more (2^31 ms); nor does a token live so long. */
const LONGEST_TIMER = 2_000_000_000;

/** The session of this page: signs in, renews before the end, and gives out tokens. */
export class Sessions {
  #state: SessionState = { kind: 'starting' };
  readonly #listeners = new Set<() => void>();
  #renewing: Promise<void> | undefined;
  #cancel: () => void = () => undefined;
  #waiting: (() => void)[] = [];

  constructor(
    readonly door: Door,
    readonly clock: Clock = BROWSER_CLOCK,
  ) {}

  get state(): SessionState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Sign in with the code of the address, or go on with an earlier sign-in of this browser. */
  async start(code?: string): Promise<void> {
    try {
      this.#enter(await (code ? this.door.withCode(code) : this.door.again()));
    } catch (error) {
      if (!(error instanceof Refused)) {
        this.#set({ kind: 'unreachable' });
        this.#later(ASK_AGAIN, () => void this.start(code));
        return;
      }
      if (code) {
        await this.start();
        // The code was no good, and there is no earlier sign-in either: say it of the code.
        if (this.#state.kind === 'signed-out') {
          this.#set({ kind: 'signed-out', reason: error.message });
        }
        return;
      }
      this.#set({ kind: 'signed-out' });
    }
  }

  /** Raises Refused, or another error when nobody could be asked. */
  async signIn(username: string, password: string): Promise<void> {
    this.#enter(await this.door.withPassword(username, password));
  }

  async signOut(): Promise<void> {
    this.#cancel();
    this.#set({ kind: 'signed-out' });
    await this.door.signOut().catch(() => undefined);
  }

  /**
   * A token that is good now. Waits while somebody has to sign in again, so that what was asked
   * for meanwhile goes on afterwards.
   */
  async token(): Promise<string> {
    for (;;) {
      const { session, endsSoon } = this.#present();
      if (session && !endsSoon) return session.accessToken;
      if (session) {
        await this.renew();
        if (this.#state.kind === 'signed-in') return this.#state.session.accessToken;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #present(): { session?: Session; endsSoon: boolean } {
    if (this.#state.kind !== 'signed-in') return { endsSoon: false };
    const { session } = this.#state;
    return { session, endsSoon: session.expiresAt - this.clock.now() < RENEW_BEFORE / 2 };
  }

  /**
   * A new token, before the end of this one or because the API has refused it. However many ask,
   * the door is asked once. Raises what keeps the door from being asked once the token has ended.
   */
  async renew(refused?: string): Promise<void> {
    if (this.#state.kind !== 'signed-in') return;
    // Somebody else has renewed it meanwhile.
    if (refused !== undefined && refused !== this.#state.session.accessToken) return;
    this.#renewing ??= this.#renew(this.#state.session, refused !== undefined).finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
  }

  async #renew(session: Session, wasRefused: boolean): Promise<void> {
    try {
      this.#enter(await this.door.again());
    } catch (error) {
      if (error instanceof Refused) {
        this.#cancel();
        this.#set({ kind: 'expired', session });
        return;
      }
      this.#later(ASK_AGAIN, () => void this.renew().catch(() => undefined));
      if (wasRefused || session.expiresAt <= this.clock.now()) throw error;
    }
  }

  #enter(session: Session): void {
    this.#set({ kind: 'signed-in', session });
    const left = session.expiresAt - this.clock.now() - RENEW_BEFORE;
    this.#later(Math.max(left, ASK_AGAIN), () => void this.renew().catch(() => undefined));
    for (const go of this.#waiting.splice(0)) go();
  }

  #later(milliseconds: number, act: () => void): void {
    this.#cancel();
    this.#cancel = this.clock.after(Math.min(milliseconds, LONGEST_TIMER), act);
  }

  #set(state: SessionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** What the address says behind `#`: a one-time code, and the view to go to. */
export function fragmentOf(hash: string): { code?: string; to?: string } {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const code = given.get('code');
  const to = given.get('to');
  // Only a path of this page: //elsewhere would be another host.
  const own = to !== null && /^\/(?![/\\])/.test(to);
  return { ...(code && { code }), ...(own && { to }) };
}
