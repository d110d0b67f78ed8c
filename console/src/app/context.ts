import type { QueryClient } from '@tanstack/react-query';
import { createContext, useContext, useMemo, useSyncExternalStore } from 'react';
import type { Api } from '../api/api';
import type { Reach } from '../api/reach';
import type { Home } from '../cli/lines';
import type { LiveConnection, LiveState } from '../live/connection';
import type { LiveStore, Told } from '../live/store';
import type { Session, Sessions } from '../session/session';
import { calm } from './calm';
import type { Config } from './config';
import type { Flashes } from './flashes';

/** The parts that every view uses. */
export interface Parts {
  config: Config;
  sessions: Sessions;
  reach: Reach;
  api: Api;
  queries: QueryClient;
  live: LiveConnection;
  store: LiveStore;
  flashes: Flashes;
}

export const PartsContext = createContext<Parts | undefined>(undefined);

/** The parts of this page. */
export function useParts(): Parts {
  const parts = useContext(PartsContext);
  if (parts === undefined) throw new Error('outside of the page');
  return parts;
}

/** Who is signed in; also who was, while the sign-in has run out. */
export function useSession(): Session | undefined {
  const { sessions } = useParts();
  const state = useSyncExternalStore(sessions.subscribe, () => sessions.state);
  return state.kind === 'signed-in' || state.kind === 'expired' ? state.session : undefined;
}

export const useIsAdmin = (): boolean => useSession()?.group === 'admins';

/** What command lines need to know of this home. */
export function useHome(): Home {
  const { config } = useParts();
  return useMemo(() => ({ prefix: config.awsCliPrefix, outputs: config.outputs }), [config]);
}

export function useLiveState(): LiveState {
  const { live } = useParts();
  return useSyncExternalStore(live.subscribe, () => live.state);
}

/** Draws again when there are new messages, and not more often than every so many milliseconds. */
export function useLiveVersion(every = 0): number {
  const { store } = useParts();
  const subscribe = useMemo(() => calm(store.subscribe, every), [store, every]);
  return useSyncExternalStore(subscribe, () => store.version);
}

/** What the messages have told about a device; drawn again when there are new ones of it. */
export function useTold(thingName: string, every = 0): Told | undefined {
  const { store } = useParts();
  const subscribe = useMemo(() => calm(store.subscribe, every), [store, every]);
  useSyncExternalStore(subscribe, () => store.devices.get(thingName)?.version ?? -1);
  return store.devices.get(thingName);
}
