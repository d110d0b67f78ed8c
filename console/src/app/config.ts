import { isObject } from '../values/json';

/** /config.json: what this page has to know of its home. It holds no secret. */
export interface Config {
  home: 'local' | 'aws';
  signIn: 'server' | 'cognito';
  region: string;
  stack: string;
  userPoolClientId: string;
  outputs: Record<string, string>;
  iotEndpoint: string;
  awsCliPrefix: string;
}

/** Reads it. Raises when it is not there or is something else. */
export async function readConfig(ask: typeof fetch): Promise<Config> {
  const answer = await ask('/config.json', { cache: 'no-store' });
  if (!answer.ok) throw new Error(`/config.json: HTTP ${String(answer.status)}`);
  const told: unknown = await answer.json();
  if (!isObject(told)) throw new Error('/config.json is no object');
  const text = (name: string): string => (typeof told[name] === 'string' ? told[name] : '');
  const outputs = isObject(told.outputs) ? told.outputs : {};
  return {
    home: told.home === 'aws' ? 'aws' : 'local',
    signIn: told.signIn === 'cognito' ? 'cognito' : 'server',
    region: text('region'),
    stack: text('stack'),
    userPoolClientId: text('userPoolClientId'),
    outputs: Object.fromEntries(
      Object.entries(outputs).filter((row): row is [string, string] => typeof row[1] === 'string'),
    ),
    iotEndpoint: text('iotEndpoint'),
    awsCliPrefix: text('awsCliPrefix'),
  };
}
