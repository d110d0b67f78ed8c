import { describe, expect, test, vi } from 'vitest';
import { cognitoDoor, serverDoor, sessionOfToken } from '../src/session/doors';
import { fragmentOf, Refused, Sessions, type Door, type Session } from '../src/session/session';
import { FakeClock } from './clock';

const HOUR = 3_600_000;

function session(accessToken: string, expiresAt: number): Session {
  return { accessToken, expiresAt, username: 'ann', group: 'admins' };
}

/** A door that answers what it is told; each asking is counted. */
function doorOf(answers: Partial<Record<'withCode' | 'withPassword' | 'again', () => unknown>>) {
  const asked = (name: keyof typeof answers) =>
    vi.fn(async () => {
      const answer = answers[name]?.() ?? new Refused(`no ${name}`);
      if (answer instanceof Error) throw answer;
      return Promise.resolve(answer as Session);
    });
  return {
    withCode: asked('withCode'),
    withPassword: asked('withPassword'),
    again: asked('again'),
    signOut: vi.fn(() => Promise.resolve()),
  } satisfies Door;
}

describe('beginning', () => {
  test('with the code of the address', async () => {
    const door = doorOf({ withCode: () => session('a', HOUR) });
    const sessions = new Sessions(door, new FakeClock());
    await sessions.start('code');
    expect(sessions.state).toMatchObject({ kind: 'signed-in', session: { accessToken: 'a' } });
    expect(door.again).not.toHaveBeenCalled();
  });

  test('with an earlier sign-in, also when the code is no good any more', async () => {
    const door = doorOf({ again: () => session('b', HOUR) });
    const sessions = new Sessions(door, new FakeClock());
    await sessions.start('old');
    expect(sessions.state).toMatchObject({ kind: 'signed-in', session: { accessToken: 'b' } });
  });

  test('with neither shows the form, and says why the code did not do', async () => {
    const sessions = new Sessions(
      doorOf({ withCode: () => new Refused('The code is older than a minute.') }),
      new FakeClock(),
    );
    await sessions.start('old');
    expect(sessions.state).toEqual({
      kind: 'signed-out',
      reason: 'The code is older than a minute.',
    });
  });

  test('without a server asks again until it is there', async () => {
    const clock = new FakeClock();
    const answers = [new TypeError('no network'), session('c', HOUR)];
    const sessions = new Sessions(doorOf({ again: () => answers.shift() }), clock);
    await sessions.start();
    expect(sessions.state.kind).toBe('unreachable');
    await clock.pass(3000);
    expect(sessions.state.kind).toBe('signed-in');
  });
});

describe('renewal', () => {
  async function signedIn(again: () => unknown, expiresAt = HOUR) {
    const clock = new FakeClock();
    const door = doorOf({ withPassword: () => session('first', expiresAt), again });
    const sessions = new Sessions(door, clock);
    await sessions.signIn('ann', 'secret');
    return { clock, door, sessions };
  }

  test('comes a minute before the end, by itself', async () => {
    const { clock, door, sessions } = await signedIn(() => session('second', 2 * HOUR));
    await clock.pass(HOUR - 60_001);
    expect(door.again).not.toHaveBeenCalled();
    await clock.pass(1);
    expect(await sessions.token()).toBe('second');
    await clock.pass(HOUR);
    expect(door.again).toHaveBeenCalledTimes(2);
  });

  test('of many requests that were refused asks the door once', async () => {
    const { door, sessions } = await signedIn(() => session('second', HOUR));
    await Promise.all([sessions.renew('first'), sessions.renew('first'), sessions.renew('first')]);
    await sessions.renew('first');
    expect(door.again).toHaveBeenCalledTimes(1);
  });

  test('that is refused keeps the page, and what was asked goes on afterwards', async () => {
    const { clock, sessions } = await signedIn(() => new Refused('the session has ended'));
    await clock.pass(HOUR - 60_000);
    expect(sessions.state).toMatchObject({ kind: 'expired', session: { username: 'ann' } });
    let token = '';
    void sessions.token().then((given) => {
      token = given;
    });
    await clock.settle();
    expect(token).toBe('');
    await sessions.signIn('ann', 'secret');
    await clock.settle();
    expect(token).toBe('first');
    expect(sessions.state.kind).toBe('signed-in');
  });

  test('without a network keeps a token as long as it is good, and tries again', async () => {
    const answers: unknown[] = [new TypeError(), new TypeError(), session('third', 3 * HOUR)];
    const { clock, sessions } = await signedIn(() => answers.shift());
    await clock.pass(HOUR - 60_000);
    expect(await sessions.token()).toBe('first');
    await clock.pass(6000);
    expect(await sessions.token()).toBe('third');
  });

  test('without a network raises when the token has ended', async () => {
    const { clock, sessions } = await signedIn(() => new TypeError('no network'));
    await clock.pass(HOUR + 1);
    await expect(sessions.token()).rejects.toThrow('no network');
    expect(sessions.state.kind).toBe('signed-in');
  });

  test('does not come after signing out', async () => {
    const { clock, door, sessions } = await signedIn(() => session('second', 2 * HOUR));
    await sessions.signOut();
    await clock.pass(2 * HOUR);
    expect(sessions.state).toEqual({ kind: 'signed-out' });
    expect(door.again).not.toHaveBeenCalled();
    expect(door.signOut).toHaveBeenCalledTimes(1);
  });
});

