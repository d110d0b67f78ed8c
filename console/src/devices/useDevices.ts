import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { dataOf, type Device } from '../api/api';
import { useParts } from '../app/context';
import { useSoon } from '../app/useSoon';

/** After so many pages one has to ask for more: 2,000 devices are a list that nobody reads. */
const MOST_PAGES = 20;

/**
 * All devices of the catalog, page after page, the newest first. Asked again when presence says
 * that one has come or gone, and from time to time.
 */
export function useDevices() {
  const { api, store } = useParts();
  const query = useInfiniteQuery({
    queryKey: ['devices'],
    queryFn: ({ pageParam, signal }) =>
      dataOf(
        api.GET('/v1/devices', {
          params: { query: { limit: 100, ...(pageParam && { nextToken: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.nextToken,
    // Each page is a request; many pages are asked less often.
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 1) > 2 ? 60_000 : 10_000),
  });
  const { hasNextPage, isFetching, fetchNextPage, refetch, data } = query;
  const pages = data?.pages.length ?? 0;
  useEffect(() => {
    if (hasNextPage && !isFetching && pages < MOST_PAGES) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage, pages]);

  const presences = useSyncExternalStore(store.subscribe, () => store.presences);
  useSoon(
    presences,
    () => {
      void refetch();
    },
    pages > 2 ? 10_000 : 1000,
  );

  const devices = useMemo(
    (): Device[] => data?.pages.flatMap((page) => page.devices) ?? [],
    [data],
  );
  return { ...query, devices, isWhole: !hasNextPage };
}
