import { QueryClient } from '@tanstack/react-query';
import { Problem } from '../api/problem';

/** Asks again what may have passed: no network, too many requests. Not what was refused. */
export function queriesOf(): QueryClient {
  const again = (failures: number, error: Error): boolean =>
    failures < 3 && (!(error instanceof Problem) || error.isPassing);
  const pause = (failures: number, error: Error): number =>
    error instanceof Problem && error.retryAfter !== undefined
      ? error.retryAfter * 1000
      : Math.min(500 * 2 ** failures, 8000);
  return new QueryClient({
    defaultOptions: {
      queries: {
        // A laptop without a network still has its local cloud.
        networkMode: 'always',
        retry: again,
        retryDelay: pause,
        staleTime: 2000,
        refetchOnWindowFocus: true,
      },
      mutations: { networkMode: 'always', retry: false },
    },
  });
}