test.each([
  ['#code=XXXX&to=/devices/lamp', { code: 'XXXX', to: '/devices/lamp' }],
  ['#code=XXXX', { code: 'XXXX' }],
  ['', {}],
  ['#code=', {}],
  ['#to=//evil.example', {}],
  ['#to=/\\evil.example', {}],
  ['#to=https://evil.example', {}],
])('the address %s', (hash, found) => {
  expect(fragmentOf(hash)).toEqual(found);
});

const answer = (status: number, body: unknown): Response =>
  new Response(JSON.stringify(body), { status });

describe('the door of the server', () => {
  test('trades code, password or cookie', async () => {
    const told = {
      accessToken: 't',
      expiresAt: '2026-01-01T00:00:00Z',
      username: 'ann',
      group: 'admins',
    };
    const ask = vi.fn<typeof fetch>(() => Promise.resolve(answer(200, told)));
    const door = serverDoor(ask);
    expect(await door.withCode('c')).toEqual({
      accessToken: 't',
      expiresAt: Date.UTC(2026, 0, 1),
      username: 'ann',
      group: 'admins',
    });
    await door.withPassword('ann', 'secret');
    await door.again();
    expect(ask.mock.calls.map(([, init]) => init?.body)).toEqual([
      '{"code":"c"}',
      '{"username":"ann","password":"secret"}',
      '{}',
    ]);
  });

  test('says why in the server’s words', async () => {
    const door = serverDoor(() => Promise.resolve(answer(401, { detail: 'Wrong password.' })));
    await expect(door.again()).rejects.toThrow(new Refused('Wrong password.'));
  });

  test('that fails is not a refusal', async () => {
    const door = serverDoor(() => Promise.resolve(answer(503, {})));
    await expect(door.again()).rejects.not.toBeInstanceOf(Refused);
  });
});

const encoded = (claims: object): string =>
  Buffer.from(JSON.stringify(claims)).toString('base64url');
const TOKEN = `h.${encoded({ exp: 100, username: 'änn?>', 'cognito:groups': ['admins'] })}.s`;

test('a token’s claims, in base64url and UTF-8', () => {
  expect(sessionOfToken(TOKEN)).toEqual({
    accessToken: TOKEN,
    expiresAt: 100_000,
    username: 'änn?>',
    group: 'admins',
  });
  expect(sessionOfToken(`h.${encoded({ exp: 1 })}.s`).group).toBe('viewers');
});

describe('the door of Cognito', () => {
  test('signs in, and goes on with the refresh token', async () => {
    const ask = vi.fn<typeof fetch>(() =>
      Promise.resolve(
        answer(200, { AuthenticationResult: { AccessToken: TOKEN, RefreshToken: 'r' } }),
      ),
    );
    const door = cognitoDoor(ask, 'eu-west-1', 'client');
    await expect(door.again()).rejects.toBeInstanceOf(Refused);
    expect(ask).not.toHaveBeenCalled();
    await door.withPassword('ann', 'secret');
    await door.again();
    const [[url, init] = [], [, again] = []] = ask.mock.calls;
    expect(url).toBe('https://cognito-idp.eu-west-1.amazonaws.com/');
    expect(init?.body).toContain('USER_PASSWORD_AUTH');
    expect(again?.body).toContain('"REFRESH_TOKEN":"r"');
  });

  test('says a wrong password in Cognito’s words', async () => {
    const told = { __type: 'NotAuthorizedException', message: 'Incorrect username or password.' };
    const door = cognitoDoor(() => Promise.resolve(answer(400, told)), 'eu-west-1', 'client');
    await expect(door.withPassword('a', 'b')).rejects.toThrow(new Refused(told.message));
  });
});
