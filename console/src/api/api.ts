import createClient from 'openapi-fetch';
import type { components, paths } from '../generated/openapi';
import type { Sessions } from '../session/session';
import { problemOf } from './problem';
import { isOfApi, type Reach } from './reach';

export type Schemas = components['schemas'];
export type Device = Schemas['Device'];
export type Description = Schemas['DeviceDescription'];
export type Status = Schemas['Status'];
export type DeviceType = Schemas['DeviceType'];
export type Execution = Schemas['ExecutionDescription'];
export type NewDevice = Schemas['NewDevice'];
export type FleetFile = Schemas['FleetFile'];
export type FleetDescription = Schemas['FleetDescription'];
export type TimelineEntry = Schemas['TimelineEntry'];
export type Trouble = Schemas['Trouble'];
export type Explanation = Schemas['Explained'];
export type Question = Schemas['Question'];
export type LiveTicket = Schemas['Live'];
export type WorkflowName = Schemas['Workflow'];
export type ExecutionStatus = Schemas['ExecutionStatus'];
export type Api = ReturnType<typeof apiOf>;

/**
 * A client of the API of this origin. Each request carries the session's token; one that is
 * refused is renewed and the request is sent once more.
 */
export function apiOf(sessions: Sessions, reach: Reach, ask: typeof fetch = fetch) {
  const send = async (request: Request): Promise<Response> => {
    try {
      const answer = await ask(request);
      reach.saw(isOfApi(answer));
      return answer;
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'AbortError')) reach.saw(false);
      throw error;
    }
  };
  return createClient<paths>({
    baseUrl: location.origin,
    fetch: async (request) => {
      const again = request.clone();
      const token = await sessions.token();
      request.headers.set('authorization', `Bearer ${token}`);
      const answer = await send(request);
      if (answer.status !== 401) return answer;
      await sessions.renew(token);
      again.headers.set('authorization', `Bearer ${await sessions.token()}`);
      return send(again);
    },
  });
}

interface Told<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The data of an answer. Raises Problem, or TypeError when there was none. */
export async function dataOf<Data>(asked: Promise<Told<Data>>): Promise<Data> {
  const { data, error, response } = await asked;
  if (response.ok && data !== undefined) return data;
  throw problemOf(response.status, error, response.headers.get('retry-after'));
}
