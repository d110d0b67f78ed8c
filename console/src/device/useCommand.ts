import { useMutation } from '@tanstack/react-query';
import { dataOf } from '../api/api';
import { inWords } from '../api/problem';
import { useParts } from '../app/context';
import type { JsonObject } from '../values/json';

export interface Request {
  command: string;
  arguments?: JsonObject;
}

/** Gives the device a command and waits for its reply; a failure is told at the page's top. */
export function useCommand(thingName: string) {
  const { api, queries, flashes } = useParts();
  return useMutation({
    mutationFn: (request: Request) =>
      dataOf(
        api.POST('/v1/devices/{thingName}/commands', {
          params: { path: { thingName } },
          body: request,
        }),
      ),
    onError: (error, { command }) => {
      flashes.show({
        id: `command ${thingName}`,
        type: 'error',
        header: `${thingName} did not do “${command}”`,
        content: inWords(error),
        to: `/devices/${encodeURIComponent(thingName)}/timeline`,
      });
    },
    onSuccess: () => {
      flashes.dismiss(`command ${thingName}`);
    },
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ['device', thingName] });
      void queries.invalidateQueries({ queryKey: ['timeline', thingName] });
    },
  });
}
