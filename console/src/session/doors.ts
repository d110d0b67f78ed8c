import { isObject } from '../values/json';
import { Refused, type Door, type Session } from './session';

type Fetch = typeof fetch;

const JSON_HEADERS = { 'content-type': 'application/json' };

/** The server that serves this page: it keeps the refresh token behind a cookie. */
export function serverDoor(ask: Fetch): Door {
  const session = async (body: object): Promise<Session> => {
    const answer = await ask('/session', {
      method: 'POST',
      headers: JSON_HEADERS,
      body: JSON.stringify(body),
      credentials: 'same-origin',
    });
    const told: unknown = await answer.json().catch(() => undefined);
    if (answer.ok) return sessionOf(told);
    if (answer.status >= 500) throw new Error(`the server answered ${String(answer.status)}`);
    throw new Refused(wordsOf(told) ?? 'Signing in was refused.');
  };
  return {
    withCode: (code) => session({ code }),
    withPassword: (username, password) => session({ username, password }),
    again: () => session({}),
    signOut: async () => {
      await ask('/session', { method: 'DELETE', credentials: 'same-origin' });
    },
  };
}

function sessionOf(told: unknown): Session {
  if (!isObject(told) || typeof told.accessToken !== 'string') {
    throw new Error('the answer holds no token');
  }
  return {
    accessToken: told.accessToken,
    expiresAt:
      (typeof told.expiresAt === 'string' && Date.parse(told.expiresAt)) || Date.now() + 3_600_000,
    username: typeof told.username === 'string' ? told.username : '',
    group: told.group === 'admins' ? 'admins' : 'viewers',
  };
}

const wordsOf = (told: unknown): string | undefined =>
  isObject(told) && typeof told.detail === 'string' ? told.detail : undefined;

/**
 * Cognito itself, for a page without a server: the flows USER_PASSWORD_AUTH and
 * REFRESH_TOKEN_AUTH. The refresh token is in memory too, so a reload asks for the password.
 */
export function cognitoDoor(ask: Fetch, region: string, clientId: string): Door {
  let refreshToken: string | undefined;

  const call = async (action: string, body: object): Promise<unknown> => {
    const answer = await ask(`https://cognito-idp.${region}.amazonaws.com/`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `AWSCognitoIdentityProviderService.${action}`,
      },
      body: JSON.stringify(body),
      credentials: 'omit',
    });
    const told: unknown = await answer.json().catch(() => undefined);
    if (answer.ok) return told;
    if (answer.status >= 500 || answer.status === 429) {
      throw new Error(`Cognito answered ${String(answer.status)}`);
    }
    throw new Refused(
      isObject(told) && typeof told.message === 'string' ? told.message : 'Cognito refused.',
    );
  };

  const session = async (flow: string, parameters: Record<string, string>): Promise<Session> => {
    const told = await call('InitiateAuth', {
      AuthFlow: flow,
      ClientId: clientId,
      AuthParameters: parameters,
    });
    const result = isObject(told) ? told.AuthenticationResult : undefined;
    if (!isObject(result) || typeof result.AccessToken !== 'string') {
      throw new Refused('Cognito wants another step. Set the password: playground user password.');
    }
    if (typeof result.RefreshToken === 'string') refreshToken = result.RefreshToken;
    return sessionOfToken(result.AccessToken);
  };

  return {
    withCode: () => Promise.reject(new Refused('Sign in with user name and password.')),
    withPassword: (USERNAME, PASSWORD) => session('USER_PASSWORD_AUTH', { USERNAME, PASSWORD }),
    again: () =>
      refreshToken === undefined
        ? Promise.reject(new Refused('Nobody has signed in yet.'))
        : session('REFRESH_TOKEN_AUTH', { REFRESH_TOKEN: refreshToken }),
    signOut: async () => {
      const Token = refreshToken;
      refreshToken = undefined;
      if (Token !== undefined) await call('RevokeToken', { Token, ClientId: clientId });
    },
  };
}

/** What an access token says of itself. Who it is for is checked by the API, not here. */
export function sessionOfToken(accessToken: string): Session {
  const [, body = ''] = accessToken.split('.');
  const bytes = Uint8Array.from(atob(body.replaceAll('-', '+').replaceAll('_', '/')), (letter) =>
    letter.charCodeAt(0),
  );
  const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (!isObject(claims) || typeof claims.exp !== 'number') throw new Error('no claims');
  const groups = claims['cognito:groups'];
  return {
    accessToken,
    expiresAt: claims.exp * 1000,
    username: typeof claims.username === 'string' ? claims.username : '',
    group: Array.isArray(groups) && groups.includes('admins') ? 'admins' : 'viewers',
  };
}
