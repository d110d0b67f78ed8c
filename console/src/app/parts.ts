import { apiOf, dataOf } from '../api/api';
import { Reach } from '../api/reach';
import { LiveConnection } from '../live/connection';
import { browserFrame, LiveStore } from '../live/store';
import { BROWSER_CLOCK, type Sessions } from '../session/session';
import type { Config } from './config';
import type { Parts } from './context';
import { Flashes } from './flashes';
import { queriesOf } from './queries';

/** The parts of a page with this config. */
export function partsOf(config: Config, sessions: Sessions): Parts {
  const reach = new Reach();
  const api = apiOf(sessions, reach);
  const store = new LiveStore(browserFrame);
  const live = new LiveConnection(
    () => dataOf(api.POST('/v1/live', { body: {} })),
    async (ticket, lost) => {
      const { openMqtt } = await import('../live/mqtt');
      return openMqtt(
        ticket,
        (message) => {
          store.take(message);
        },
        lost,
      );
    },
    BROWSER_CLOCK,
  );
  return {
    config,
    sessions,
    reach,
    api,
    queries: queriesOf(),
    live,
    store,
    flashes: new Flashes(),
  };
}
