import { useMutation } from '@tanstack/react-query';
import { dataOf } from '../api/api';
import { inWords } from '../api/problem';
import { useParts } from '../app/context';
import type { JsonObject } from '../values/json';

/** So long the API waits for the device's answer, in seconds. */
const WAIT = 8;

/** Changes what is desired, and waits for what the device makes of it. */
export function useChange(thingName: string) {
  const { api, queries, flashes } = useParts();
  return useMutation({
    mutationFn: (desired: JsonObject) =>
      dataOf(
        api.PATCH('/v1/devices/{thingName}/settings', {
          params: { path: { thingName }, query: { wait: WAIT } },
          body: { desired },
        }),
      ),
    onError: (error) => {
      flashes.show({
        id: `change ${thingName}`,
        type: 'error',
        header: `The settings of ${thingName} are as they were`,
        content: inWords(error),
      });
    },
    onSuccess: ({ pending }) => {
      flashes.show({
        id: `change ${thingName}`,
        type: pending.length === 0 ? 'success' : 'warning',
        header:
          pending.length === 0
            ? `${thingName} runs with it`
            : `${thingName} does not run with it yet`,
        content:
          pending.length === 0
            ? 'The device has reported every new value.'
            : `Pending: ${pending.join(', ')}. The shadow says whether they were rejected.`,
        to: `/devices/${encodeURIComponent(thingName)}/shadow`,
      });
    },
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ['device', thingName] });
      void queries.invalidateQueries({ queryKey: ['timeline', thingName] });
    },
  });
}
